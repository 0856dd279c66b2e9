"""A Python callable over the chunks of arrays: what it is given, and where its results go."""

from __future__ import annotations

import contextlib
import contextvars
import inspect
import operator
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import numpy as np

from lightwork._core.calls import run_calls
from lightwork._core.inner import inner_threads
from lightwork._core.operands import may_overlap_itself

if TYPE_CHECKING:  # a millisecond and more at run time
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

__all__ = ["Cut", "Sink", "map_chunks", "noted", "part_along"]

#: How long the caller goes on alone to learn what a callable costs, and what the rest must cost to be shared. Measured: a call
#: shared by two workers costs 30 to 60 us more than one chunk of the same size, most of it for handing over the GIL.
RAMP_NS = 50_000
CHEAP_NS = 10_000
WORTH_SHARING_NS = 200_000

#: What a chunk should cost by what the ramp saw: fifty times what it costs to call Python for it. But items may be uneven, so a
#: worker gets no fewer chunks than balance needs, and no more than make sense however long the call.
CHUNK_NS = 200_000
FEWEST_CHUNKS = 16
MOST_CHUNKS = 256

#: How many times what a call costs by itself, whatever its chunk, the chunk's items should cost: an eighth is lost then. What it costs
#: by itself, two chunks tell; of a range so short that a second one would be a share of it, it is not asked.
ITEMS_TO_CALL = 8
FEW_POSITIONS = 64


def map_chunks(
    fn: Callable[..., Any],
    arrays: Sequence[npt.ArrayLike],
    out: Array | None,
    dtype: npt.DTypeLike | None,
    axis: SupportsIndex,
    chunk_size: int,
    n_workers: int,
) -> Array:
    """Run `fn` over the chunks of `arrays` along `axis`; the meaning of all arguments is that of ``chunked_map``."""
    cut = Cut([np.asanyarray(array) for array in arrays], axis)
    sink = Sink(fn, cut, out, dtype)
    if cut.length == 0:
        if out is None:
            sink.fill(0, 0)  # the only way to learn the dtype and the other lengths of an empty result
        return sink.result
    start, cost = (0, UNKNOWN) if chunk_size else ramp(sink.fill, cut)
    grain = chunk_size or choose_grain(cut.length - start, n_workers, cost)
    run(sink.fill, cut, start, cut.length, grain, n_workers)
    sink.settle()
    return sink.result


class Cost:
    """What a chunk costs, in nanoseconds: so much for each of its items, and so much by itself, however few they are."""

    def __init__(self, item: float, call: float) -> None:
        self.item: float = item
        self.call: float = call


UNKNOWN = Cost(0.0, 0.0)


class Timed:
    """A chunk that was run, and how long it took."""

    def __init__(self, size: int, ns: int) -> None:
        self.size: int = size
        self.ns: int = ns

    def cost_after(self, earlier: Timed | None) -> Cost:
        """Return the cost that explains both this chunk and an earlier, smaller one; of one alone, that of its items."""
        if earlier is None:
            return Cost(self.ns / self.size, 0.0)
        item = max(0.0, (self.ns - earlier.ns) / (self.size - earlier.size))
        return Cost(item, max(0.0, self.ns - item * self.size))


def ramp(fill: Callable[[int, int], None], cut: Cut) -> tuple[int, Cost]:
    """
    Begin alone, with chunks that grow from a thousandth of the range; return how far that went, and what items cost at last.

    They double, or grow fourfold while a chunk costs next to nothing. That is all of a range which is too cheap to share. Of one
    whose items are dear it is the first two small chunks, however uneven they are. Where it is the calls that are dear, and not their
    items, chunks grow eightfold, for there should be few.
    """
    start, size, last = 0, max(1, cut.length >> 10), None
    began = now = time.perf_counter_ns()
    while start < cut.length:
        stop, before = min(start + size, cut.length), now
        fill_alone(fill, cut, start, stop)
        now = time.perf_counter_ns()
        timed = Timed(stop - start, now - before)
        start, rest, size = stop, cut.length - stop, (4 if timed.ns < CHEAP_NS else 2) * size
        if now - began > RAMP_NS:
            if timed.ns * rest <= WORTH_SHARING_NS * timed.size:
                size = cut.length
            elif last is not None or cut.length < FEW_POSITIONS:
                cost = timed.cost_after(last)
                if cost.item * rest > WORTH_SHARING_NS:
                    return start, cost
                size = 8 * timed.size
        last = timed
    return start, UNKNOWN


