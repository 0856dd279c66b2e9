"""The tightest CPU quota among a process's cgroups and all their ancestors, in version 1 and 2 of the hierarchy.

Which cgroups those are, ``/proc/self/cgroup`` says; where they can be read, ``/proc/self/mountinfo``. Both are relative to the
process's cgroup namespace, whose root is written ``/``; what lies above it is written with leading ``..``.
Nothing here raises: what cannot be read or understood sets no limit. See cgroups(7), cgroup_namespaces(7) and proc(5).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Quota", "positive", "tightest_quota"]


@dataclass(frozen=True, slots=True)
class Quota:
    """
    A cgroup's limit on CPU time: all its processes together may run for `runtime` in every `period`.

    Attributes
    ----------
    runtime, period : int
        In microseconds, both positive.
    path : str
        The file that says so.
    """

    runtime: int
    period: int
    path: str

    @property
    def cpus(self) -> int:
        """CPUs that can be kept busy under this quota; a part of one counts as one."""
        return -(-self.runtime // self.period)


def positive(text: str) -> int | None:
    """Return the number that `text` is, if it is a positive integer that fits into 64 bits."""
    try:
        number = int(text)
    except ValueError:
        return None
    return number if 0 < number < 2**63 else None


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - Path would normalise what the kernel wrote
            return os.fsdecode(file.read())
    except (OSError, ValueError):  # ValueError: a path with a null character
        return ""


def _memberships(root: str) -> dict[str, str]:
    """Return this process's cgroup by type of file system: ``cgroup2``, and version 1's ``cgroup`` where it has the CPU controller."""
    groups: dict[str, str] = {}
    for line in _read(f"{root}/proc/self/cgroup").split("\n"):
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            groups["cgroup2"] = group
        elif "cpu" in controllers.split(","):
            groups["cgroup"] = group
    return groups


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _mounts(root: str) -> Iterator[tuple[str, str, str]]:
    """Yield type, top cgroup and mount point of each mounted hierarchy that can limit CPU time."""
    for line in _read(f"{root}/proc/self/mountinfo").split("\n"):
        mount, _, filesystem = line.partition(" - ")
        match mount.split(" "), filesystem.split(" "):
            case [_, _, _, top, point, *_], ["cgroup2", *_]:
                yield "cgroup2", _unescaped(top), _unescaped(point)
            case [_, _, _, top, point, *_], ["cgroup", _, options, *_] if "cpu" in options.split(","):
                yield "cgroup", _unescaped(top), _unescaped(point)
            case _:
                pass


def _steps(path: str) -> list[str]:
    return [step for step in path.split("/") if step]


def _way_down(top: str, group: str) -> list[str] | None:
    """Return the steps from `top`, the cgroup that is mounted, down to `group`; None where the mount shows another branch."""
    above, ours = _steps(top), _steps(group)
    if set(above) == {".."}:
        return []  # above the namespace: `group` is somewhere below it, by names that cannot be seen
    way = ours[len(above) :]
    return None if ours[: len(above)] != above or ".." in way else way


def _directories(root: str) -> Iterator[tuple[str, str]]:
    """Yield type and directory of each cgroup of this process, from its own upwards, that can be seen from here."""
    groups = _memberships(root)
    for kind, top, point in _mounts(root):
        way = _way_down(top, groups[kind]) if kind in groups else None
        if way is not None:
            for depth in range(len(way), -1, -1):
                yield kind, "/".join([point, *way[:depth]])


def _quota_of(root: str, kind: str, directory: str) -> Quota | None:
    path = f"{directory}/cpu.max" if kind == "cgroup2" else f"{directory}/cpu.cfs_quota_us"
    words = _read(root + path).split()
    if kind == "cgroup":
        words += _read(f"{root}{directory}/cpu.cfs_period_us").split()
    if len(words) != 2:  # noqa: PLR2004 - the quota and its period
        return None
    runtime, period = map(positive, words)  # "max" and -1, which mean no limit, are no positive integers
    return Quota(runtime, period, path) if runtime and period else None


def tightest_quota(root: str = "") -> Quota | None:
    """
    Return the quota that leaves this process the least CPU time; None where there is no limit.

    Parameters
    ----------
    root : str, optional
        The directory that stands for ``/``.

    Returns
    -------
    Quota or None
    """
    quotas = (_quota_of(root, kind, directory) for kind, directory in _directories(root))
    return min((quota for quota in quotas if quota), key=lambda quota: quota.runtime / quota.period, default=None)
