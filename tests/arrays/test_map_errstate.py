"""``np.errstate``: floating-point errors are reported once for the whole call, in the caller, as NumPy reports them."""

import ctypes
import ctypes.util
import platform
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from bits import assert_like_numpy, outcome_of
from strategies import WORKERS, Array

from lightwork import chunked_map, fuse

N_ITEMS = 1000
CHUNKED: list[dict[str, Any]] = [{"chunk_size": 100, "workers": workers} for workers in WORKERS]

each_tuning = pytest.mark.parametrize("tuning", [{}, *CHUNKED], ids=str)


def _ones_but(flaw: float, *positions: int) -> Array:
    """Ones, with a flaw at the given positions."""
    numbers = np.ones(N_ITEMS)
    numbers[list(positions)] = flaw
    return numbers


FLAWED: dict[str, tuple[Any, ...]] = {
    "in the first chunk": (np.divide, 1.0, _ones_but(0, 0)),
    "in the last chunk": (np.divide, 1.0, _ones_but(0, -1)),
    "in the middle": (np.divide, 1.0, _ones_but(0, 555)),
    "in every chunk": (np.divide, 1.0, np.zeros(N_ITEMS)),
    "invalid": (np.sqrt, _ones_but(-1, 950)),
    "overflow": (np.exp, _ones_but(1e4, 950)),
    "underflow": (np.multiply, 1e-200, _ones_but(1e-200, 950)),
    "integers": (np.floor_divide, 1, np.ones(N_ITEMS, int) - (np.arange(N_ITEMS) == 950)),
    "remainder": (np.remainder, 1, np.ones(N_ITEMS, int) - (np.arange(N_ITEMS) == 950)),
    "complex": (np.log, _ones_but(0, 3).astype(complex)),
    "float16": (np.add, _ones_but(65504, 950).astype("e"), np.float16(65504)),
}


@contextmanager
def everything_warns() -> Iterator[None]:
    """Underflow too, which NumPy ignores unless told."""
    with np.errstate(all="warn"):
        yield


@each_tuning
@pytest.mark.parametrize("case", FLAWED)
def test_one_warning_wherever_the_flaw_is(case: str, tuning: dict[str, Any]) -> None:
    """One warning, in NumPy's words, for a flaw in any chunk or in all of them."""
    with everything_warns():
        seen = outcome_of(FLAWED[case][0], *FLAWED[case][1:]).warnings
        assert len(seen) == 1
        assert_like_numpy(FLAWED[case][0], *FLAWED[case][1:], **tuning)


@each_tuning
def test_flags_of_all_chunks_are_joined(tuning: dict[str, Any]) -> None:
    """Different flaws in different chunks are one warning each, in NumPy's order."""
    numbers = _ones_but(0, 990)
    numbers[10] = -1
    assert len(outcome_of(np.log, numbers).warnings) == 2
    assert_like_numpy(np.log, numbers, **tuning)


@each_tuning
def test_a_cast_reports_under_its_own_name(tuning: dict[str, Any]) -> None:
    """An overflow on the way to the loop is NumPy's ``overflow encountered in cast``, once."""
    numbers = _ones_but(1e300, 5, 950)
    assert_like_numpy(np.sqrt, numbers, dtype=np.float32, **tuning)
    numbers[7] = -1
    assert len(outcome_of(np.sqrt, numbers, dtype=np.float32).warnings) == 2
    assert_like_numpy(np.sqrt, numbers, dtype=np.float32, **tuning)


@pytest.mark.parametrize("ufunc", [np.maximum, np.fmin, np.absolute, np.negative, np.add, np.divide], ids=lambda ufunc: ufunc.__name__)
@pytest.mark.parametrize("position", [0, 20_000, -1])
def test_casts_of_results_that_the_loop_forgets(ufunc: np.ufunc, position: int) -> None:
    """Some loops clear what the casts before them raised, so that NumPy tells of its last buffer alone: where chunks end makes no difference."""
    array = np.ones(40_000)
    array[position] = 1e300
    operands, small = [array] * ufunc.nin, np.empty(array.size, np.float32)
    expected = outcome_of(ufunc, *operands, out=small)
    for chunk_size in (64, 3000, 8192):
        assert outcome_of(chunked_map, ufunc, *operands, out=small, chunk_size=chunk_size, workers=2).warnings == expected.warnings

    def fused(*operands: Any) -> Any:
        result = operands[0].astype(np.float32, copy=True) * 0
        return ufunc(*operands, out=result)

    with np.errstate(invalid="ignore"):
        assert outcome_of(fuse(fused), *operands).warnings == outcome_of(fused, *operands).warnings


@each_tuning
def test_the_warning_points_at_the_caller(tuning: dict[str, Any]) -> None:
    """The warning names the file and the line of the call, as NumPy's own does."""
    zeros = np.zeros(N_ITEMS)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        line, _ = sys._getframe().f_lineno, chunked_map(np.log, zeros, **tuning)
    assert [(warning.filename, warning.lineno) for warning in seen] == [(__file__, line)]


