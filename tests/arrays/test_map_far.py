"""Chunks in other processes: the results, errors and effects that the same call has on threads."""

import gc
import os
import threading
import time
import warnings
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import far_functions as far
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import NUMERIC, Operand, examples, operands

import lightwork as lw
import lightwork.testing
from lightwork.arrays import far_chunks
from lightwork.processes.segments import Segments

Array = npt.NDArray[Any]


@pytest.fixture(scope="module", autouse=True)
def workers() -> Iterator[None]:
    """The tests share two processes, which end with them."""
    with lw.configure(workers=2):
        yield
    assert lw.shutdown(60)


def both(fn: Any, *arrays: Any, **options: Any) -> tuple[Any, Any]:
    """Return what a call gives in processes and on threads."""
    return lw.chunked_map(fn, *arrays, executor="process", **options), lw.chunked_map(fn, *arrays, **options)


def matrices() -> st.SearchStrategy[Operand]:
    """Of a few rows, in any layout of any dtype."""
    shapes = st.tuples(st.integers(1, 9), st.integers(0, 5))
    return shapes.flatmap(lambda shape: operands(shape, NUMERIC))


@given(matrices(), st.sampled_from((None, 1, 2, 5)))
@examples(60)
def test_results_are_those_of_threads(recipe: Operand, chunk_size: int | None) -> None:
    """To the bit, with dtype and order, whatever the arrays and the chunks are like."""
    array = recipe.build()
    with np.errstate(all="ignore"):
        there, here = both(far.added, array, array, chunk_size=chunk_size)
    np.testing.assert_array_equal(there, here, strict=True)
    assert there.flags.c_contiguous == here.flags.c_contiguous


@pytest.mark.parametrize(
    "array", [np.arange(1e6).reshape(100, -1), np.asfortranarray(np.arange(1e6).reshape(100, -1)), np.arange(1e6).reshape(100, -1)[::-1]]
)
def test_large_arrays_are_read_where_they_are(array: Array) -> None:
    """Whatever their strides, chunk by chunk, by more than one process."""
    there, here = both(far.row_sums, array, chunk_size=7)
    np.testing.assert_array_equal(there, here, strict=True)


def test_other_axes_are_cut() -> None:
    """As on threads, with arrays that are passed whole."""
    array, row = np.arange(12_000.0).reshape(3, 4000), np.arange(3.0)[:, None]
    there, here = both(far.added, array, row, axis=1, chunk_size=999)
    np.testing.assert_array_equal(there, here, strict=True)


@pytest.mark.parametrize("n_items", [10, 100_000])
def test_results_are_written_to_out(n_items: int) -> None:
    """Which is the array of the caller, however large; by functions that write there, and by those that return."""
    x = np.arange(float(n_items))
    out = np.ones(n_items)
    assert lw.chunked_map(far.twice, x, out=out, executor="process") is out
    np.testing.assert_array_equal(out, 2 * x)
    lw.chunked_map(far.row_sums, x[:, None], out=out, executor="process")
    np.testing.assert_array_equal(out, x)
    lw.chunked_map(far.add_to, x, out=out, executor="process")
    np.testing.assert_array_equal(out, 2 * x)


def test_out_may_be_an_input_or_a_view() -> None:
    """Nothing but the view is written to."""
    x = np.arange(30_000.0).reshape(-1, 3)
    expected = x.copy()
    expected[::2, 1] *= 2
    lw.chunked_map(far.twice, x[::2, 1], out=x[::2, 1], executor="process")
    np.testing.assert_array_equal(x, expected)


def test_out_in_shared_memory_is_written_to_itself() -> None:
    """Also where it is an input, and has gaps."""
    x = lw.shared_empty((10_000, 3))
    x[:] = 1
    lw.chunked_map(far.twice, x[:, 1], out=x[:, 1], executor="process")
    assert x.sum(axis=0).tolist() == [10_000, 20_000, 10_000]


def test_objects_are_pickled() -> None:
    """As operands, results and `out`."""
    objects = np.array([[1, "a"], [2, "b"], [3, "c"]], object)
    there, here = both(far.first, objects, chunk_size=1)
    np.testing.assert_array_equal(there, here, strict=True)
    out = np.empty(3, object)
    assert lw.chunked_map(far.first, objects, out=out, executor="process") is out
    assert out.tolist() == [1, 2, 3]
    lw.chunked_map(far.add_to, np.array([[1], [2], [3]], object)[:, 0], out=out, executor="process")
    assert out.tolist() == [2, 4, 6]


