"""Where the results of a Python callable go, chunk by chunk."""

from __future__ import annotations

import inspect
import operator
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lightwork._core.operands import may_overlap_itself
from lightwork.arrays.cut import Cut, noted, part_along
from lightwork.arrays.operand import Array

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Sink"]


class Sink:
    """Where the chunks' results go: the caller's `out`, or an array like the result of the first chunk.

    A chunk that is done before the first one is put aside, so that its worker goes on and timing decides nothing.
    """

    result: Array

    def __init__(self, fn: Callable[..., Any], cut: Cut, out: Array | None, dtype: npt.DTypeLike | None) -> None:
        self.fn: Callable[..., Any] = fn
        self.cut: Cut = cut
        self.dtype: np.dtype[Any] | None = None if dtype is None else np.dtype(dtype)
        self.passes_out: bool = out is not None and takes_out(fn)
        self.casts: bool = out is not None or dtype is not None
        self.lock: threading.Lock = threading.Lock()
        self.early: list[tuple[int, int, Array]] = []
        if out is not None:
            check_out(out, cut, self.dtype)
            self.result = out

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to fill chunks."""
        return {name: value for name, value in vars(self).items() if name not in ("lock", "early")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, lock=threading.Lock(), early=[])

    def fill(self, start: int, stop: int) -> None:
        """Run a chunk into its part of the result."""
        if not self.passes_out:
            self._store(self.call(start, stop), start, stop)
            return
        target = part_along(self.result, self.cut.axis, start, stop)
        answer = self.fn(*self.cut.parts(start, stop), out=target)
        if answer is not None and answer is not target:
            self._store(as_plain(answer), start, stop)

    def call(self, start: int, stop: int) -> Array:
        """One chunk's result as an array, checked for its length."""
        answer = self.fn(*self.cut.parts(start, stop))
        if answer is None:
            raise TypeError(
                "the function returned None for its chunk; let it return an array, or give out= and let it take the view "
                "to write to as a parameter named 'out'"
            )
        result = as_plain(answer)
        axis, expected = self.cut.axis, stop - start
        if not -result.ndim <= axis < result.ndim or result.shape[axis] != expected:
            raise ValueError(
                f"the function returned shape {result.shape} for a chunk of {expected} along axis {axis}; it must keep the "
                "chunk's length there, one result for each position"
            )
        return result

    def _store(self, result: Array, start: int, stop: int) -> None:
        with self.lock:
            if not hasattr(self, "result"):
                if start > 0:
                    self.early.append((start, stop, result))
                    return
                self.result = self.like(result)
        self.put(result, start, stop)

    def settle(self) -> None:
        """Put what was done early in its place."""
        for start, stop, result in sorted(self.early, key=operator.itemgetter(0)):
            try:
                self.put(result, start, stop)
            except (TypeError, ValueError) as error:
                raise noted(error, start, stop, self.cut.axis) from None

    def put(self, result: Array, start: int, stop: int) -> None:
        """Write one chunk's result into that of all."""
        target = part_along(self.result, self.cut.axis, start, stop)
        if result.shape != target.shape:
            raise ValueError(
                f"the function returned shape {result.shape} for a chunk of a result of shape {self.result.shape}; it must return what it did "
                f"for the first chunk, but for the length along axis {self.cut.axis}"
            )
        if not self.casts and result.dtype != self.result.dtype:
            raise TypeError(f"the function returned {self.result.dtype} for the first chunk and {result.dtype} for this one; give dtype=")
        np.copyto(target, result, casting="same_kind")

    def like(self, part: Array) -> Array:
        """Return an array for all chunks, in the memory order of one chunk's result."""
        axis = self.cut.axis % part.ndim
        shape = (*part.shape[:axis], self.cut.length, *part.shape[axis + 1 :])
        return np.empty_like(part, dtype=self.dtype or part.dtype, shape=shape)


def as_plain(answer: object) -> Array:
    """Return a chunk's result as an exact array; refuse what would lose its meaning as one, a mask or a unit."""
    kind = type(answer)
    if issubclass(kind, np.ndarray) and kind is not np.ndarray and not issubclass(kind, np.memmap):
        raise TypeError(
            f"the function returned a {kind.__name__}, but chunks are put together in a plain array, without mask or unit; "
            "let it return a plain one, for a masked array .filled(...) or .mask and .data in two calls"
        )
    return np.asarray(answer)


def takes_out(fn: Callable[..., Any]) -> bool:
    """Whether a callable has a parameter named ``out``; one that cannot be asked has not."""
    try:
        parameter = inspect.signature(fn).parameters.get("out")
    except (TypeError, ValueError):
        return False
    return parameter is not None and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)


def check_out(out: Array, cut: Cut, dtype: np.dtype[Any] | None) -> None:
    """Refuse, before anything runs, an `out` that chunks could not be written to."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an array, not {type(out).__name__}")
    if not -out.ndim <= cut.axis < out.ndim or out.shape[cut.axis] != cut.length:
        raise ValueError(f"out has shape {out.shape}, but must be {cut.length} long along axis {cut.axis}, as the arrays are")
    if not out.flags.writeable:
        raise ValueError("out is read-only; pass a writeable array")
    if dtype is not None and dtype != out.dtype:
        raise TypeError(f"out has dtype {out.dtype}, but dtype={dtype} was asked for; leave one of them out")
    if may_overlap_itself(out):
        raise ValueError("out has items that share memory, so chunks would write over each other's results; pass an array without such strides")
    for array in cut.arrays:
        if overlaps(out, array):
            raise ValueError("out shares memory with an input otherwise than item for item, so chunks would read what others wrote; pass a copy")


def overlaps(out: Array, array: Array) -> bool:
    """Whether writing one chunk of `out` could change another chunk of `array`."""
    same = out.shape == array.shape and out.strides == array.strides and out.dtype == array.dtype
    if same and out.__array_interface__["data"][0] == array.__array_interface__["data"][0]:
        return False
    effort: Any = 10_000  # candidates to try, which NumPy's stubs do not know of; enough for all but contrived strides
    try:
        return np.shares_memory(out, array, max_work=effort)
    except np.exceptions.TooHardError:
        return True
