"""``reduce`` and the reductions that are one ufunc's: sums, products, extremes, truths. Every bit is NumPy's."""

import functools
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bits import assert_same_bits, assert_same_outcome, chunks_during, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from lightwork._core.rows import has_kernel
from samples import DTYPES, LENGTHS, Sample, assert_same_call, axes_of, samples, workers
from strategies import WORKERS, examples

import lightwork as lw
import lightwork.numpy as lnp
from lightwork.arrays import reductions

UFUNCS = (np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.logical_or, np.bitwise_xor, np.subtract, np.hypot, np.logaddexp)
NAMES = ("sum", "prod", "min", "max", "any", "all", "ptp")


@examples(250)
@given(st.data(), st.sampled_from(UFUNCS), samples(), workers())
def test_any_ufunc_over_any_axes(data: st.DataObject, ufunc: np.ufunc, sample: Sample, n_workers: int) -> None:
    """Whatever is reduced, along whichever axes, in whatever layout: NumPy's result, layout, warnings and errors."""
    keywords = {"axis": data.draw(axes_of(len(sample.shape))), "keepdims": data.draw(st.booleans())}
    assert_same_call(functools.partial(lw.reduce, ufunc), ufunc.reduce, sample.build(), n_workers=n_workers, **keywords)


@examples(200)
@given(st.data(), st.sampled_from(NAMES), samples(), workers())
def test_functions_by_numpy_s_names(data: st.DataObject, name: str, sample: Sample, n_workers: int) -> None:
    """The functions that scripts call do what NumPy's of the same name do."""
    keywords: dict[str, Any] = {"axis": data.draw(axes_of(len(sample.shape)))}
    if data.draw(st.booleans()):
        keywords["keepdims"] = data.draw(st.booleans())
    assert_same_call(getattr(reductions, name), getattr(np, name), sample.build(), n_workers=n_workers, **keywords)


@examples(150)
@given(st.data(), samples(), st.sampled_from(("i8", "u8", "f4", "f8", "g", "D", "f2", "i1")), workers())
def test_sums_in_another_dtype(data: st.DataObject, sample: Sample, dtype: str, n_workers: int) -> None:
    """With ``dtype=`` items are cast as NumPy casts them, buffer by buffer, and what cannot be cast is refused in its words."""
    axis = data.draw(axes_of(len(sample.shape)))
    assert_same_call(reductions.sum, np.sum, sample.build(), n_workers=n_workers, axis=axis, dtype=dtype)


@pytest.mark.parametrize("dtype", ["f", "d", "g", "F", "D", "G"])
@pytest.mark.parametrize("step", [1, -1, 3])
def test_the_tree_at_every_length_around_a_joint(dtype: str, step: int) -> None:
    """A sum has NumPy's bits at each length about lanes, blocks, buffers and leaves."""
    for n_items in LENGTHS:
        array = Sample(dtype, (n_items,), steps=(step,)).build()
        for n_workers in (1, 2):
            assert_same_call(reductions.sum, np.sum, array, n_workers=n_workers)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_workers", WORKERS)
def test_large_arrays_at_any_number_of_workers(dtype: str, n_workers: int) -> None:
    """Half a million items, which several workers do share, reduce to the same bits."""
    array = Sample(dtype, (1000, 501), seed=n_workers).build()
    for axis in (None, 0, 1):
        for name in ("sum", "max"):
            assert_same_call(getattr(reductions, name), getattr(np, name), array, axis, n_workers=n_workers)


@pytest.mark.parametrize("dtype", ["f", "d", "F", "B"])
@pytest.mark.parametrize("steps", [(1, 1), (1, -1), (-2, 3), (1, -9)])
def test_rows_of_several_pages_are_taken_in_parts(dtype: str, steps: tuple[int, int]) -> None:
    """Rows so long that each worker has a part of them, whichever way they run, add up and compare as NumPy has it."""
    array = Sample(dtype, (33, 20_011), steps=steps).build()
    for ufunc in (np.add, np.maximum):
        for n_workers in (2, 7):
            assert_same_call(functools.partial(lw.reduce, ufunc), ufunc.reduce, array, 0, n_workers=n_workers)


