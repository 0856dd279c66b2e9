"""A Python callable over the chunks of arrays: how these are cut, and run."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from lightwork._core.calls import run_calls
from lightwork._core.inner import inner_threads
from lightwork.arrays.cut import Cut, noted
from lightwork.arrays.operand import Array
from lightwork.arrays.sink import Sink

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["map_chunks", "run"]

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
