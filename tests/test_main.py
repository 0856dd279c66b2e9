"""``python -m lightwork``: the choice of a command, and the doctor's report."""

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from lightwork._core.sharing import thresholds

import lightwork
from lightwork import __main__ as command
from lightwork import _cpus, _doctor
from lightwork._cpus import Override, Quota

Sections = dict[str, list[str]]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m lightwork`` in a process of its own, with a pool that nobody has used yet."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"LIGHTWORK_NUM_THREADS", "PYTHON_CPU_COUNT"}}
    paths = {"PYTHONPATH": str(Path(lightwork.__path__[0]).parent)}
    whole = [sys.executable, "-m", "lightwork", *arguments]
    return subprocess.run(whole, env=inherited | paths | environment, capture_output=True, text=True, check=False)


def sections(report: str) -> Sections:
    """Return the lines below each title."""
    found: Sections = {}
    for part in report.split("\n\n"):
        title, *lines = part.splitlines()
        found[title.partition(",")[0]] = [line.strip() for line in lines]
    return found


def value(lines: list[str], name: str) -> str:
    """Return what a report says of a name."""
    [text] = [line.removeprefix(name).strip() for line in lines if line.startswith(name + " ")]
    return text


def columns(lines: list[str], first: str) -> list[dict[str, str]]:
    """Return the rows of the table whose first column has this title, each as a dict by title."""
    [start] = [index for index, line in enumerate(lines) if line.startswith(first + " ")]
    header, *rows = [re.split(r" {2,}", line) for line in lines[start:]]
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def healthy() -> Sections:
    """The report of a process that may use three workers."""
    done = run("doctor", LIGHTWORK_NUM_THREADS="3")
    assert (done.returncode, done.stderr) == (0, "")
    return sections(done.stdout)


# --- The command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_without_a_command_the_usage_is_printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It names every command with a line about it."""
    assert command.main(arguments) == 0
    usage = capsys.readouterr().out
    assert usage.startswith("usage: python -m lightwork COMMAND")
    for name, purpose in command.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(purpose)}$", usage, re.MULTILINE)


