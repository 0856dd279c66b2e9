"""
Recipes of arrays for Hypothesis.

A falsifying example must be a reproducer, and the ``repr`` of an array hides its strides. So the strategies draw
recipes: small frozen values whose ``repr`` is the Python expression that builds the same memory again.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

INTEGERS = ("b", "B", "h", "H", "i", "I", "l", "L", "q", "Q")
REALS = ("e", "f", "d", "g")
COMPLEX = ("F", "D", "G")
SWAPPED = tuple(np.dtype(code).newbyteorder().str for code in ("h", "i", "Q", "f", "d", "D"))
NUMERIC = ("?", *INTEGERS, *REALS, *COMPLEX, *SWAPPED)
WORKERS = (1, 2, 3, 7)


def examples(count: int) -> settings:
    """Settings for ``count`` examples, always the same ones in CI; ``LIGHTWORK_EXAMPLES=10`` looks ten times longer."""
    scaled = int(count * float(os.environ.get("LIGHTWORK_EXAMPLES", "1")))
    return settings(
        max_examples=max(scaled, 1),
        deadline=None,  # two shared cores: a slow example says nothing
        derandomize=bool(os.environ.get("CI")),
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )


def _booleans(rng: np.random.Generator, dtype: np.dtype[Any], size: int) -> Array:
    return rng.integers(0, 2, size).astype(dtype)


def _integers(rng: np.random.Generator, dtype: np.dtype[Any], size: int) -> Array:
    """Half of them anywhere in the range, half of them small: zero, one, minus one and a little beyond."""
    limits = np.iinfo(dtype)
    anywhere = rng.integers(limits.min, limits.max, size, dtype=dtype, endpoint=True)
    small = rng.integers(max(limits.min, -3), 9, size, dtype=dtype)
    edges = np.array([limits.min, limits.max], dtype)
    return np.choose(rng.integers(0, 5, size), [anywhere, anywhere, small, small, rng.choice(edges, size)])


def _reals(rng: np.random.Generator, dtype: np.dtype[Any], size: int) -> Array:
    """Ordinary numbers of many magnitudes that use the whole mantissa, a quarter of them special."""
    limits = np.finfo(dtype)
    with np.errstate(over="ignore"):
        ordinary = (rng.standard_normal(size) * 10.0 ** rng.integers(-4, 5, size)).astype(dtype) / dtype.type(3)
    edges = (0.0, 0.5, 1.0, 2.0, np.inf, np.nan, limits.max, limits.tiny, limits.smallest_subnormal, limits.eps)
    specials = np.array([sign * np.asarray(edge, dtype) for edge in edges for sign in (1, -1)], dtype)
    return np.where(rng.random(size) < 0.25, rng.choice(specials, size), ordinary)


def _complexes(rng: np.random.Generator, dtype: np.dtype[Any], size: int) -> Array:
    numbers = np.empty(size, dtype)
    numbers.real = _reals(rng, numbers.real.dtype, size)
    numbers.imag = _reals(rng, numbers.real.dtype, size)
    return numbers


def _times(rng: np.random.Generator, dtype: np.dtype[Any], size: int) -> Array:
    """Times near the epoch, an eighth of them not a time, a few of them zero."""
    counts = rng.integers(-50, 50, size) * rng.integers(0, 1000, size)
    return np.where(rng.random(size) < 0.125, np.array("NaT", dtype), counts.astype(dtype))


_MAKERS = {"b": _booleans, "i": _integers, "u": _integers, "f": _reals, "c": _complexes, "M": _times, "m": _times}


def values(dtype: npt.DTypeLike, size: int, seed: int = 0) -> Array:
    """``size`` values of ``dtype`` with its awkward ones among them, the same for the same seed."""
    wanted = np.dtype(dtype)
    native = wanted.newbyteorder("=")
    return _MAKERS[wanted.kind](np.random.default_rng(seed), native, size).astype(wanted)


@dataclass(frozen=True)
class Operand:
    """
    A recipe of one array.

    Attributes
    ----------
    dtype, shape, seed
        As for :func:`values`.
    axes : tuple of int
        The order of the axes in memory, outermost first; empty means C order.
    steps : tuple of int
        For each axis, the slice step that makes the view: -1 walks backwards, 0 repeats one item. Empty means all 1.
    aligned, writeable : bool
        Whether the data starts where its dtype likes it, and whether it may be written.
    """

    dtype: str
    shape: Shape
    seed: int = 0
    axes: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    aligned: bool = True
    writeable: bool = True

    def build(self) -> Array:
        """Lay out the array that this recipe describes, in new memory."""
        steps = self.steps or (1,) * len(self.shape)
        axes = self.axes or tuple(range(len(self.shape)))
        extents = [1 if step == 0 else n * abs(step) for n, step in zip(self.shape, steps, strict=True)]
        memory = self._memory(int(np.prod(extents))).reshape([extents[axis] for axis in axes])
        whole = memory.transpose(np.argsort(axes).astype(int))
        cut: tuple[Any, ...] = (..., *(slice(None, None, step or 1) for step in steps))  # the dots keep a 0-d array an array
        view: Array = whole[cut]
        if 0 in steps:
            view = np.broadcast_to(view, self.shape)
        elif not self.writeable:
            view.flags.writeable = False
        return view

    def _memory(self, size: int) -> Array:
        content = values(self.dtype, size, self.seed)
        if self.aligned:
            return content
        shifted = np.empty(content.nbytes + 1, np.uint8)[1:].view(content.dtype)
        shifted[:] = content
        return shifted


@st.composite
def operands(draw: st.DrawFn, shape: Shape, dtypes: tuple[str, ...] = NUMERIC) -> Operand:
    """Any layout of an array of the given shape."""
    return Operand(
        dtype=draw(st.sampled_from(dtypes)),
        shape=shape,
        seed=draw(st.integers(0, 999)),
        axes=tuple(draw(st.permutations(range(len(shape))))),
        steps=tuple(draw(st.lists(st.sampled_from((1, -1, 2, -2, 0)), min_size=len(shape), max_size=len(shape)))),
        aligned=draw(st.booleans()),
        writeable=draw(st.booleans()),
    )


@st.composite
def dtypes_of(draw: st.DrawFn, count: int, dtypes: tuple[str, ...]) -> list[str]:
    """``count`` dtypes: often one for all, which needs no cast, else any."""
    first = draw(st.sampled_from(dtypes))
    alike = draw(st.booleans())
    return [first] + [first if alike else draw(st.sampled_from(dtypes)) for _ in range(count - 1)]


@st.composite
def broadcastable(draw: st.DrawFn, count: int, dtypes: tuple[str, ...] = NUMERIC) -> tuple[Operand, ...]:
    """``count`` operands of 0 to 5 dimensions whose shapes broadcast, empty ones included."""
    shortest = draw(st.sampled_from((2, 2, 1, 1, 0)))  # seldom 0, or most arrays would be empty
    shapes = draw(mutually_broadcastable_shapes(num_shapes=count, max_dims=5, min_side=shortest, max_side=5))
    drawn = draw(dtypes_of(count, dtypes))
    return tuple(draw(operands(shape, (dtype,))) for shape, dtype in zip(shapes.input_shapes, drawn, strict=True))


@st.composite
def long_broadcastable(draw: st.DrawFn, count: int, dtypes: tuple[str, ...] = NUMERIC) -> tuple[Operand, ...]:
    """
    ``count`` operands that broadcast to about 9000 items.

    NumPy casts up to 8192 items, its buffer, in one piece; only beyond are they cast on the way through the loop.
    """
    whole = draw(st.sampled_from(((9001,), (3, 3001), (3001, 3), (2, 4, 1201), (97, 101))))
    shapes = [whole, *(tuple(draw(st.sampled_from((n, n, 1))) for n in whole) for _ in range(count - 1))]
    drawn = draw(dtypes_of(count, dtypes))
    return tuple(draw(operands(shape, (dtype,))) for shape, dtype in zip(shapes, drawn, strict=True))


@dataclass(frozen=True)
class Tuning:
    """How a call is cut up: what must never show in its result."""

    chunk_size: int | None = None
    workers: int | None = None

    @property
    def keywords(self) -> dict[str, Any]:
        """The keyword arguments of ``chunked_map``."""
        return {"chunk_size": self.chunk_size, "workers": self.workers}


def tunings() -> st.SearchStrategy[Tuning]:
    """Chunks small enough for many bounds in a small array, or left to the library; 1, 2, 3 or 7 workers."""
    sizes = st.sampled_from((1, 2, 3, 5, 8, 17, 64, None))
    return st.builds(Tuning, chunk_size=sizes, workers=st.sampled_from(WORKERS))


def long_tunings() -> st.SearchStrategy[Tuning]:
    """Chunks for some thousands of items: within a buffer, about its size, and above."""
    sizes = st.sampled_from((64, 1000, 4099, 8192, 8193, None))
    return st.builds(Tuning, chunk_size=sizes, workers=st.sampled_from(WORKERS))


def numbers(dtype: str, n_items: int) -> Any:
    """Return numbers of many magnitudes, in all bits of the dtype, the same for a length each time."""
    rng = np.random.default_rng(n_items)
    array: Any = (rng.standard_normal(n_items) * 10.0 ** rng.integers(-2, 3, n_items)).astype(dtype) / np.dtype(dtype).type(3)
    if array.dtype.kind == "c":
        array.imag = rng.standard_normal(n_items)
    return array
