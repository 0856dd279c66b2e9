"""Quotas, read from made-up ``/proc`` and ``/sys/fs/cgroup`` trees."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightwork._cpus.cgroups import Quota, positive, tightest_quota

V1 = "cgroup cgroup rw,cpu,cpuacct"
V2 = "cgroup2 cgroup2 rw,nsdelegate"

MakeRoot = Callable[..., str]


def put(root: Path, path: str, content: str | bytes) -> None:
    """Write one file below a made-up root."""
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


def mountinfo(*mounts: tuple[str, str, str]) -> str:
    """Lines as the kernel writes them, for mounts given as (top cgroup, mount point, type and options)."""
    return "".join(f"{30 + i} 25 0:{26 + i} {top} {point} rw,nosuid shared:9 - {kind}\n" for i, (top, point, kind) in enumerate(mounts))


@pytest.fixture
def make_root(tmp_path: Path) -> MakeRoot:
    """Make up a root directory of a membership, mounts, and files given by path."""

    def make(cgroup: str, mounts: str, files: dict[str, str]) -> str:
        for path, content in {"/proc/self/cgroup": cgroup, "/proc/self/mountinfo": mounts, **files}.items():
            put(tmp_path, path, content)
        return str(tmp_path)

    return make


@pytest.fixture
def v2_quota(make_root: MakeRoot) -> Callable[[str], Quota | None]:
    """Return the quota that one ``cpu.max`` sets on the process's only cgroup."""

    def quota(content: str) -> Quota | None:
        mounts = mountinfo(("/", "/sys/fs/cgroup", V2))
        return tightest_quota(make_root("0::/job\n", mounts, {"/sys/fs/cgroup/job/cpu.max": content}))

    return quota


@pytest.fixture
def v1_quota(make_root: MakeRoot) -> Callable[[str, str], Quota | None]:
    """Return the quota that version 1's pair of files sets on the process's only cgroup."""

    def quota(runtime: str, period: str) -> Quota | None:
        files = {"/cg/cpu/job/cpu.cfs_quota_us": runtime, "/cg/cpu/job/cpu.cfs_period_us": period}
        return tightest_quota(make_root("4:cpu,cpuacct:/job\n", mountinfo(("/", "/cg/cpu", V1)), files))

    return quota


# --- One file -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "cpus"),
    [
        ("100000 100000\n", 1),
        ("150000 100000\n", 2),
        ("200000 100000\n", 2),
        ("200001 100000\n", 3),
        ("1000 100000\n", 1),
        ("6400000 100000\n", 64),
    ],
)
def test_a_fraction_of_a_cpu_counts_as_one(v2_quota: Callable[[str], Quota | None], content: str, cpus: int) -> None:
    """A quota is rounded up to whole CPUs, and never below one."""
    quota = v2_quota(content)
    assert quota is not None
    assert quota.cpus == cpus


@pytest.mark.parametrize(
    "content",
    [
        "max 100000\n",
        "",
        "\n",
        "max",
        "100000",
        "0 100000",
        "100000 0",
        "-1 100000",
        "100000 -1",
        "a b",
        "1 2 3",
        "\0",
        "1.5 1",
        "9" * 5000 + " 1",
    ],
)
def test_a_file_without_a_limit_or_sense_sets_none(v2_quota: Callable[[str], Quota | None], content: str) -> None:
    """An unlimited, empty or malformed ``cpu.max`` is no limit and no error."""
    assert v2_quota(content) is None


@pytest.mark.parametrize(
    ("runtime", "period", "expected"),
    [
        ("150000\n", "100000\n", (150000, 100000)),
        ("-1\n", "100000\n", None),
        ("100000\n", "0\n", None),
        ("100000\n", "", None),
        ("", "100000\n", None),
        ("garbage", "100000\n", None),
    ],
)
def test_version_1_has_quota_and_period_in_two_files(
    v1_quota: Callable[[str, str], Quota | None], runtime: str, period: str, expected: tuple[int, int] | None
) -> None:
    """Version 1's two files are read as one quota, and -1 or nonsense as none."""
    quota = v1_quota(runtime, period)
    assert (quota and (quota.runtime, quota.period)) == expected


