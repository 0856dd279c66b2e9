"""``where=``: a ufunc's call under a mask is NumPy's in every bit, and touches nothing that the mask leaves out."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from bits import assert_same_bits, assert_same_outcome, chunks_during, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from lightwork.arrays.ufunc import on_every_core
from strategies import NUMERIC, Array, Operand, Shape, Tuning, dtypes_of, examples, long_tunings, operands, tunings, values
from ufuncs import ELEMENTWISE, nogil_loops

import lightwork as lw

UFUNCS = (np.add, np.divide, np.less, np.maximum, np.sqrt, np.negative, np.exp, np.hypot, np.divmod, np.modf, np.logical_not)
LONG: tuple[Shape, ...] = ((9001,), (3, 3001), (3001, 3), (2, 4, 1201), (97, 101))

Call = Callable[..., Any]
Make = Callable[[], tuple[list[Array], Any, Array]]  # inputs, outputs and a mask, in new memory where it is written


@pytest.fixture(scope="module")
def call(build_extension: Callable[[Path], ModuleType]) -> Call:
    """Return a way to call a ufunc under a mask, chunk by chunk."""
    function: Call = build_extension(Path(__file__).parents[1] / "probes" / "where_probe.pyx").call
    return function


def assert_like_numpy(call: Call, ufunc: np.ufunc, make: Make, **keywords: Any) -> None:
    """Hold result, outputs, warnings or error to NumPy's; each side gets inputs, outputs and mask of its own."""
    tuning = {name: keywords.pop(name) for name in ("chunk_size", "workers") if name in keywords}
    inputs, numpys, mask = make()
    expected = outcome_of(ufunc, *inputs, out=numpys, where=mask, **keywords)
    inputs, ours, mask = make()
    actual = outcome_of(call, ufunc, *inputs, out=ours, where=mask, **keywords, **tuning)
    assert_same_outcome(actual, expected)
    if expected.error is None:  # else outputs are anything
        assert_same_bits(ours, numpys)


@st.composite
def writeable(draw: st.DrawFn, shape: Shape, dtypes: tuple[str, ...]) -> Operand:
    """An array of any layout that can be written: no step repeats an item."""
    drawn = draw(operands(shape, dtypes))
    return Operand(drawn.dtype, shape, drawn.seed, drawn.axes, tuple(step or 1 for step in drawn.steps), drawn.aligned)


@st.composite
def calls(draw: st.DrawFn, ufunc: np.ufunc, shapes: tuple[Shape, ...], whole: Shape) -> Make:
    """Recipes of inputs and a mask of the given shapes, and of outputs, often of the dtypes that NumPy would give them."""
    dtypes = draw(dtypes_of(ufunc.nin, NUMERIC))
    inputs = [draw(operands(shape, (dtype,))) for shape, dtype in zip(shapes[1:], dtypes, strict=True)]
    mask = draw(operands(shapes[0], ("?",)))
    like = outcome_of(ufunc, *(np.ones((), dtype) for dtype in dtypes)).result
    is_usual = like is not None and draw(st.booleans())
    usual = [np.asarray(one).dtype.str for one in (like if isinstance(like, tuple) else [like])] if is_usual else []
    outputs = [draw(writeable(whole, (usual[i],) if is_usual else NUMERIC)) for i in range(ufunc.nout)]
    return lambda: ([one.build() for one in inputs], tuple(one.build() for one in outputs), mask.build())


@examples(400)
@given(st.data(), st.sampled_from(UFUNCS), tunings())
def test_small_arrays_of_any_layout(call: Call, data: st.DataObject, ufunc: np.ufunc, tuning: Tuning) -> None:
    """Inputs, outputs and mask of any shapes that broadcast, any strides and dtypes: NumPy's bits, warnings and errors."""
    side = data.draw(st.sampled_from((2, 2, 1, 0)))
    shapes = data.draw(mutually_broadcastable_shapes(num_shapes=ufunc.nin + 1, max_dims=4, min_side=side, max_side=5))
    make = data.draw(calls(ufunc, shapes.input_shapes, shapes.result_shape))
    assert_like_numpy(call, ufunc, make, **tuning.keywords)


@examples(150)
@given(st.data(), st.sampled_from(UFUNCS), long_tunings())
def test_long_arrays_of_any_layout(call: Call, data: st.DataObject, ufunc: np.ufunc, tuning: Tuning) -> None:
    """It is so where items are cast on the way through, and written back from buffers."""
    whole = data.draw(st.sampled_from(LONG))
    shapes = tuple(data.draw(st.tuples(*[st.sampled_from((n, n, 1)) for n in whole])) for _ in range(ufunc.nin + 1))
    assert_like_numpy(call, ufunc, data.draw(calls(ufunc, shapes, whole)), **tuning.keywords)