@pytest.mark.parametrize("step", [1, 8, -8])
@pytest.mark.parametrize("dtype", ["f", "D"])
def test_rows_of_any_length_for_any_number_of_workers(dtype: str, step: int) -> None:
    """No row is too short for too many, also where there are several rows of results."""
    for n_columns in (127, 769, 1100):
        flat = Sample(dtype, (1200, n_columns), steps=(1, step)).build()
        for array in (flat, flat.reshape(3, 400, n_columns)):
            for n_workers in (8, 16):
                assert_same_call(functools.partial(lw.reduce, np.add), np.add.reduce, array, array.ndim - 2, n_workers=n_workers)


@pytest.mark.parametrize("n_rows", [7, 8, 9, 15, 16, 17, 25])
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_rows_that_are_added_together(n_rows: int, dtype: str) -> None:
    """Several in one pass, each in its turn, and what is left over one by one: rows that run or lie in any way, with what is no number."""
    array = Sample(dtype, (n_rows, 30_001)).build()
    array[:, 7] = np.where(np.arange(n_rows) % 2, np.inf, 1)
    array[:, 8] = np.where(np.arange(n_rows) % 3, np.nan, -np.inf)
    array[:, 9] = -0.0
    array[:, 10] = np.where(np.arange(n_rows) == n_rows - 1, 1, np.finfo(dtype).max / n_rows)
    for rows in (array, array[::-1], array[::2], array[:, ::-1], np.ascontiguousarray(array.T).T, np.stack([array, array], axis=1)):
        assert_same_call(reductions.sum, np.sum, rows, 0, n_workers=2)


def test_rows_are_added_together_by_a_kernel() -> None:
    """For numbers that have one, if it has the bits of the NumPy that is there."""
    assert not has_kernel(np.dtype("g"))
    if np.lib.NumpyVersion(np.__version__) >= "2.4.0":
        assert has_kernel(np.dtype("f"))
        assert has_kernel(np.dtype("d"))


@pytest.mark.parametrize("n_columns", [30_000, 30_007, 30_008, 40_015])
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_which_of_two_nans_a_sum_of_rows_is(n_columns: int, dtype: str) -> None:
    """Of one that arises and one that is there, the same as in NumPy, also in what fills no vector: every bit."""
    array = np.ones((17, n_columns), dtype)
    array[0], array[1], array[2:9] = np.inf, -np.inf, np.nan
    with np.errstate(invalid="ignore"), lw.configure(workers=2):
        mine, numpys = reductions.sum(array, 0), np.sum(array, 0)
    np.testing.assert_array_equal(mine.view(f"u{mine.itemsize}"), numpys.view(f"u{mine.itemsize}"))


@pytest.mark.parametrize("dtype", ["f", "d"])
def test_sums_of_rows_that_overflow(dtype: str) -> None:
    """As the caller's errstate has it, in whichever of the rows that are added together."""
    for row in (0, 5, 8, 16):
        array = np.zeros((17, 30_000), dtype)
        array[row:, 20_000] = np.finfo(dtype).max
        assert_same_call(reductions.sum, np.sum, array, 0, n_workers=2)
        with np.errstate(over="raise"):
            assert_same_call(reductions.sum, np.sum, array, 0, n_workers=2)


def test_parts_of_rows_are_a_page_long() -> None:
    """Give or take a quarter: however many workers there are, they get no shorter ones."""
    array = Sample("d", (4000, 4096)).build()
    assert chunks_during(lw.reduce, np.add, array, 0, workers=2) >= 4
    assert chunks_during(lw.reduce, np.add, array, 0, workers=16) <= 4096 * 8 // 3072


@pytest.mark.parametrize("shape", [(10_007, 100), (20_000, 3, 50), (33_333, 40), (10_007, 1, 100)])
@pytest.mark.parametrize("dtype", ["b", "q", "?", "m8[s]"])
def test_whole_rows_of_what_may_be_grouped(shape: tuple[int, ...], dtype: str) -> None:
    """Integers, truths and times are shared by rows, of which no number need be a multiple of another."""
    array = Sample(dtype, shape).build()
    for n_workers in WORKERS:
        assert_same_call(functools.partial(lw.reduce, np.maximum), np.maximum.reduce, array, 0, n_workers=n_workers)
    assert chunks_during(lw.reduce, np.maximum, Sample("q", shape).build(), 0, workers=2) > 1


def test_narrow_rows_of_numbers_are_left_whole() -> None:
    """A part of a row shorter than a page takes as long to read as the whole: such sums are NumPy's."""
    assert chunks_during(lw.reduce, np.add, Sample("d", (20_000, 200)).build(), 0, workers=2) == 0


