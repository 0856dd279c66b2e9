"""How many CPUs this process may use, and why: its affinity mask, the quotas of its cgroups, or what the user said."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from lightwork._cpus.cgroups import Quota, positive, tightest_quota

__all__ = ["Budget", "Override", "Quota", "budget", "cpu_budget"]


@dataclass(frozen=True, slots=True)
class Override:
    """A number of CPUs that the user set in `source`: an environment variable, or an option of the interpreter."""

    source: str
    cpus: int


@dataclass(frozen=True, slots=True)
class Budget:
    """
    The number of CPUs to use, and every limit that was seen on the way to it.

    Attributes
    ----------
    cpus : int
        The budget, at least 1.
    reason : str
        What set it, in one line, and which settings were ignored.
    affinity : int
        CPUs that the calling thread may be scheduled on.
    quota : Quota or None
        The tightest quota among the cgroups of this process and all their ancestors.
    override : Override or None
        What the user asked for, which wins over both.
    ignored : tuple of str
        Settings that are no positive integers, as ``NAME='value'``.
    """

    cpus: int
    reason: str
    affinity: int
    quota: Quota | None
    override: Override | None
    ignored: tuple[str, ...]


def _affinity() -> int:
    affinity_of = getattr(os, "sched_getaffinity", None)  # macOS has none
    try:
        return len(affinity_of(0)) if affinity_of else os.cpu_count() or 1
    except OSError:
        return os.cpu_count() or 1


def _settings() -> Iterator[tuple[str, str]]:
    """Yield what may override the limits, strongest first; what is not set is an empty string."""
    yield "LIGHTWORK_NUM_THREADS", os.environ.get("LIGHTWORK_NUM_THREADS", "")
    # Documented, though private by name; os.cpu_count() would not tell who said it.
    option = str(sys._xoptions.get("cpu_count", ""))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    yield "-X cpu_count", option
    if option != "default" and not sys.flags.ignore_environment:  # "default" is Python's word for "ignore the variable"
        yield "PYTHON_CPU_COUNT", os.environ.get("PYTHON_CPU_COUNT", "")


def _override() -> tuple[Override | None, tuple[str, ...]]:
    """Return the strongest override, and the malformed settings that would have been stronger."""
    ignored: list[str] = []
    for source, text in _settings():
        cpus = positive(text)
        if cpus is not None:
            return Override(source, cpus), tuple(ignored)
        if text and text != "default":
            ignored.append(f"{source}={text!r}")
    return None, tuple(ignored)


def _decided(affinity: int, quota: Quota | None, override: Override | None) -> tuple[int, str]:
    if override:
        return override.cpus, f"{override.source} is set to it"
    if quota and quota.cpus < affinity:
        return quota.cpus, f"{quota.path} allows {quota.runtime} us of CPU time in every {quota.period} us"
    return affinity, f"the affinity mask allows {affinity}"


def _look() -> Budget:
    affinity, quota, (override, ignored) = _affinity(), tightest_quota(), _override()
    cpus, reason = _decided(affinity, quota, override)
    reasons = [reason, *(f"{setting} is ignored, as it is no positive integer" for setting in ignored)]
    return Budget(cpus, "; ".join(reasons), affinity, quota, override, ignored)


_known: Budget | None = None


def _forget() -> None:
    global _known  # noqa: PLW0603 - one answer for the whole process
    _known = None


# A child is often pinned, or moved to another cgroup, right after the fork.
os.register_at_fork(after_in_child=_forget)


def budget(*, refresh: bool = False) -> Budget:
    """
    Return the CPU budget together with the limits that it was made from.

    Parameters
    ----------
    refresh : bool, default False
        See :func:`cpu_budget`.

    Returns
    -------
    Budget
    """
    global _known  # noqa: PLW0603
    known = _known
    if known is None or refresh:
        _known = known = _look()
    return known


def cpu_budget(*, refresh: bool = False) -> int:
    """
    Return how many CPUs this process may keep busy: the number of workers where nothing else is said.

    It is the size of the affinity mask, or the tightest CPU quota among the process's cgroups (version 1 and 2) and all
    their ancestors if that is less, where a part of a CPU counts as one. ``LIGHTWORK_NUM_THREADS`` wins over both and may
    exceed them. So, where that is not set, do Python's own ``-X cpu_count`` and ``PYTHON_CPU_COUNT``, also in versions
    of Python that ignore them. ``python -m lightwork doctor`` prints the number and the reason for it.

    Parameters
    ----------
    refresh : bool, default False
        Whether to look at all of this anew (about 0.1 ms). Otherwise that happens once in a process, and once in each
        forked child, and later calls return what was found then.

    Returns
    -------
    int
        At least 1.

    Notes
    -----
    Never raises: what cannot be read, and a setting that is no positive integer, sets no limit. Thread-safe. The
    affinity mask is the one of the thread that looks, which the threads that it starts inherit.

    Examples
    --------
    >>> import lightwork as lw
    >>> lw.cpu_budget() >= 1
    True
    """
    return budget(refresh=refresh).cpus
