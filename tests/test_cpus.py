"""The budget: which limit sets it, what overrides it, and when it is looked at."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from threads import together

import lightwork
from lightwork import _cpus
from lightwork._cpus import Override, Quota, budget, cpu_budget

VARIABLES = ("LIGHTWORK_NUM_THREADS", "PYTHON_CPU_COUNT")


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Eight CPUs, no quota and no override, whatever this machine has; afterwards it is looked at anew."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys._xoptions, "cpu_count", raising=False)
    monkeypatch.setattr(_cpus, "_affinity", lambda: 8)
    monkeypatch.setattr(_cpus, "tightest_quota", lambda: None)
    monkeypatch.setattr(_cpus, "_known", None)
    yield
    monkeypatch.undo()
    budget(refresh=True)


def set_quota(monkeypatch: pytest.MonkeyPatch, runtime: int, period: int = 100_000) -> Quota:
    """Let the process's cgroup have a quota."""
    quota = Quota(runtime, period, "/cg/cpu.max")
    monkeypatch.setattr(_cpus, "tightest_quota", lambda: quota)
    return quota


def run(code: str, *options: str, **environment: str) -> str:
    """Run Python code in a process of its own; return what it prints."""
    inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    paths = {"PYTHONPATH": str(Path(lightwork.__path__[0]).parent)}
    command = [sys.executable, *options, "-c", code]
    done = subprocess.run(command, env=inherited | paths | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- Limits ---------------------------------------------------------------------------------------------------------


def test_without_a_quota_the_affinity_mask_decides() -> None:
    """The budget is the number of CPUs that the process may be scheduled on."""
    assert budget() == _cpus.Budget(8, "the affinity mask allows 8", 8, None, None, ())


@pytest.mark.parametrize(("runtime", "cpus"), [(50_000, 1), (150_000, 2), (700_001, 8), (800_000, 8), (6_400_000, 8)])
def test_the_smaller_of_affinity_and_quota_decides(monkeypatch: pytest.MonkeyPatch, runtime: int, cpus: int) -> None:
    """A quota lowers the budget to itself, rounded up, and never raises it."""
    quota = set_quota(monkeypatch, runtime)
    assert cpu_budget() == cpus
    assert budget().quota is quota


def test_the_reason_names_the_cgroup_and_its_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user can see which file to change."""
    set_quota(monkeypatch, 150_000)
    assert budget().reason == "/cg/cpu.max allows 150000 us of CPU time in every 100000 us"


def test_a_pinned_process_has_the_cpus_it_is_pinned_to() -> None:
    """``taskset`` and ``sched_setaffinity`` set the budget."""
    code = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import lightwork
print(lightwork.cpu_budget())
"""
    assert run(code) == "1"


def test_a_system_that_knows_no_affinity_counts_its_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no affinity mask, as on macOS, or it cannot be read, all CPUs are counted."""
    monkeypatch.undo()
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    monkeypatch.delattr(os, "sched_getaffinity")
    assert _cpus._affinity() == 5
    monkeypatch.setattr(os, "sched_getaffinity", _raise_os_error, raising=False)
    assert _cpus._affinity() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert _cpus._affinity() == 1


def _raise_os_error(_: int) -> set[int]:
    raise OSError


# --- Overrides ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("cpus", [1, 3, 32])
def test_a_variable_overrides_affinity_and_quota(monkeypatch: pytest.MonkeyPatch, name: str, cpus: int) -> None:
    """What the user sets is obeyed, also beyond what the machine allows; the limits are still reported."""
    quota = set_quota(monkeypatch, 200_000)
    monkeypatch.setenv(name, str(cpus))
    assert budget() == _cpus.Budget(cpus, f"{name} is set to it", 8, quota, Override(name, cpus), ())


def test_our_own_variable_wins_over_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    """LIGHTWORK_NUM_THREADS is stronger than PYTHON_CPU_COUNT and -X cpu_count."""
    monkeypatch.setenv("LIGHTWORK_NUM_THREADS", "3")
    monkeypatch.setenv("PYTHON_CPU_COUNT", "5")
    monkeypatch.setitem(sys._xoptions, "cpu_count", "6")
    assert cpu_budget() == 3


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", " ", "٣٫٥"])
@pytest.mark.parametrize("name", VARIABLES)
def test_a_malformed_variable_is_ignored_and_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A setting that is no positive integer changes nothing, and the reason says so."""
    monkeypatch.setenv(name, value)
    assert cpu_budget() == 8
    assert budget().ignored == (f"{name}={value!r}",)
    assert budget().reason == f"the affinity mask allows 8; {name}={value!r} is ignored, as it is no positive integer"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing is neither obeyed nor complained of."""
    monkeypatch.setenv("LIGHTWORK_NUM_THREADS", "")
    assert budget().ignored == ()
    assert cpu_budget() == 8


def test_behind_a_malformed_variable_the_next_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTHON_CPU_COUNT is obeyed where LIGHTWORK_NUM_THREADS makes no sense."""
    monkeypatch.setenv("LIGHTWORK_NUM_THREADS", "all")
    monkeypatch.setenv("PYTHON_CPU_COUNT", "5")
    assert cpu_budget() == 5
    assert budget().ignored == ("LIGHTWORK_NUM_THREADS='all'",)


@pytest.mark.parametrize(
    ("options", "variable", "cpus"),
    [
        (("-X", "cpu_count=5"), "", "5"),
        (("-X", "cpu_count=5"), "7", "5"),
        ((), "7", "7"),
        (("-E",), "7", "limits"),
        (("-X", "cpu_count=default"), "7", "limits"),
        ((), "default", "limits"),
    ],
)
def test_pythons_own_settings_mean_what_python_says(options: tuple[str, ...], variable: str, cpus: str) -> None:
    """-X cpu_count wins over PYTHON_CPU_COUNT, ``default`` and -E switch that off, in versions that know of it and others."""
    path = str(Path(lightwork.__path__[0]).parent)
    code = f"""
import sys; sys.path.insert(0, {path!r})
from lightwork._cpus import budget
found = budget()
print(found.cpus if found.override else "limits", *found.ignored)
"""
    assert run(code, *options, PYTHON_CPU_COUNT=variable or "default") == cpus


# --- When it is looked at -------------------------------------------------------------------------------------------


def test_the_budget_is_kept_until_it_is_asked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later changes are seen with refresh=True, and from then on."""
    assert cpu_budget() == 8
    monkeypatch.setenv("LIGHTWORK_NUM_THREADS", "3")
    assert cpu_budget() == 8
    assert cpu_budget(refresh=True) == 3
    assert cpu_budget() == 3


def test_importing_looks_at_nothing() -> None:
    """What is set after the import, and before the first call, still counts."""
    code = """
import os, lightwork
os.environ["LIGHTWORK_NUM_THREADS"] = "3"
print(lightwork.cpu_budget())
"""
    assert run(code) == "3"


def test_a_forked_child_looks_again() -> None:
    """A child that is pinned to one CPU gets a budget of one, the parent keeps its own."""
    code = """
import os, lightwork
os.environ["LIGHTWORK_NUM_THREADS"] = "3"
assert lightwork.cpu_budget() == 3
del os.environ["LIGHTWORK_NUM_THREADS"]
child = os.fork()
if child == 0:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os._exit(lightwork.cpu_budget())
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), lightwork.cpu_budget())
"""
    assert run(code) == "1 3"


@pytest.mark.usefixtures("eager_switching")
def test_threads_that_refresh_at_once_all_get_an_answer() -> None:
    """The cached value can be replaced by any number of threads while others read it."""
    asks = [lambda refresh=refresh: [cpu_budget(refresh=refresh) for _ in range(200)] for refresh in (True, False) * 4]
    assert together(asks) == [[8] * 200] * 8