def test_large_sums_are_shared() -> None:
    """A sum, a maximum and a sum of rows of a large array run as many chunks."""
    array = Sample("d", (2000, 2000)).build()
    for ufunc, axis in ((np.add, None), (np.maximum, None), (np.add, 0), (np.add, 1)):
        assert chunks_during(lw.reduce, ufunc, array, axis, workers=2) > 1


@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum, np.fmax, np.fmin])
@pytest.mark.parametrize("dtype", ["e", "f", "d", "g", "D"])
def test_zeros_of_both_signs(ufunc: np.ufunc, dtype: str) -> None:
    """Which zero is the largest depends on NumPy's order, and it is that one."""
    rng = np.random.default_rng(3)
    for share in (0.0, 0.001, 0.5, 1.0):
        array = np.where(rng.random(40_000) < share, -0.0, 0.0).astype(dtype)
        array[::7] *= -1
        for shape in ((-1,), (200, 200), (20, 2000)):
            for axis in (None, 0):
                assert_same_call(functools.partial(lw.reduce, ufunc), ufunc.reduce, array.reshape(shape), axis=axis)


def test_minus_zero_alone() -> None:
    """A sum of nothing but -0.0 begins at 0.0, as NumPy's does, unless told otherwise."""
    for array in (np.full(70_000, -0.0), np.full((300, 300), -0.0, "D")):
        for keywords in ({}, {"axis": 0}, {"initial": -0.0}, {"initial": 3.5}):
            assert_same_call(reductions.sum, np.sum, array, **keywords)


@pytest.mark.parametrize("flaw", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [0, 33_333, -1])
def test_not_a_number_and_infinity_wherever_they_are(flaw: float, position: int) -> None:
    """One NaN makes the result NaN but for fmax; opposite infinities warn once."""
    array = Sample("d", (70_000,)).build()
    array[position] = flaw
    array[5] = np.inf
    for ufunc in (np.add, np.maximum, np.minimum, np.fmax, np.fmin):
        assert_same_call(functools.partial(lw.reduce, ufunc), ufunc.reduce, array)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_overflow_is_reported_once(axis: int | None) -> None:
    """As the caller's errstate has it: warned of, raised or ignored."""
    array = np.full((300, 300), 3e38, "f")
    assert_same_call(reductions.sum, np.sum, array, axis)
    for action in ("ignore", "raise"):
        with np.errstate(over=action):
            assert_same_call(reductions.sum, np.sum, array, axis)


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("name", ["sum", "max", "any"])
@pytest.mark.parametrize("dtype", ["d", "f", "?", "i8"])
def test_out_is_written_and_returned(name: str, axis: Any, dtype: str) -> None:
    """`out` of the right dtype or of another, contiguous or not, is filled as NumPy fills it; a wrong shape is refused."""
    array = Sample("d", (150, 200)).build()
    for shape in (array.max(axis=axis).shape, (7,)):
        mine, numpys = np.zeros((*shape, 2), dtype)[..., 0], np.zeros((*shape, 2), dtype)[..., 0]
        assert_same_call(
            lambda out: getattr(reductions, name)(array, axis, out=out[0]), lambda out: getattr(np, name)(array, axis, out=out[1]), (mine, numpys)
        )
        assert_same_bits(mine, numpys)


def test_out_may_be_part_of_the_array() -> None:
    """What is written to an input is as if it had been read before."""
    for axis in (0, 1):
        mine, numpys = (np.arange(40_000.0).reshape(200, 200) for _ in range(2))
        assert_same_call(
            lambda array, axis: reductions.sum(array[0], axis, out=array[0][3]),
            lambda array, axis: np.sum(array[1], axis, out=array[1][3]),
            (mine, numpys),
            axis,
        )
        assert_same_bits(mine, numpys)


def test_out_of_a_wrong_shape_is_refused_before_anything_is_computed() -> None:
    """Nothing is warned of."""
    array = np.full(70_000, 1e308)
    for out in (np.zeros(3), np.zeros((1,))):
        assert_same_call(reductions.sum, np.sum, array, out=out)
    assert_same_call(reductions.sum, np.sum, array.reshape(70, 1000), 0, out=np.zeros(3))