def fill_alone(fill: Callable[[int, int], None], cut: Cut, start: int, stop: int) -> None:
    """Fill one chunk in the calling thread, as a worker would, without asking for any."""
    try:
        contextvars.copy_context().run(fill, start, stop)
    except BaseException as error:
        noted(error, start, stop, cut.axis)
        raise


def choose_grain(length: int, n_workers: int, cost: Cost) -> int:
    """How many positions make a chunk: by what they cost, if that is known."""
    fewest, most, share = (max(1, -(-length // (n_workers * chunks))) for chunks in (MOST_CHUNKS, FEWEST_CHUNKS, 1))
    if not cost.item:
        return most
    grain = max(fewest, min(most, int(CHUNK_NS / cost.item)))
    return max(grain, min(share, int(ITEMS_TO_CALL * cost.call / cost.item)))


def run(fill: Callable[[int, int], None], cut: Cut, start: int, stop: int, grain: int, n_workers: int) -> None:
    """Fill the chunks of a range; raise the first error with a note of its chunk."""

    def fill_from_start(chunk_start: int, chunk_stop: int) -> None:
        fill(start + chunk_start, start + chunk_stop)

    with inner_threads.beside(n_workers):
        failure = run_calls(fill_from_start, stop - start, grain, n_workers)
    if failure is not None:
        chunk_start, chunk_stop, error = failure
        try:
            raise noted(error, start + chunk_start, start + chunk_stop, cut.axis)
        finally:
            del failure, error  # else they and their traceback would keep each other, and the arrays


def noted(error: BaseException, start: int, stop: int, axis: int) -> BaseException:
    """Return the error of a chunk with a note of which one it was."""
    with contextlib.suppress(TypeError):  # some errors cannot be noted upon: they are raised all the same
        error.add_note(f"in chunk [{start}, {stop}) of axis {axis}")
    return error


def axis_number(axis: SupportsIndex) -> int:
    """Return the axis as a number; refuse what is none."""
    try:
        return operator.index(axis)
    except TypeError:
        raise TypeError(f"axis must be a whole number, not {axis!r}: arrays are cut along one axis") from None


class Cut:
    """Arrays and the axis along which they are cut; checks that they can be cut together."""

    def __init__(self, arrays: list[Array], axis: SupportsIndex) -> None:
        axis = axis_number(axis)
        n_dimensions = max(array.ndim for array in arrays)
        if n_dimensions == 0 and any(isinstance(array.item(), Iterator) for array in arrays):
            raise TypeError("an iterator cannot be cut: make a list or an array of it, or call parallel_map, which takes its items one by one")
        if n_dimensions == 0:
            raise ValueError("there is nothing to cut: all arrays are 0-dimensional; call the function itself")
        if not -n_dimensions <= axis < n_dimensions:
            raise np.exceptions.AxisError(axis, n_dimensions)
        self.arrays: list[Array] = arrays
        self.axis: int = axis
        self.length: int = self._common_length()
        self._cut: list[bool] = [self._is_cut(array) for array in arrays]

    def _length_of(self, array: Array) -> int | None:
        """How long an array is along the axis; None if it is passed whole."""
        if array.ndim == 0:
            return None
        if not -array.ndim <= self.axis < array.ndim:
            raise ValueError(f"an array of shape {array.shape} has no axis {self.axis} to cut; give it one, or bind it by functools.partial")
        return int(array.shape[self.axis])

    def _common_length(self) -> int:
        lengths = {length for length in map(self._length_of, self.arrays) if length is not None}
        if len(lengths) > 1:
            lengths.discard(1)  # passed whole, to be broadcast by the callable
        if len(lengths) > 1:
            shapes = ", ".join(str(array.shape) for array in self.arrays)
            raise ValueError(
                f"arrays of shapes {shapes} are not equally long along axis {self.axis}; cut them to one length, or bind "
                "those that every chunk needs whole by functools.partial"
            )
        return lengths.pop()

    def _is_cut(self, array: Array) -> bool:
        """Whether an array is cut, not passed whole."""
        return self._length_of(array) == self.length

    def parts(self, start: int, stop: int) -> list[Array]:
        """Return the views that the callable gets for a chunk."""
        pairs = zip(self.arrays, self._cut, strict=True)
        return [part_along(array, self.axis, start, stop) if is_cut else array for array, is_cut in pairs]


def part_along(array: Array, axis: int, start: int, stop: int) -> Array:
    """Return the view of ``[start, stop)`` along one axis."""
    view: Array = array[(*(slice(None),) * (axis % array.ndim), slice(start, stop))]
    return view


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