def test_a_quota_names_the_file_that_sets_it(v2_quota: Callable[[str], Quota | None]) -> None:
    """The path says where a user can look."""
    assert v2_quota("50000 100000") == Quota(50000, 100000, "/sys/fs/cgroup/job/cpu.max")


# --- Ancestors and mounts -------------------------------------------------------------------------------------------


def test_a_quota_on_an_ancestor_holds(make_root: MakeRoot) -> None:
    """A limit on a parent slice limits the process, though its own cgroup has none."""
    files = {"/cg/user.slice/cpu.max": "150000 100000", "/cg/user.slice/app.scope/cpu.max": "max 100000"}
    root = make_root("0::/user.slice/app.scope\n", mountinfo(("/", "/cg", V2)), files)
    assert tightest_quota(root) == Quota(150000, 100000, "/cg/user.slice/cpu.max")


@pytest.mark.parametrize("tightest", ["/cg", "/cg/a", "/cg/a/b", "/cg/a/b/c"])
def test_the_tightest_of_all_ancestors_wins(make_root: MakeRoot, tightest: str) -> None:
    """It does not matter on which level the lowest quota stands."""
    files = {f"{path}/cpu.max": "800000 100000" for path in ("/cg", "/cg/a", "/cg/a/b", "/cg/a/b/c")}
    files[f"{tightest}/cpu.max"] = "30000 10000"
    root = make_root("0::/a/b/c\n", mountinfo(("/", "/cg", V2)), files)
    assert tightest_quota(root) == Quota(30000, 10000, f"{tightest}/cpu.max")


def test_fractions_are_compared_before_they_are_rounded(make_root: MakeRoot) -> None:
    """Of two quotas between one and two CPUs, the lower one is reported."""
    files = {"/cg/a/cpu.max": "190000 100000", "/cg/cpu.max": "110000 100000"}
    quota = tightest_quota(make_root("0::/a\n", mountinfo(("/", "/cg", V2)), files))
    assert quota == Quota(110000, 100000, "/cg/cpu.max")


def test_a_cgroup_that_is_not_ours_sets_no_limit(make_root: MakeRoot) -> None:
    """A sibling's quota, and one below the process's own cgroup, are somebody else's."""
    files = {"/cg/ours/cpu.max": "max 100000", "/cg/other/cpu.max": "1000 100000", "/cg/ours/child/cpu.max": "1000 100000"}
    assert tightest_quota(make_root("0::/ours\n", mountinfo(("/", "/cg", V2)), files)) is None