@pytest.mark.parametrize("dtype", ["f", "d", "i", "q"])
@pytest.mark.parametrize("position", [0, 1, 33_333, -17, -1])
def test_minmax_of_a_large_array(dtype: str, position: int) -> None:
    """One item decides, wherever it stands: the smallest, the largest, a NaN, a zero of either sign."""
    decisive = [-(2**30), 2**30] if dtype in "iq" else [-np.inf, np.inf, np.nan, -np.nan, 0.0, -0.0]
    for offset in (0, 5):
        for item in decisive:
            array = (np.arange(200_003) % 1000 + offset).astype(dtype)
            array[position] = item
            for items in (array, -array):
                assert_same_call(lw.minmax, lambda array: (np.min(array), np.max(array)), items, n_workers=2)


def test_minmax_of_what_numpy_takes() -> None:
    """Masked arrays, of which what is masked does not count, lists and numbers."""
    masked = np.ma.masked_less(np.arange(-40_000.0, 40_000.0), 0).reshape(200, 400)
    for array in (masked, [3, 1, 2], 7):
        assert_same_bits(lw.minmax(array), (np.min(array), np.max(array)))
    for mine, numpys in zip(lw.minmax(masked, 1), (np.min(masked, 1), np.max(masked, 1)), strict=True):
        np.testing.assert_array_equal(mine.filled(-1), numpys.filled(-1))


def test_out_that_is_read_only() -> None:
    """It is refused in NumPy's words."""
    out = np.zeros(200)
    out.flags.writeable = False
    assert_same_call(reductions.sum, np.sum, Sample("d", (150, 200)).build(), axis=0, out=out)


@pytest.mark.parametrize(
    "keywords", [{"where": np.arange(200) % 3 == 0}, {"where": False}, {"initial": 5}, {"initial": None}, {"axis": 7}, {"axis": (0, 0)}]
)
def test_arguments_that_numpy_answers(keywords: dict[str, Any]) -> None:
    """`where`, `initial` and mistakes are NumPy's to handle."""
    array = Sample("d", (150, 200)).build()
    for name in ("sum", "prod", "max"):
        assert_same_call(getattr(reductions, name), getattr(np, name), array, **keywords)


@pytest.mark.parametrize(
    "operand", [[1, 2, 3], 5, "text", np.arange(4).view(np.recarray), np.ma.masked_less(np.arange(9.0), 4), np.array([1, None, 2], object)]
)
def test_operands_that_are_numpy_s(operand: Any) -> None:
    """Array-likes, subclasses and objects are reduced by NumPy itself."""
    for name in ("sum", "max", "any"):
        assert_same_call(getattr(reductions, name), getattr(np, name), operand)


def test_an_empty_array() -> None:
    """The sum of nothing is 0, and its maximum is an error with NumPy's text."""
    for name in ("sum", "max", "prod", "any"):
        assert_same_call(getattr(reductions, name), getattr(np, name), np.empty((0, 3)))
        assert_same_call(getattr(reductions, name), getattr(np, name), np.empty((0, 3)), axis=0)


@examples(80)
@given(st.data(), samples(), workers())
def test_minmax_is_both(data: st.DataObject, sample: Sample, n_workers: int) -> None:
    """``minmax`` gives what ``np.min`` and ``np.max`` do."""
    axis = data.draw(axes_of(len(sample.shape)))
    assert_same_call(lw.minmax, lambda array, axis: (np.min(array, axis), np.max(array, axis)), sample.build(), axis, n_workers=n_workers)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "any"])
@pytest.mark.parametrize("dtype", ["e", "f", "d", "D", "i"])
def test_views_that_show_items_more_than_once(name: str, dtype: str) -> None:
    """Axes of equal strides, as of windows that overlap, and of none, as of what is broadcast, are taken in NumPy's order."""
    grid = Sample(dtype, (200, 300)).build()
    views = (
        np.broadcast_to(grid, (5, 200, 300)),
        np.broadcast_to(grid[:, None], (200, 4, 300)),
        np.broadcast_to(grid[0], (2000, 300)),
        np.lib.stride_tricks.sliding_window_view(grid.reshape(-1), 50),
        np.lib.stride_tricks.sliding_window_view(grid.reshape(-1), 50).T,
    )
    for view in views:
        for axis in range(view.ndim):
            assert_same_call(getattr(reductions, name), getattr(np, name), view, axis)


