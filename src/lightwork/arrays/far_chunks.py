"""A Python callable over the chunks of arrays, in other processes, which read and write them where they are."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from lightwork.arrays.chunks import Cut, Sink, noted, part_along
from lightwork.processes.answer import Answer, answer_with
from lightwork.processes.layout import is_plain, owner_of
from lightwork.processes.loading import loads
from lightwork.processes.segment import Token, mapping_of
from lightwork.processes.segments import Segments, Shipment
from lightwork.processes.shared_array import shared_empty_like

if TYPE_CHECKING:
    import numpy.typing as npt

    from lightwork.arrays.chunks import Array
    from lightwork.tasks.results import ItemResult, ParallelResult

__all__ = ["map_far_chunks"]

#: What a chunk should cost by what the first one did: fifty times what it costs to hand it out. But items may be uneven, so a worker gets
#: no fewer chunks than balance needs, and no more than make sense however long the call.
CHUNK_NS = 10_000_000
FEWEST_CHUNKS = 8
MOST_CHUNKS = 64
FIRST = 10  # 2 to the power of how many parts of the range the first chunk is one, if nothing is said

#: From how many bytes on a result is left where it was written, which takes open files, of which a process may have some hundreds.
#: Smaller ones are copied: that takes some milliseconds.
LARGE_RESULT = 1 << 26

Span = tuple[int, int]


def map_far_chunks(
    fn: Callable[..., Any],
    arrays: Sequence[npt.ArrayLike],
    out: Array | None,
    dtype: npt.DTypeLike | None,
    axis: SupportsIndex,
    chunk_size: int,
    n_workers: int,
) -> Array:
    """Run `fn` over chunks as ``map_chunks`` does, in processes."""
    cut = Cut([np.asanyarray(array) for array in arrays], axis)
    sink = Sink(fn, cut, out, dtype)
    with Segments() as segments:
        if out is not None:
            return _fill_out(sink, segments, chunk_size, n_workers)
        start, ns = _begin(sink, segments, min(chunk_size or max(1, cut.length >> FIRST), cut.length), n_workers)
        _fill(sink, segments, start, chunk_size or _grain(start, cut.length, ns, n_workers), n_workers, sink.result)
        return sink.result if sink.result.nbytes >= LARGE_RESULT else sink.result.copy(order="K")


def _grain(size: int, length: int, ns: int, n_workers: int) -> int:
    """Return how many positions make a chunk, by what the first one cost."""
    fewest, most = (max(1, -(-length // (n_workers * chunks))) for chunks in (MOST_CHUNKS, FEWEST_CHUNKS))
    return max(fewest, min(most, CHUNK_NS * size // max(ns, 1)))


# --- What the caller does -------------------------------------------------------------------------------------------


def _begin(sink: Sink, segments: Segments, stop: int, n_workers: int) -> tuple[int, int]:
    """Have the first chunk run, to learn what the result is like; return its end, and how long it took."""
    shipment = _shipment(sink, segments)
    with Answer() as answer:
        call = functools.partial(_first_chunk, shipment.payload, answer.token)
        (payload,) = _run(call, [(0, stop)], n_workers, sink.cut.axis).values()
        result, ns = answer.loads(payload)
    try:
        like = sink.like(result)
        sink.result = shared_empty_like(like) if is_plain(like) else like
        sink.put(result, 0, stop)
    except (TypeError, ValueError) as error:
        raise noted(error, 0, stop, sink.cut.axis) from None
    return stop, ns


def _fill_out(sink: Sink, segments: Segments, chunk_size: int, n_workers: int) -> Array:
    """Have all chunks written to the caller's array: to itself if it is shared, else by way of one that is."""
    out = sink.result
    if is_plain(out) and mapping_of(owner_of(out)) is None:
        sink.result = shared_empty_like(np.empty_like(out))
        if sink.passes_out:  # the function sees what is in it
            np.copyto(sink.result, out)
    _fill(sink, segments, 0, chunk_size or _grain(1, sink.cut.length, 0, n_workers), n_workers, out)
    return out


def _fill(sink: Sink, segments: Segments, start: int, grain: int, n_workers: int, out: Array) -> None:
    """Have the chunks from a position on written to the result; if that is not the caller's array, to this as they are done."""
    result, axis = sink.result, sink.cut.axis

    def fetch(span: Span, part: Array | None) -> None:
        if part is not None or out is not result:
            np.copyto(part_along(out, axis, *span), part_along(result, axis, *span) if part is None else part)

    spans = [(begin, min(begin + grain, sink.cut.length)) for begin in range(start, sink.cut.length, grain)]
    if spans:
        call = _chunk if is_plain(result) else _chunk_by_value
        shipment = _shipment(sink, segments)
        _run(functools.partial(call, shipment.payload), spans, n_workers, axis, fetch)


def _shipment(sink: Sink, segments: Segments) -> Shipment:
    """Return what a worker needs: all of it in a segment, but for little, so that each chunk's message is short."""
    in_place = (sink.result,) if hasattr(sink, "result") else ()
    # Whom the caller has called or told of errors is not there.
    errstate = {kind: "warn" if action in ("call", "log") else action for kind, action in np.geterr().items()}
    inside = segments.dumps((sink, errstate), in_place=in_place)
    return segments.dumps(np.frombuffer(inside.payload, np.uint8))


def _run(
    call: Callable[[Span], Any], spans: list[Span], n_workers: int, axis: int, done: Callable[[Span, Any], None] | None = None
) -> ParallelResult[Any]:
    """Have a function called with spans in processes; raise the first error with a note of its chunk."""
    from lightwork.tasks import parallel_map  # noqa: PLC0415 - half of the package, which arrays do without

    failures: dict[int, BaseException] = {}

    def hear(result: ItemResult[Any]) -> None:
        if result.error is not None:
            failures[result.index] = result.error
        elif done is not None:
            done(spans[result.index], result.value)

    result: ParallelResult[Any] = parallel_map(
        call, spans, executor="process", workers=n_workers, chunk_size=1, max_errors=1, on_result=hear,
        # As for all arrays, whatever is configured for items:
        window=None, retry=None, rate_limit=None, timeout=None, task_timeout=None, stop=None, progress=False, metrics=None,
    )  # fmt: skip
    if failures:
        first = min(failures)
        try:
            raise noted(failures[first], *spans[first], axis)
        finally:
            failures.clear()  # else they and their traceback would keep each other, and the arrays
    return result


# --- What workers do ------------------------------------------------------------------------------------------------


def _first_chunk(payload: bytes, token: Token, span: Span) -> bytes:
    """Run a chunk; return its result, and how long it took."""
    sink, errstate = loads(loads(payload))
    began = time.perf_counter_ns()
    with np.errstate(**errstate):
        result = sink.call(*span)
    return answer_with((result, time.perf_counter_ns() - began), token)


def _chunk_by_value(payload: bytes, span: Span) -> Array:
    """Run a chunk, and return its part of a result that cannot be shared, as one of Python objects."""
    sink, errstate = loads(loads(payload))
    with np.errstate(**errstate):
        sink.fill(*span)
    return part_along(sink.result, sink.cut.axis, *span)


def _chunk(payload: bytes, span: Span) -> None:
    """Run a chunk into its part of the shared result."""
    sink, errstate = loads(loads(payload))
    with np.errstate(**errstate):
        sink.fill(*span)