def test_a_container_that_sees_the_hosts_path_finds_its_own_mount(make_root: MakeRoot) -> None:
    """Without a cgroup namespace the container's cgroup is mounted, and named as on the host."""
    mounts = mountinfo(("/docker/f00", "/sys/fs/cgroup/cpu", V1))
    files = {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "250000", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}
    quota = tightest_quota(make_root("7:cpu,cpuacct:/docker/f00\n", mounts, files))
    assert quota == Quota(250000, 100000, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")


def test_a_container_finds_a_cgroup_below_its_mount(make_root: MakeRoot) -> None:
    """A process that an init system moved further down is looked for relative to what is mounted."""
    files = {"/cg/init.scope/cpu.max": "100000 100000"}
    root = make_root("0::/docker/f00/init.scope\n", mountinfo(("/docker/f00", "/cg", V2)), files)
    assert tightest_quota(root) == Quota(100000, 100000, "/cg/init.scope/cpu.max")


def test_a_container_with_a_cgroup_namespace_reads_its_root(make_root: MakeRoot) -> None:
    """Within a cgroup namespace the process's own cgroup is ``/``, and its quota stands at the mount point."""
    root = make_root("0::/\n", mountinfo(("/", "/sys/fs/cgroup", V2)), {"/sys/fs/cgroup/cpu.max": "300000 100000"})
    assert tightest_quota(root) == Quota(300000, 100000, "/sys/fs/cgroup/cpu.max")


def test_a_mount_from_above_the_namespace_shows_an_ancestor(make_root: MakeRoot) -> None:
    """A host's mount that shows more than the namespace has the ancestors' quotas at its top."""
    root = make_root("0::/\n", mountinfo(("/../..", "/host", V2)), {"/host/cpu.max": "300000 100000"})
    assert tightest_quota(root) == Quota(300000, 100000, "/host/cpu.max")


@pytest.mark.parametrize(("group", "top"), [("/ours", "/other"), ("/ours", "/../other"), ("/../ours", "/")])
def test_a_mount_of_another_branch_is_passed_over(make_root: MakeRoot, group: str, top: str) -> None:
    """A bind mount of somebody else's cgroup sets no limit, nor does a path that leads out of the mount."""
    files = {"/cg/cpu.max": "100000 100000", "/cg/ours/cpu.max": "100000 100000", "/ours/cpu.max": "100000 100000"}
    assert tightest_quota(make_root(f"0::{group}\n", mountinfo((top, "/cg", V2)), files)) is None


def test_a_process_whose_cgroup_is_gone_still_has_its_ancestors(make_root: MakeRoot) -> None:
    """Directories that are missing are passed over on the way up."""
    root = make_root("0::/gone/away\n", mountinfo(("/", "/cg", V2)), {"/cg/cpu.max": "100000 100000"})
    assert tightest_quota(root) == Quota(100000, 100000, "/cg/cpu.max")


@pytest.mark.parametrize(("v1", "v2", "path"), [(1, 3, "/v1/a/cpu.cfs_quota_us"), (3, 1, "/v2/b/cpu.max")])
def test_a_machine_with_both_versions_is_held_to_both(make_root: MakeRoot, v1: int, v2: int, path: str) -> None:
    """Where version 1 and 2 are mounted side by side, the tighter one wins."""
    files = {"/v1/a/cpu.cfs_quota_us": f"{v1}00", "/v1/a/cpu.cfs_period_us": "100", "/v2/b/cpu.max": f"{v2}00 100"}
    mounts = mountinfo(("/", "/v1", V1), ("/", "/v2", V2))
    assert tightest_quota(make_root("0::/b\n3:cpu:/a\n", mounts, files)) == Quota(100, 100, path)


def test_only_the_hierarchy_of_the_cpu_controller_counts(make_root: MakeRoot) -> None:
    """Version 1's hierarchies of other controllers, though their names begin alike, are not read."""
    files = {f"/{name}/{group}/cpu.cfs_period_us": "100" for name in ("cpu", "cpuset") for group in "ab"}
    files |= {f"/{name}/{group}/cpu.cfs_quota_us": "100" for name in ("cpu", "cpuset") for group in "ab"}
    files |= {"/cpu/a/cpu.cfs_quota_us": "900"}
    mounts = mountinfo(("/", "/cpu", V1), ("/", "/cpuset", "cgroup cgroup rw,cpuset"))
    quota = tightest_quota(make_root("4:cpu,cpuacct:/a\n3:cpuset:/b\n1:name=systemd:/b\n", mounts, files))
    assert quota == Quota(900, 100, "/cpu/a/cpu.cfs_quota_us")


@pytest.mark.parametrize(("kind", "line", "name"), [(V1, "4:cpu:/a:b", "cpu.cfs_quota_us"), (V2, "0::/a:b", "cpu.max")])
def test_names_with_spaces_and_colons_are_found(make_root: MakeRoot, kind: str, line: str, name: str) -> None:
    """A colon in a cgroup's name, and an escaped space in a mount point, are part of the name."""
    files = {"/c g/a:b/cpu.max": "100 100", "/c g/a:b/cpu.cfs_quota_us": "100", "/c g/a:b/cpu.cfs_period_us": "100"}
    root = make_root(f"{line}\n", mountinfo(("/", r"/c\040g", kind)), files)
    assert tightest_quota(root) == Quota(100, 100, f"/c g/a:b/{name}")


def test_a_name_that_is_no_utf_8_hides_nothing_else(tmp_path: Path) -> None:
    """File systems mounted under any bytes may stand beside the cgroups'."""
    put(tmp_path, "/proc/self/cgroup", "0::/\n")
    put(tmp_path, "/proc/self/mountinfo", b"9 1 8:1 / /mnt/\xff rw - ext4 /dev/sda rw\n" + mountinfo(("/", "/cg", V2)).encode())
    put(tmp_path, "/cg/cpu.max", "100 100")
    assert tightest_quota(str(tmp_path)) == Quota(100, 100, "/cg/cpu.max")


# --- Nothing raises -------------------------------------------------------------------------------------------------


def test_a_system_without_cgroups_has_no_quota(tmp_path: Path) -> None:
    """Missing files, as on another operating system, set no limit."""
    assert tightest_quota(str(tmp_path)) is None


@pytest.mark.parametrize("cgroup", ["", "\n\n", "0", "0:", "0::", "0::relative", "::", ":cpu:", "x:cpu:/\0", "0::/\udcff\n"])
@pytest.mark.parametrize("mounts", ["", "\n", "- - -", "1 2 3 / /cg", "1 2 3 / /cg - ", "1 2 3 / /cg - cgroup x", f"1 2 3 - {V2}"])
def test_malformed_lists_set_no_limit(tmp_path: Path, cgroup: str, mounts: str) -> None:
    """Lines that are cut off or make no sense are passed over."""
    put(tmp_path, "/proc/self/cgroup", cgroup.encode(errors="surrogateescape"))
    put(tmp_path, "/proc/self/mountinfo", mounts)
    put(tmp_path, "/cg/cpu.max", "100000 100000")
    assert tightest_quota(str(tmp_path)) is None


LINES = st.lists(st.sampled_from([b"0::/a", b"4:cpu:/a", b" - ", b"1 2 3 / /cg rw - cgroup2 x rw", b"1 2 3 /.. /cg - cgroup x cpu", b"\\777", b"\0"]))
BYTES = st.binary(max_size=40) | LINES.map(b"\n".join) | LINES.map(b" ".join)


@given(cgroup=BYTES, mounts=BYTES, content=BYTES | st.sampled_from([b"100 100", b"1 0"]))
def test_no_content_of_any_file_raises(cgroup: bytes, mounts: bytes, content: bytes) -> None:
    """Whatever bytes the files hold, there is a positive quota or none."""
    with tempfile.TemporaryDirectory() as directory:
        put(Path(directory), "/proc/self/cgroup", cgroup)
        put(Path(directory), "/proc/self/mountinfo", mounts)
        for name in ("cg/cpu.max", "cg/a/cpu.max", "cg/a/cpu.cfs_quota_us", "cg/a/cpu.cfs_period_us"):
            put(Path(directory), name, content)
        quota = tightest_quota(directory)
    assert quota is None or quota.cpus >= 1


def test_a_directory_in_place_of_a_file_sets_no_limit(make_root: MakeRoot) -> None:
    """What cannot be read at all is as good as missing."""
    root = make_root("0::/\n", mountinfo(("/", "/cg", V2)), {"/cg/cpu.max/file": ""})
    assert tightest_quota(root) is None


@given(number=st.integers(1, 2**63 - 1))
def test_every_positive_number_the_kernel_may_write_is_read(number: int) -> None:
    """Numbers of up to 63 bits are read back, in spaces or not."""
    assert positive(str(number)) == positive(f" {number}\n") == number


@pytest.mark.parametrize("text", ["", "0", "-1", "max", "1.0", "1e3", "0x10", str(2**63), "9" * 5000])
def test_what_is_no_positive_number_is_none(text: str) -> None:
    """Zero, negative, too large and malformed numbers are all refused."""
    assert positive(text) is None