def test_a_few_long_rows_are_as_numpy_leaves_them() -> None:
    """In its memory order; and an error in many of them is told once."""
    long = Sample("d", (4, 3, 20_000)).build()
    for array in (long, long.transpose(1, 0, 2), long.T, long[::-1, ::-1]):
        for axis in range(3):
            assert_same_call(reductions.sum, np.sum, array, axis)
    assert_same_call(reductions.sum, np.sum, np.full((4, 20_000), 1e308), 1)


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_must_be_at_least_one(workers: int) -> None:
    """Fewer than one worker is a mistake."""
    with pytest.raises(ValueError, match="workers must be at least 1"):
        lw.reduce(np.add, np.ones(3), workers=workers)


@pytest.mark.parametrize("workers", [True, np.True_, 1.5, "2"])
def test_workers_must_be_a_whole_number(workers: Any) -> None:
    """A truth or a fraction is none."""
    with pytest.raises(TypeError, match="workers must be a whole number, not"):
        lw.reduce(np.add, np.ones(3), workers=workers)


@pytest.mark.parametrize(
    ("function", "meant"), [(max, "np.maximum"), (min, "np.minimum"), (sum, "np.add"), (np.all, "np.logical_and"), ([], "np.maximum")]
)
def test_what_is_no_ufunc(function: Any, meant: str) -> None:
    """A function that reduces by itself is refused, and the ufunc that is meant is named."""
    for call in (lw.reduce, lw.accumulate):
        with pytest.raises(TypeError, match=rf"{call.__name__}\(\) needs a ufunc of two inputs, such as {meant}, not"):
            call(function, np.ones(3))


def test_twins_are_ufuncs() -> None:
    """A ufunc of ``lightwork.numpy`` reduces as NumPy's own."""
    assert lw.reduce(lnp.maximum, np.arange(100_000)) == 99_999
    assert lw.accumulate(lnp.add, np.arange(100_000))[-1] == 4_999_950_000


@pytest.mark.parametrize("keepdims", [None, "yes", []])
@pytest.mark.parametrize("axis", [None, 0])
def test_keepdims_that_is_no_answer(keepdims: Any, axis: int | None) -> None:
    """NumPy has its word on it, for every function."""
    array = np.arange(120_000.0).reshape(300, 400)
    for name in (*NAMES, "mean", "var", "average", "nansum", "nanmean", "nanvar", "nanmin", "count_nonzero", "argmin"):
        numpys = outcome_of(getattr(np, name), array, axis=axis, keepdims=keepdims)
        assert_same_outcome(outcome_of(getattr(lnp, name), array, axis=axis, keepdims=keepdims), numpys)
    numpys = outcome_of(np.add.reduce, array, axis=axis, keepdims=keepdims)
    assert_same_outcome(outcome_of(lw.reduce, np.add, array, axis=axis, keepdims=keepdims), numpys)


LOUD: dict[str, Any] = {
    "reduce": lambda x: lw.reduce(np.add, x),
    "by NumPy": lambda x: lw.reduce(np.multiply, x),
    "along an axis": lambda x: lw.reduce(np.add, x.reshape(-1, 100), 1),
    "accumulate": lambda x: lw.accumulate(np.add, x.reshape(-1, 100)),
    "method": lambda x: lnp.add.reduce(x),
    "sum": lambda x: lnp.sum(x),
    "mean": lambda x: lnp.mean(x.reshape(-1, 100), axis=1),
}


@pytest.mark.parametrize("case", LOUD)
def test_warnings_point_at_the_caller(case: str) -> None:
    """A floating-point warning is given at the caller's line, however many functions of ours lie between, and once for each such line."""
    array = np.full(2_000_000, 1e308)  # many enough to be shared, whatever the last call has cost
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        LOUD[case](array)
        LOUD[case](array)
    assert [warning.filename for warning in seen] == [__file__]
    assert seen[0].lineno == LOUD[case].__code__.co_firstlineno


@pytest.mark.parametrize("action", ["ignore", "raise", "call", "log", "print"])
def test_other_ways_to_tell(action: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """What is not warned of is told as the caller wants it."""
    told: list[str] = []
    handler: Any = SimpleNamespace(write=told.append) if action == "log" else lambda kind, _: told.append(kind)

    def call(function: Any) -> Any:
        told.clear()
        with np.errstate(over=action, call=handler):
            return outcome_of(function, np.full(100_000, 1e308)), [*told], capfd.readouterr().out

    ours, numpys = call(functools.partial(lw.reduce, np.add)), call(np.add.reduce)
    assert_same_outcome(ours[0], numpys[0])
    assert ours[1:] == numpys[1:]