def test_out_casts_as_on_threads() -> None:
    """By the same rule."""
    out = np.empty(6, "f4")
    lw.chunked_map(far.row_sums, np.arange(12).reshape(6, 2), out=out, executor="process")
    assert out.tolist() == [1, 5, 9, 13, 17, 21]
    with pytest.raises(TypeError, match="same_kind"):
        lw.chunked_map(far.row_sums, np.ones((6, 2)), out=np.empty(6, int), executor="process")


def test_a_dtype_is_that_of_the_result() -> None:
    """Whatever the function returns."""
    there, here = both(far.row_sums, np.ones((6, 2)), dtype="f4")
    np.testing.assert_array_equal(there, here, strict=True)


@pytest.mark.parametrize("is_large", [False, True])
def test_large_results_stay_in_shared_memory(is_large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next call reads them where they are; others take no open file."""
    monkeypatch.setattr(far_chunks, "LARGE_RESULT", 800_000 if is_large else 800_001)
    result = lw.chunked_map(far.row_sums, np.ones((100_000, 2)), executor="process")
    assert_segments_here(2 if is_large else 0)
    with Segments() as segments:
        assert len(segments.dumps(result).segments) == (not is_large)


@pytest.mark.parametrize("n_items", [10, 100_000])
def test_chunks_may_be_changed_as_they_may_on_threads(n_items: int) -> None:
    """Their flags do not depend on their size; what a function writes to its part is its own."""
    array = np.arange(float(n_items))
    assert (lw.chunked_map(far.flags, array, executor="process") == 11).all()
    array.flags.writeable = False
    assert (lw.chunked_map(far.flags, array, executor="process") == 1).all()
    array = np.arange(float(n_items))
    np.testing.assert_array_equal(lw.chunked_map(far.negated_in_place, array, executor="process"), -np.arange(n_items))
    np.testing.assert_array_equal(array, np.arange(n_items))


@pytest.mark.parametrize("n_items", [100, 100_000])
@pytest.mark.parametrize("make", [np.empty, lw.shared_empty])
def test_what_a_chunk_writes_is_its_own(make: Any, n_items: int) -> None:
    """Also in what every chunk is given whole, what shows the same items twice, and what the function has; also in the next call."""
    total, part = make((1, n_items)), make((20, n_items))
    total[:], part[:] = 0, 1
    for _ in range(2):
        for fn, arrays, expected in (
            (far.counted, (part, total), 1),
            (partial(far.counted_by, total), (part,), 1),
            (far.added_in_place, (part, part[::-1]), 2),
            (far.negated_in_place, (part,), -1),
        ):
            there = lw.chunked_map(fn, *arrays, executor="process", chunk_size=1)
            np.testing.assert_array_equal(there, np.full((20, n_items), expected))
            assert (total == 0).all() and (part == 1).all()


@pytest.mark.parametrize("n_items", [100, 200_000])
@pytest.mark.parametrize("make", [np.empty, lw.shared_empty])
@pytest.mark.parametrize("with_out", [False, True])
def test_tests_may_have_chunks_run_here(make: Any, n_items: int, *, with_out: bool) -> None:
    """In the calling thread the same is done to the same arrays."""
    array = make(n_items)
    array[:] = 1
    out = np.empty(n_items) if with_out else None
    with lightwork.testing.serial():
        result = lw.chunked_map(far.negated_in_place, array, out=out, executor="process")
    np.testing.assert_array_equal(result, -np.ones(n_items))
    np.testing.assert_array_equal(array, np.ones(n_items))


def test_no_chunk_runs_here() -> None:
    """Not even the first."""
    assert os.getpid() not in lw.chunked_map(far.processes, np.arange(100), executor="process")


def test_an_empty_array_is_one_call() -> None:
    """Which tells the dtype."""
    there, here = both(far.row_sums, np.ones((0, 3)))
    np.testing.assert_array_equal(there, here, strict=True)
    assert both(far.twice, np.ones(0), out=np.ones(0))[0].shape == (0,)


@pytest.mark.parametrize("out", [None, np.empty(100_000)])
@pytest.mark.parametrize("chunk_size", [10, None])
def test_an_error_carries_its_chunk(out: Array | None, chunk_size: int | None) -> None:
    """The first of those that ran is raised, with the note that it has on threads."""
    with pytest.raises(ValueError, match="is too large") as caught:
        lw.chunked_map(far.refuse_large, np.arange(100_000.0), out=out, chunk_size=chunk_size, executor="process")
    (note,) = caught.value.__notes__
    assert note.startswith("in chunk [") and note.endswith(") of axis 0")
    if chunk_size:
        assert "[50, 60)" in note


@pytest.mark.parametrize(
    ("fn", "error", "message"),
    [(far.too_short, ValueError, "must keep the chunk's length"), (far.changing, TypeError, "for the first chunk and float32 for this one")],
)
def test_chunks_are_held_to_the_rules(fn: Any, error: type[Exception], message: str) -> None:
    """As on threads, with the chunk that broke them."""
    with pytest.raises(error, match=message) as caught:
        lw.chunked_map(fn, np.arange(100.0), chunk_size=10, executor="process")
    assert "in chunk [" in caught.value.__notes__[0]


def test_others_go_on_while_the_first_chunk_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are put aside, with no file open for those that are done, until it has decided what the result is like."""
    fn = partial(far.late_first, str(tmp_path / "signal"))
    n_open = []
    real = vars(far_chunks)["Answer"]

    def counted() -> Any:
        n_open.append(len(segments_here()))
        return real()

    monkeypatch.setattr(far_chunks, "Answer", counted)
    doubled = lw.chunked_map(fn, np.arange(100.0), chunk_size=1, executor="process")
    np.testing.assert_array_equal(doubled, 2 * np.arange(100.0))
    assert len(n_open) > 20
    assert max(n_open) < 10
    assert_segments_here(0)


def test_the_first_chunk_decides_also_when_it_is_late(tmp_path: Path) -> None:
    """What came before it is held to it, and the first that breaks the rules is told of."""
    fn = partial(far.late_and_alone, str(tmp_path / "signal"))
    with pytest.raises(ValueError, match=r"shape \(1, 1\) for a chunk of a result of shape \(100,\)") as caught:
        lw.chunked_map(fn, np.arange(100.0), chunk_size=1, executor="process")
    assert caught.value.__notes__ == ["in chunk [1, 2) of axis 0"]


def test_the_first_error_by_place_is_raised(tmp_path: Path) -> None:
    """Though another was there before it."""
    fn = partial(far.fail_late, str(tmp_path / "signal"))
    with pytest.raises(ValueError, match="no more") as caught:
        lw.chunked_map(fn, np.arange(100.0), chunk_size=1, executor="process")
    assert caught.value.__notes__ == ["in chunk [3, 4) of axis 0"]


def test_what_the_caller_s_errstate_refuses_is_an_error_of_its_chunk(tmp_path: Path) -> None:
    """A result that is cast here is no different from one that is cast there, and costs no worker."""
    before = two_workers(tmp_path / "signal")
    with np.errstate(over="raise"), pytest.raises(FloatingPointError) as caught:
        lw.chunked_map(far.huge_from_ten_on, np.arange(100.0), dtype="f4", chunk_size=10, executor="process")
    assert caught.value.__notes__ == ["in chunk [10, 20) of axis 0"]
    assert {*lw.chunked_map(far.processes, np.arange(100), executor="process", chunk_size=1)} <= before


def test_the_caller_s_errstate_holds() -> None:
    """What is to raise raises there."""
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        lw.chunked_map(far.divided, np.arange(10.0), executor="process")


def test_errors_are_not_logged_where_nobody_reads_it() -> None:
    """A call of the caller's own for them is not made in another process, and keeps none from being run there."""
    with np.errstate(all="call", call=lambda *_: pytest.fail("called")), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # here, and with that in the workers
        assert np.isinf(lw.chunked_map(far.divided, np.ones(10), executor="process")).all()


def two_workers(signal_file: Path) -> set[int]:
    """Return the processes of two workers that were started now, each of which has run something."""
    assert lw.shutdown(60)
    return {*lw.chunked_map(partial(far.processes_that_meet, str(signal_file)), np.arange(100), executor="process", chunk_size=1)}


def test_calls_share_their_processes(tmp_path: Path) -> None:
    """The next call starts none."""
    before = two_workers(tmp_path / "signal")
    assert len(before) == 2
    for _ in range(3):
        assert {*lw.chunked_map(far.processes, np.arange(100), executor="process", chunk_size=1)} <= before


def test_tests_may_have_chunks_run_in_their_thread() -> None:
    """Where items are."""
    with lightwork.testing.serial():
        assert set(lw.chunked_map(far.processes, np.arange(100), executor="process")) == {os.getpid()}


def test_what_is_configured_for_items_is_not_for_chunks() -> None:
    """A rate limit or a retry for items does not touch them."""
    with lw.configure(retry=lw.Retry(3), rate_limit=1e-3, timeout=1e-9, progress=True, window=1, executor="serial"):
        np.testing.assert_array_equal(*both(far.row_sums, np.ones((100, 2)), chunk_size=10))


def test_ufuncs_are_refused() -> None:
    """They need no processes, and the error says so."""
    with pytest.raises(TypeError, match="runs exp on threads without the GIL; processes could only be slower"):
        lw.chunked_map(np.exp, np.ones(3), executor="process")


@pytest.mark.parametrize("executor", ["processes", None, 3])
def test_other_executors_are_refused(executor: Any) -> None:
    """There are two."""
    with pytest.raises(ValueError, match="executor must be 'thread' or 'process', not"):
        lw.chunked_map(far.row_sums, np.ones((3, 3)), executor=executor)


def test_what_cannot_be_pickled_is_refused_in_the_caller() -> None:
    """Before anything runs, by its name, with what is wrong in it and a way out."""
    lock: Any = threading.Lock()
    with pytest.raises(TypeError, match=r"^the array .* cannot be sent to a process; threads need no pickling") as caught:
        lw.chunked_map(far.row_sums, np.array([threading.Lock()], object), executor="process")
    assert "cannot pickle '_thread.lock' object" in str(caught.value)
    with pytest.raises(TypeError, match=r"^the function .* cannot be sent to a process; threads need no pickling") as caught:
        lw.chunked_map(partial(far.counted_by, lock), np.ones(3), executor="process")
    assert "cannot pickle '_thread.lock' object" in str(caught.value)


def segments_here() -> list[str]:
    """Return the segments that this process has open."""
    gc.collect()
    return [path for path in map(str, map(Path.resolve, Path("/proc/self/fd").iterdir())) if "memfd:lightwork" in path]


def assert_segments_here(n_segments: int) -> None:
    """Wait until so many are open: the thread that has brought the last chunk may not have let go yet."""
    end = time.monotonic() + 10
    while len(segments_here()) != n_segments and time.monotonic() < end:
        time.sleep(0.001)
    assert len(segments_here()) == n_segments


@pytest.mark.parametrize("fn", [far.row_sums, far.refuse_large, far.killed, far.too_short])
def test_a_call_leaves_nothing_behind(fn: Any) -> None:
    """Neither does one that fails, nor one whose worker dies."""
    array = np.arange(200_000.0)[:, None] if fn is far.row_sums else np.arange(200_000.0)
    try:
        result = lw.chunked_map(fn, array, executor="process", chunk_size=10_000, workers=1)
    except (ValueError, lw.WorkerLost) as error:
        assert fn is not far.row_sums
        error.__traceback__ = None
    else:
        assert result.shape == (200_000,)
    assert_segments_here(0)


def refused_or_made(*arguments: Any, **options: Any) -> Any:
    """Return a call's result, or None if floats were to be cast to integers."""
    try:
        return lw.chunked_map(*arguments, executor="process", **options)
    except TypeError:
        return None


@pytest.mark.parametrize("shape", [(100_000, 2), (100, 2)])
@pytest.mark.parametrize("dtype", ["f8", "i4"])
def test_nothing_waits_for_the_garbage_collector(shape: tuple[int, int], dtype: str) -> None:
    """Arrays and results are there as long as the caller has them, also if the result was refused."""
    array = np.ones(shape)
    gc.collect()
    gc.disable()
    try:
        result = refused_or_made(far.row_sums, array, dtype=dtype)
        memory = [weakref.ref(array), *([] if result is None else [weakref.ref(result)])]
        del array, result
        end = time.monotonic() + 10  # the thread that has brought the last chunk may not have let go yet
        while any(ref() is not None for ref in memory) and time.monotonic() < end:
            time.sleep(0.001)
        assert not any(ref() is not None for ref in memory)
    finally:
        gc.enable()


def test_a_death_is_an_error_of_its_chunk_and_the_next_call_works() -> None:
    """Nothing hangs, and nothing is left behind."""
    with pytest.raises(lw.WorkerLost) as caught:
        lw.chunked_map(far.killed, np.arange(100.0), chunk_size=10, executor="process", workers=1)
    assert "in chunk [10, 20) of axis 0" in caught.value.__notes__
    assert lw.chunked_map(far.row_sums, np.ones((10, 2)), executor="process").sum() == 20