@each_tuning
def test_a_warning_made_an_error_is_raised(tuning: dict[str, Any]) -> None:
    """Under ``-W error`` the call raises the warning, and the next call works."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="^divide by zero encountered in log$"):
            chunked_map(np.log, _ones_but(0, 950), **tuning)
        assert chunked_map(np.log, np.ones(N_ITEMS), **tuning).max() == 0


@each_tuning
@pytest.mark.parametrize("case", FLAWED)
def test_raise_is_numpys_error(case: str, tuning: dict[str, Any]) -> None:
    """``raise`` ends in FloatingPointError with NumPy's message."""
    with np.errstate(all="raise"):
        error = outcome_of(FLAWED[case][0], *FLAWED[case][1:]).error
        assert error is not None and error[0] is FloatingPointError
        assert_like_numpy(FLAWED[case][0], *FLAWED[case][1:], **tuning)


@each_tuning
@pytest.mark.parametrize("case", FLAWED)
def test_ignore_says_nothing(case: str, tuning: dict[str, Any]) -> None:
    """``ignore`` gives NumPy's result and no word."""
    with np.errstate(all="ignore"):
        assert_like_numpy(FLAWED[case][0], *FLAWED[case][1:], **tuning)


def _events_of(call: Callable[..., Any], *args: Any, **keywords: Any) -> list[Any]:
    """What the caller's error handlers are told, as a function and as a log."""
    events: list[Any] = []

    class Log:
        write = events.append

    with np.errstate(all="call", call=lambda *told: events.append(told)):
        call(*args, **keywords)
    with np.errstate(all="log", call=Log()):
        call(*args, **keywords)
    return events


@each_tuning
@pytest.mark.parametrize("case", FLAWED)
def test_handlers_are_told_once(case: str, tuning: dict[str, Any]) -> None:
    """``call`` and ``log`` hear what they hear from NumPy, once for a call."""
    ufunc, *inputs = FLAWED[case]
    expected = _events_of(ufunc, *inputs)
    assert len(expected) == 2
    assert _events_of(chunked_map, ufunc, *inputs, **tuning) == expected


@each_tuning
def test_an_error_of_the_handler_reaches_the_caller(tuning: dict[str, Any]) -> None:
    """What a handler raises, the call raises."""

    def refuse(message: str, flag: int) -> None:
        raise LookupError(f"{message}, {flag}")

    with np.errstate(divide="call", call=refuse), pytest.raises(LookupError, match="^divide by zero, 1$"):
        chunked_map(np.log, _ones_but(0, 950), **tuning)


@each_tuning
def test_print_prints_numpys_line(tuning: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    """``print`` writes what NumPy writes, where NumPy writes it."""
    with np.errstate(all="print"):
        np.log(_ones_but(0, 950))
        expected = capfd.readouterr()
        chunked_map(np.log, _ones_but(0, 950), **tuning)
    assert "divide by zero" in expected.out + expected.err
    assert capfd.readouterr() == expected


@each_tuning
def test_each_flag_has_its_own_mode(tuning: dict[str, Any]) -> None:
    """``divide`` may be ignored while ``invalid`` raises."""
    numbers = _ones_but(0, 990)
    with np.errstate(divide="ignore", invalid="raise"):
        assert_like_numpy(np.log, numbers, **tuning)
        numbers[10] = -1
        assert_like_numpy(np.log, numbers, **tuning)


@each_tuning
def test_a_stale_flag_is_nobodys_error(tuning: dict[str, Any]) -> None:
    """Flags left behind by earlier work, the caller's or a worker's, are not reported by a clean call."""
    with np.errstate(all="ignore"):
        np.divide(1.0, np.zeros(9))  # NumPy leaves the flag up when it is told to ignore it
        chunked_map(np.log, np.zeros(N_ITEMS), chunk_size=10, workers=7)
    with np.errstate(all="raise"):
        assert_like_numpy(np.add, np.ones(N_ITEMS), 1.0, **tuning)


@each_tuning
def test_errors_of_no_chunk_are_no_errors(tuning: dict[str, Any]) -> None:
    """NaN and infinity as inputs pass through quietly wherever NumPy lets them."""
    with np.errstate(all="raise"):
        for flaw in (np.nan, np.inf, -0.0, 5e-324):
            assert_like_numpy(np.negative, _ones_but(flaw, 0, 555, 999), **tuning)
            assert_like_numpy(np.maximum, _ones_but(flaw, 0, 555, 999), 1.0, **tuning)


UPWARD = {"x86_64": 0x800, "AMD64": 0x800, "aarch64": 0x400000, "arm64": 0x400000}  # FE_UPWARD


@pytest.fixture
def rounding_upward() -> Iterator[None]:
    """The calling thread rounds towards infinity, as interval arithmetic does."""
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    before = library.fegetround()
    assert library.fesetround(UPWARD[platform.machine()]) == 0
    yield
    library.fesetround(before)


@pytest.mark.parametrize("workers", WORKERS)
def test_rounding_is_the_callers(rounding_upward: None, workers: int) -> None:
    """The rounding mode of the calling thread holds in each chunk of a ufunc, as it does in NumPy's own loop."""
    numbers = np.linspace(1, 2, 300_001)
    for _ in range(5):
        assert_like_numpy(np.divide, numbers, 3.0, chunk_size=10_000, workers=workers)


def test_rounding_of_one_call_is_not_the_next_ones(rounding_upward: None) -> None:
    """A caller who rounds upward leaves no worker rounding upward for the others."""
    numbers = np.linspace(1, 2, 300_001)
    chunked_map(np.divide, numbers, 3.0, chunk_size=10_000, workers=3)
    assert ctypes.CDLL(ctypes.util.find_library("m")).fesetround(0) == 0
    for _ in range(5):
        assert_like_numpy(np.divide, numbers, 3.0, chunk_size=10_000, workers=3)