OVERLAPS: dict[str, Callable[[Array], tuple[list[Array], Array, Array]]] = {
    "output is an input": lambda x: ([x[2:], x[:-2]], x[2:], np.arange(x.size - 2) % 3 > 0),
    "output is shifted against an input": lambda x: ([x[:-1], x[1:]], x[1:], np.arange(x.size - 1) % 3 > 0),
    "output walks backwards": lambda x: ([x, x], x[::-1], np.arange(x.size) % 5 > 0),
    "output is the mask": lambda x: ([x > 0, x < 1], (mask := x > 0), mask),
    "output is shifted against the mask": lambda x: ([x[1:] > 0, x[1:] < 1], (mask := x > 0)[1:], mask[:-1]),
    "output is the mask backwards": lambda x: ([x > 0, x < 1], (mask := x > 0), mask[::-1]),
    "output overlaps itself": lambda x: ([x[:8], x[8:16]], np.lib.stride_tricks.as_strided(x, (8,), (4,)), np.arange(8) % 2 > 0),
    "rows of one array": lambda x: ([x.reshape(2, -1)[:1], x.reshape(2, -1)], x.reshape(2, -1), x.reshape(2, -1) > 0),
}


@pytest.mark.parametrize("case", OVERLAPS)
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("chunk_size", [7, 64, 5000])
def test_memory_in_common(call: Call, case: str, workers: int, chunk_size: int) -> None:
    """Outputs, inputs and mask may share memory in any way: the result is as if they did not."""
    for size in (40, 20_000):
        x = np.random.default_rng(size).standard_normal(size)

        def make(x: Array = x) -> tuple[list[Array], Any, Array]:
            return OVERLAPS[case](x.copy())

        assert_like_numpy(call, np.add, make, chunk_size=chunk_size, workers=workers)


@pytest.mark.parametrize("ufunc", ELEMENTWISE, ids=lambda ufunc: ufunc.__name__)
def test_every_loop_of_every_ufunc(call: Call, ufunc: np.ufunc) -> None:
    """Where a run of items begins and ends, and which chunk it is in, does not show in what is computed."""
    n_items = 4001
    rng = np.random.default_rng(ufunc.nargs)
    for dtypes in nogil_loops(ufunc):
        for share in (0.1, 0.9):
            inputs = [values(dtype, n_items, seed) for seed, dtype in enumerate(dtypes)]
            mask = rng.random(n_items) < share
            resolved = ufunc.resolve_dtypes(dtypes + (None,) * ufunc.nout)[ufunc.nin :]

            def make(inputs: list[Array] = inputs, outputs: Any = resolved, mask: Array = mask) -> tuple[list[Array], Any, Array]:
                return inputs, tuple(np.ones(n_items, dtype) for dtype in outputs), mask

            assert_like_numpy(call, ufunc, make, chunk_size=129, workers=2)


MASKS: dict[str, Array] = {
    "all": np.ones(1000, bool),
    "none": np.zeros(1000, bool),
    "of other bytes than 0 and 1": np.arange(1000, dtype="u1").view(bool),
    "of runs of many lengths": np.repeat(np.arange(46) % 2 == 1, np.arange(46))[:1000].copy(),
    "one item": np.ones((), bool),
    "rows": np.arange(10)[:, np.newaxis] % 2 == 1,
    "columns": np.arange(100) % 3 == 1,
    "more dimensions": np.arange(30).reshape(3, 10, 1) % 4 > 0,
}


@pytest.mark.parametrize("case", MASKS)
@pytest.mark.parametrize("step", [1, -1, 2])
def test_masks(call: Call, case: str, step: int) -> None:
    """Masks of any density, broadcast in any way, are heeded item by item."""
    mask = MASKS[case] if MASKS[case].ndim == 0 else np.repeat(MASKS[case], abs(step), axis=-1)[..., ::step]
    x = values("d", 1000) if mask.shape[-1:] in ((), (1000,)) else values("d", 1000).reshape(10, 100)
    shape = np.broadcast_shapes(x.shape, mask.shape)
    for chunk_size in (1, 64, 999):
        assert_like_numpy(call, np.sqrt, lambda: ([x], np.full(shape, 7.0), mask), chunk_size=chunk_size, workers=2)


def test_only_items_of_the_mask_are_reported(call: Call) -> None:
    """A division by zero that the mask leaves out is none; of the others the caller hears once."""
    x = np.zeros(10_000)
    for mask in (np.zeros(x.size, bool), np.arange(x.size) == 9_998):

        def make(mask: Array = mask) -> tuple[list[Array], Any, Array]:
            return [x + 1, x], np.ones_like(x), mask

        for action in ("ignore", "warn", "raise"):
            with np.errstate(all=action):
                assert_like_numpy(call, np.divide, make, chunk_size=64, workers=2)


