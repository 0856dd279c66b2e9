"""Arrays for reductions, in any layout, and how results are held to NumPy's.

Their numbers leave no bit of a sum to chance, and seldom is there one, such as a NaN, that would hide the others.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from bits import assert_same_outcome, outcome_of
from hypothesis import strategies as st
from lightwork._core.reduction import reduction_dtype
from strategies import WORKERS, Array, Operand, Shape, values

import lightwork as lw
from lightwork.arrays import moments, operand, outputs, reducing

FLOATS = ("e", "f", "d", "g")
DTYPES = ("?", "b", "B", "h", "H", "i", "I", "l", "L", *FLOATS, "F", "D", "G", "m8[s]")

# Around NumPy's lanes and blocks, its buffer, our leaves, and twice and four times as much.
LENGTHS = sorted({size + around for size in (8, 16, 128, 256, 1024, 2048, 4096, 8192, 16_384, 32_768) for around in (-1, 0, 1, 9)})

# Of 20 000 to 70 000 items, which is as many as it takes to be shared.
SHAPES: tuple[Shape, ...] = (
    (20_011,),
    (65_537,),
    (2, 9001),
    (9001, 2),
    (3, 20_001),
    (20_001, 3),
    (130, 257),
    (257, 130),
    (64, 512),
    (8, 33, 129),
    (129, 8, 33),
    (7, 5, 6, 131),
    (300, 1, 70),
    (1, 20_000),
    (2, 3, 5, 4, 200),
)


@dataclass(frozen=True)
class Sample(Operand):
    """A recipe of an array with at most a few awkward values; see :class:`Operand`."""

    flaws: int = 0

    def _memory(self, size: int) -> Array:
        rng = np.random.default_rng(self.seed)
        dtype = np.dtype(self.dtype)
        content = values(dtype, size, self.seed)
        if dtype.kind in "fc":
            content = (rng.standard_normal(size) * 10.0 ** rng.integers(-2, 3, size)).astype(dtype)
            if dtype.kind == "c":
                content.imag = rng.standard_normal(size)
        if dtype.kind in "fc" and size:
            content[rng.integers(0, size, self.flaws)] = values(dtype, self.flaws, self.seed)
        return content


@st.composite
def samples(draw: st.DrawFn, dtypes: tuple[str, ...] = DTYPES, shapes: tuple[Shape, ...] = SHAPES) -> Sample:
    """Any layout of some thousand items."""
    shape = draw(st.sampled_from(shapes))
    return Sample(
        dtype=draw(st.sampled_from(dtypes)),
        shape=shape,
        seed=draw(st.integers(0, 99)),
        axes=draw(st.one_of(st.just(()), st.permutations(range(len(shape))).map(tuple))),
        steps=draw(st.one_of(st.just(()), st.tuples(*[st.sampled_from((1, 1, -1, 2)) for _ in shape]))),
        flaws=draw(st.sampled_from((0, 0, 0, 1, 3))),
    )


@st.composite
def axes_of(draw: st.DrawFn, n_dimensions: int) -> int | tuple[int, ...] | None:
    """None, one axis, counted from either end, or several."""
    several = st.lists(st.integers(0, n_dimensions - 1), min_size=1, unique=True).map(tuple)
    return draw(st.one_of(st.none(), st.integers(-n_dimensions, n_dimensions - 1), several))


def share_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the bounds under which NumPy makes the whole call."""
    monkeypatch.setattr(operand, "SMALL", 2)
    monkeypatch.setattr(reducing, "SMALL", 2)
    monkeypatch.setattr(reducing, "worth_sharing_dtype", lambda ufunc, array, wanted, n_workers: reduction_dtype(ufunc, array.dtype, wanted))
    monkeypatch.setattr(moments, "FEW_SQUARES", 2)
    monkeypatch.setattr(outputs, "WORTH_SHARING_NS", 0)
    monkeypatch.setattr(outputs, "FIRST_BYTES", 1)


@contextlib.contextmanager
def many_workers(count: int) -> Iterator[None]:
    """Let `count` workers take part, in whatever there is to share."""
    with pytest.MonkeyPatch.context() as patch, lw.configure(workers=count):
        share_everything(patch)
        yield


def workers() -> st.SearchStrategy[int]:
    """As many workers as results must not depend on."""
    return st.sampled_from(WORKERS)


def assert_same_call(ours: Callable[..., Any], numpys: Callable[..., Any], *args: Any, n_workers: int = 2, **keywords: Any) -> None:
    """Hold our function to everything that NumPy's does: result, type, layout, error and warnings."""
    expected = outcome_of(numpys, *args, **keywords)
    with many_workers(n_workers):
        actual = outcome_of(ours, *args, **keywords)
    assert_same_outcome(actual, expected)