def test_an_unknown_command_is_an_error_that_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """The status is 2, and nothing goes to standard output."""
    assert command.main(["docter"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("There is no command 'docter'")
    assert command.usage() in err


@pytest.mark.parametrize("name", command.COMMANDS)
def test_a_command_gets_the_options_and_gives_the_status(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows the command's name is the command's."""
    module = ModuleType(name)
    monkeypatch.setattr(module, "main", lambda options: 40 + len(options), raising=False)
    monkeypatch.setitem(sys.modules, f"lightwork._{name}", module)
    assert command.main([name, "--quick", "now"]) == 42


def test_the_status_reaches_the_shell() -> None:
    """An unknown command fails a script that runs it."""
    done = run("docter")
    assert (done.returncode, done.stdout) == (2, "")


def test_a_reader_may_stop_reading() -> None:
    """Piped into ``head``, a report ends without a traceback."""
    code = "import subprocess, sys; reader = subprocess.Popen([sys.executable, '-c', ''], stdin=subprocess.PIPE); reader.wait(); "
    code += "sys.exit(subprocess.run([sys.executable, '-m', 'lightwork', 'doctor'], stdout=reader.stdin).returncode)"
    environment = os.environ | {"PYTHONPATH": str(Path(lightwork.__path__[0]).parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_command_is_imported_when_it_is_wanted() -> None:
    """The usage costs the import of neither command."""
    code = "import sys; from lightwork.__main__ import main; main([]); print({'lightwork._demo', 'lightwork._doctor'} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(Path(lightwork.__path__[0]).parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")


def test_the_doctor_takes_no_options(capsys: pytest.CaptureFixture[str]) -> None:
    """An option that it does not know is an error, not something to overlook."""
    with pytest.raises(SystemExit, match="2"):
        command.main(["doctor", "--fast"])
    assert "unrecognized arguments: --fast" in capsys.readouterr().err


# --- The doctor on this machine -------------------------------------------------------------------------------------


def test_the_report_is_plain_text_in_sections(healthy: Sections) -> None:
    """It has a section for each thing that is seen or chosen, and no control characters."""
    expected = [f"lightwork {lightwork.__version__}", "CPUs", "Python", "NumPy", "BLAS", "Default pool", "Cut-offs", "Order in which NumPy adds"]
    assert list(healthy) == expected
    assert all(line.isprintable() for lines in healthy.values() for line in lines)


def test_the_budget_is_printed_with_its_reason(healthy: Sections) -> None:
    """The environment variable that set it is named, and the affinity mask that it overrides."""
    assert value(healthy["CPUs"], "budget") == "3, because LIGHTWORK_NUM_THREADS is set to it"
    assert value(healthy["CPUs"], "override") == "3, by LIGHTWORK_NUM_THREADS"
    assert value(healthy["CPUs"], "affinity") == str(_cpus.budget().affinity)


def test_python_and_numpy_are_the_ones_that_run(healthy: Sections) -> None:
    """Versions are those of this interpreter and of the NumPy that it imports."""
    version = ".".join(map(str, sys.version_info[:3]))
    assert value(healthy["Python"], "version").split()[1].startswith(version)
    assert value(healthy["NumPy"], "version") == np.__version__


def test_the_gil_is_reported_as_it_is(healthy: Sections) -> None:
    """On or off, as the interpreter itself says."""
    is_on = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert re.match(r"on|off", value(healthy["Python"], "GIL")).group() == ("on" if is_on else "off")  # type: ignore[union-attr]


def test_every_instruction_set_that_numpy_dispatches_to_is_listed_once(healthy: Sections) -> None:
    """Those that this CPU has, and those that it has not, are all there are."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    listed = " ".join(value(healthy["NumPy"], name) for name in ("compiled for", "uses here, too", "not on this CPU"))
    assert sorted(set(listed.split()) - {"none"}) == sorted(name for names in simd.values() for name in names)  # type: ignore[attr-defined]


def test_the_pool_has_run_what_was_timed(healthy: Sections) -> None:
    """There is a row for each worker, worker 0 took part in every call that was shared, and its chunks were counted."""
    lines = healthy["Default pool"]
    workers = columns(lines, "worker")
    assert "workers for a call that does not say how many: 3, the calling thread included" in lines
    assert f"threads started: {len(workers) - 1}" in lines
    assert [row["worker"] for row in workers] == ["0", "1", "2"]
    assert 1 <= int(workers[0]["jobs"]) <= len(_doctor.UFUNCS) * _doctor.N_CALLS
    assert sum(int(row["chunks"]) for row in workers) > int(workers[0]["jobs"])


def test_cut_offs_follow_from_the_measured_costs(healthy: Sections) -> None:
    """Each function that was timed has a positive cost, and is shared from as many items as make the two thresholds."""
    rows = columns(healthy["Cut-offs"], "function")
    assert [row["function"].partition(" ")[0] for row in rows] == sorted(ufunc.__name__ for ufunc in _doctor.UFUNCS)
    for row in rows:
        low, high = float(row["ns an item"]) - 0.0051, float(row["ns an item"]) + 0.0051  # it is printed rounded
        for name, limit in [("shared from items", thresholds()["warm_ns"]), ("asleep, from items", thresholds()["cold_ns"])]:
            assert math.floor(limit / high) <= int(row[name]) <= math.ceil(limit / low)


def test_the_order_of_sums_is_known(healthy: Sections) -> None:
    """Each dtype has its line, and none of them has to be left to NumPy."""
    lines = healthy["Order in which NumPy adds"]
    assert [line.split()[0] for line in lines] == ["float32", "float64", np.dtype("g").name, "complex64", "complex128", np.dtype("G").name]
    assert {line.split()[1] for line in lines} <= {"tree", "buffers"}


def test_an_unknown_order_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where sums are left to NumPy, the report says which, and that it takes one core."""
    monkeypatch.setattr(_doctor, "order_name", lambda dtype: "other" if dtype.char == "f" else "tree")
    assert [line for line in _doctor.order_lines() if "not known" in line] == [
        "float32      not known: NumPy itself adds all items of such arrays, on one core"
    ]


def test_with_one_worker_nothing_is_shared() -> None:
    """The report says so, and no thread was started to find out."""
    report = sections(run("doctor", LIGHTWORK_NUM_THREADS="1").stdout)
    assert report["Cut-offs"] == ["no call is shared: there is one worker"]
    assert "threads started: 0" in report["Default pool"]


# --- The doctor on other machines -----------------------------------------------------------------------------------


def test_a_quota_is_printed_in_cpus_with_its_file() -> None:
    """A fraction is shown as it is, though it counts as a whole CPU."""
    assert _doctor.quota_text(Quota(150_000, 100_000, "/cg/cpu.max")) == "1.5 CPUs, by /cg/cpu.max"
    assert _doctor.quota_text(None) == "none"


def test_the_budget_is_looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report shows the limits as they are now, not as they were at the first call."""
    monkeypatch.setattr(_cpus, "_known", None)
    _cpus.budget()
    monkeypatch.setattr(_cpus, "tightest_quota", lambda: Quota(50_000, 100_000, "/cg/cpu.max"))
    monkeypatch.setattr(_cpus, "_override", lambda: (Override("PYTHON_CPU_COUNT", 6), ("LIGHTWORK_NUM_THREADS='x'",)))
    rows = dict(_doctor.budget_rows())
    assert rows["cgroup quota"] == "0.5 CPUs, by /cg/cpu.max"
    assert rows["budget"].startswith("6, because PYTHON_CPU_COUNT is set to it; LIGHTWORK_NUM_THREADS='x' is ignored")


@pytest.mark.parametrize(
    ("can_be_off", "is_on", "begins"),
    [(False, True, "on, as always"), (True, True, "on, although"), (True, False, "off")],
)
def test_a_gil_that_need_not_be_on_is_pointed_out(can_be_off: bool, is_on: bool, begins: str) -> None:
    """A free-threaded build that runs with the GIL is told apart from one that cannot run without it."""
    assert _doctor.gil_text(can_be_off, is_on).startswith(begins)


def set_libraries(monkeypatch: pytest.MonkeyPatch, *libraries: dict[str, Any]) -> None:
    """Let threadpoolctl find these."""
    module = ModuleType("threadpoolctl")
    monkeypatch.setattr(module, "threadpool_info", lambda: list(libraries), raising=False)
    monkeypatch.setitem(sys.modules, "threadpoolctl", module)


def test_blas_threads_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each BLAS that is loaded has a line; OpenMP runtimes are no BLAS."""
    mkl = {"user_api": "blas", "internal_api": "mkl", "version": "2025.1", "num_threads": 6}
    set_libraries(monkeypatch, mkl, {"user_api": "openmp", "internal_api": "openmp", "version": None, "num_threads": 8})
    assert list(_doctor.blas_rows()) == [("mkl", "2025.1, 6 threads")]


def test_no_blas_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A NumPy with a BLAS that threadpoolctl does not know is no error."""
    set_libraries(monkeypatch)
    assert list(_doctor.blas_rows()) == [("threads", "no library that threadpoolctl knows is loaded")]


def test_without_threadpoolctl_the_doctor_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is optional: without it one line is less, and says so."""
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert list(_doctor.blas_rows()) == [("threads", "unknown; install threadpoolctl to see them")]


def test_the_installed_threadpoolctl_is_understood() -> None:
    """The real one answers in the form that is read here."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    loaded = [library for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]
    assert len(list(_doctor.blas_rows())) == max(len(loaded), 1)
