"""``python -m lightwork demo``: what it computes, what it prints, and that it notices a wrong bit."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lightwork
from lightwork import _demo


def test_every_result_of_a_quick_demo_is_equal(capsys: pytest.CaptureFixture[str]) -> None:
    """The demo ends in 0 and marks every one of its rows as equal."""
    assert _demo.main(["--quick"]) == 0
    rows = capsys.readouterr().out.partition(_demo.HEADER)[2].split("\n\n")[0].strip().splitlines()
    n_works = len(_demo.library_works(_demo.read_library(50_000)[0]) + _demo.synthetic_works(10))
    assert len(rows) == n_works
    assert all(row.endswith("  yes") for row in rows)


def test_the_first_line_tells_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """Figures stand beside the budget, the GIL's state and the versions that they belong to."""
    _demo.main(["--quick"])
    first = capsys.readouterr().out.splitlines()[0]
    is_gil_on = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert f"GIL {'on' if is_gil_on else 'off'}, NumPy {np.__version__}, CPU budget {lightwork.cpu_budget()}" in first


def test_a_single_wrong_bit_is_told_and_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One flipped bit in one result is a NO in its row and an exit status of 1."""
    right = lightwork.chunked_map

    def flip_a_bit_of_arctan2(fn: Any, *arrays: Any, **keywords: Any) -> Any:
        result = right(fn, *arrays, **keywords)
        if fn is np.arctan2:
            result.view(np.uint64)[-1] ^= 1
        return result

    monkeypatch.setattr(lightwork, "chunked_map", flip_a_bit_of_arctan2)
    assert _demo.main(["--quick"]) == 1
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines() if line.endswith(" NO")] == ["arctan2"]
    assert "DIFFER" in printed


def test_the_command_runs_the_demo() -> None:
    """``python -m lightwork demo --quick`` prints the table and ends in 0."""
    command = [sys.executable, "-m", "lightwork", "demo", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert _demo.HEADER in done.stdout


@pytest.mark.parametrize(
    ("numpys", "is_same"),
    [
        (np.array([0.0, np.nan]), True),
        (np.array([-0.0, np.nan]), False),
        (np.array([0.0, -np.nan]), False),
        (np.array([[0.0, np.nan]]), False),
        (np.array([0.0, np.nan], np.float32), False),
    ],
)
def test_the_same_means_the_same_bits(numpys: _demo.Array, *, is_same: bool) -> None:
    """Neither a zero's sign, nor a NaN's, nor another shape or dtype passes for equal."""
    assert _demo.is_same(np.array([0.0, np.nan]), numpys) is is_same


def test_times_are_medians_taken_in_turns() -> None:
    """NumPy and lightwork are measured alternately, and each gets the median of its own times."""
    durations = [5.0, 1.0, 3.0, 9.0, 4.0, 2.0]  # NumPy's are the 1st, 3rd and 5th
    ticks = itertools.accumulate(itertools.chain([0.0], *([duration, 100.0] for duration in durations)))
    row = _demo.run(_demo.Work("sqrt", np.sqrt, (np.arange(9.0),)), 3, clock=lambda: next(ticks))
    assert row == _demo.Row("sqrt", numpy=4.0, lightwork=2.0, is_equal=True)


def test_the_ratio_is_how_many_times_faster() -> None:
    """Half of NumPy's time is a ratio of 2."""
    printed = _demo.line(_demo.Row("sqrt", numpy=0.030, lightwork=0.015, is_equal=True))
    assert printed.split() == ["sqrt", "30.00", "15.00", "2.00", "yes"]


def test_installed_packages_are_not_the_standard_library(tmp_path: Path) -> None:
    """Only source is read, in a fixed order, and nothing below site-packages."""
    for name in ("os.py", "json/decoder.py", "abc.txt", "site-packages/numpy.py", "__pycache__/os.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("pass")
    assert [path.name for path in _demo.source_files(tmp_path)] == ["os.py", "decoder.py"]


def test_a_library_without_source_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is nothing to read the demo says where it looked."""
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    with pytest.raises(SystemExit, match="2"):
        _demo.main(["--quick"])
    assert str(tmp_path) in capsys.readouterr().err


def test_entropy_of_known_blocks() -> None:
    """A block of one byte value has no entropy, one with all 256 equally often has 8 bits."""
    blocks = np.stack([np.zeros(256, np.uint8), np.arange(256, dtype=np.uint8)])
    np.testing.assert_array_equal(_demo.entropies(blocks), [0.0, 8.0])


def test_run_lengths_count_equal_neighbours() -> None:
    """Runs between two changes of value are counted; the first and the last, which may be cut off, are not."""
    np.testing.assert_array_equal(_demo.run_lengths(np.array([7, 7, 1, 1, 1, 2, 9, 9], np.uint8)), [3, 1])