READ_ONLY = """
import ctypes, mmap, numpy as np
from lightwork.arrays.ufunc import on_every_core

memory = mmap.mmap(-1, 64 * mmap.PAGESIZE)
out = np.frombuffer(memory, np.float64)
half = out.size // 2
address, length = ctypes.c_void_p(out.ctypes.data + len(memory) // 2), ctypes.c_size_t(len(memory) // 2)
assert ctypes.CDLL(None).mprotect(address, length, mmap.PROT_READ) == 0
mask = np.arange(out.size) < half
for _ in range(20):
    on_every_core(np.exp)(np.ones(out.size), out=out, where=mask)
np.testing.assert_array_equal(out, np.where(mask, np.exp(1.0), 0.0))
"""


def test_what_is_left_out_is_not_written() -> None:
    """Not even what is there already: others may be writing there, or the memory may be none to write to."""
    done = subprocess.run([sys.executable, "-c", READ_ONLY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- As users call it -----------------------------------------------------------------------------------------------

X = np.linspace(-2, 2, 60_000)
ON = np.arange(X.size) % 3 > 0

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "a mask": lambda add, modf: add(X, 1, out=np.ones_like(X), where=ON),
    "out by position": lambda add, modf: add(X, 1, np.ones_like(X), where=ON),
    "out in a tuple": lambda add, modf: add(X, 1, out=(np.ones_like(X),), where=ON),
    "two results": lambda add, modf: modf(X, out=(np.ones_like(X), np.ones_like(X)), where=ON),
    "dtype": lambda add, modf: add(X, 1, out=np.ones_like(X), where=ON, dtype="f4"),
    "casting": lambda add, modf: add(X, 1, out=np.ones(X.size, int), where=ON, casting="unsafe"),
    "a column": lambda add, modf: add(X.reshape(300, 200), 1, out=np.ones((300, 200)), where=ON[:300, np.newaxis]),
    "outer": lambda add, modf: add.outer(X[:300], X[:200], out=np.ones((300, 200)), where=ON[:200]),
    "everywhere": lambda add, modf: add(X, 1, where=True),
    "NumPy's True": lambda add, modf: add(X, 1, where=np.True_),
    "nowhere": lambda add, modf: add(X, 1, out=np.ones_like(X), where=False),
    "None": lambda add, modf: add(X, 1, out=np.ones_like(X), where=None),
    "a list": lambda add, modf: add(X, 1, out=np.ones_like(X), where=ON.tolist()),
    "integers": lambda add, modf: add(X, 1, out=np.ones_like(X), where=ON.astype(int)),
    "a masked array": lambda add, modf: add(X, 1, out=np.ones_like(X), where=np.ma.masked_array(ON)),
    "a mask that does not fit": lambda add, modf: add(X, 1, out=np.ones_like(X), where=ON[:-1]),
    "a mask that is larger": lambda add, modf: add(X, 1, out=np.ones_like(X), where=np.ones((2, X.size), bool)),
    "an out that cannot be cast to": lambda add, modf: add(X, 1, out=np.ones(X.size, int), where=ON),
    "out given twice": lambda add, modf: add(X, 1, np.ones_like(X), out=np.ones_like(X), where=ON),
}


@pytest.mark.parametrize("case", CALLS)
def test_arguments_mean_what_they_mean_to_numpy(case: str) -> None:
    """Right or wrong, they give the same result, the same warnings or the same error."""
    add, modf = on_every_core(np.add), on_every_core(np.modf)
    assert_same_outcome(outcome_of(CALLS[case], add, modf), outcome_of(CALLS[case], np.add, np.modf))


@pytest.mark.parametrize("out", [{}, {"out": None}, {"out": (None,)}])
def test_without_an_output(out: dict[str, Any]) -> None:
    """Items that the mask leaves out of a new array are anything; the others, and what NumPy says of it, are NumPy's."""
    expected = outcome_of(lambda: np.exp(X, where=ON, **out)[ON])
    assert_same_outcome(outcome_of(lambda: on_every_core(np.exp)(X, where=ON, **out)[ON]), expected)


def test_one_of_two_outputs() -> None:
    """The one that is given is filled where the mask has it."""
    modfs: list[Any] = [on_every_core(np.modf), np.modf]
    outs = [np.full(X.size, 7.0) for _ in modfs]
    for modf, out in zip(modfs, outs, strict=True):
        modf(X, out=(None, out), where=ON)
    assert_same_bits(*outs)


def test_an_error_is_raised_once() -> None:
    """A loop that refuses an item does so in NumPy's words, if the mask has it."""
    base, exponent = np.full(60_000, 2), np.full(60_000, -1)
    for mask in (exponent > 0, exponent < 0):
        results = [outcome_of(power, base, exponent, out=np.zeros_like(base), where=mask) for power in (on_every_core(np.power), np.power)]
        assert results[0].error == results[1].error


def test_large_calls_are_shared() -> None:
    """An array that is worth it is run in chunks."""
    x = np.zeros(2_000_000)
    with lw.configure(workers=2):
        assert chunks_during(on_every_core(np.exp), x, out=np.empty_like(x), where=np.arange(x.size) % 100 > 50) > 1
