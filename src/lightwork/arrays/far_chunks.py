"""A Python callable over the chunks of arrays, in other processes, which read and write them where they are."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, SupportsIndex

import numpy as np

from lightwork.arrays.cut import Cut, noted, part_along
from lightwork.arrays.operand import Array
from lightwork.arrays.sink import Sink
from lightwork.processes.answer import Answer, answer_with
from lightwork.processes.dumping import LARGE
from lightwork.processes.files import NoRoomError
from lightwork.processes.layout import is_plain, owner_of
from lightwork.processes.loading import loads
from lightwork.processes.segment import Token, mapping_of
from lightwork.processes.segments import Segments
from lightwork.processes.shared_array import shared_empty_like

if TYPE_CHECKING:
    import numpy.typing as npt

    from lightwork.tasks.results import ItemResult

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
Task = tuple[Span, "Token | None", "bytes | None"]


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
    if out is not None and cut.length == 0:
        return out
    grain = _grain(1, cut.length, 0, n_workers) if out is not None and chunk_size == 0 else chunk_size
    with Journey(sink, grain, n_workers) as journey:
        return journey.make()


def _grain(size: int, length: int, ns: int, n_workers: int) -> int:
    """Return how many positions make a chunk, by what the first one cost."""
    fewest, most = (max(1, -(-length // (n_workers * chunks))) for chunks in (MOST_CHUNKS, FEWEST_CHUNKS))
    return max(fewest, min(most, CHUNK_NS * size // max(ns, 1)))


# --- What the caller does -------------------------------------------------------------------------------------------


class Journey:
    """
    Chunks on their way to workers, and what comes of them on its way back.

    A large result is written by workers to memory that they share with the caller, once the first chunk has told what it is like; the
    chunks that were begun before, and small results, travel.

    Parameters
    ----------
    sink : Sink
        What to call, and where the results go.
    grain : int
        Positions in a chunk; 0: as many as are found to be good by the first one, which is small.
    n_workers : int
    """

    def __init__(self, sink: Sink, grain: int, n_workers: int) -> None:
        self._sink = sink
        self._out = sink.result if hasattr(sink, "result") else None
        self._grain = grain
        self._n_workers = n_workers
        self._segments = Segments()
        self._where: bytes | None = None  # the memory of a result that was made for the first chunk
        self._spans: list[Span] = []
        self._answers: dict[int, Answer] = {}  # of chunks that were begun before anything was known of the result
        self._early: list[tuple[int, Any]] = []  # chunks that came before the first one, and their results
        self._failures: dict[int, BaseException] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for answer in self._answers.values():
            answer.close()
        self._segments.close()
        vars(self).clear()  # the run, which is a part of a cycle, has us

    def make(self) -> Array:
        """Have all chunks run, and return what came of them; raise the first error with a note of its chunk."""
        if self._out is not None:
            self._share_out(self._out)
        self._run()
        if self._failures:
            first = min(self._failures)
            raise noted(self._failures[first], *self._spans[first], self._sink.cut.axis)
        if self._out is not None:
            return self._out
        result = self._sink.result
        return result if self._where is None or result.nbytes >= LARGE_RESULT else result.copy(order="K")

    def _run(self) -> None:
        from lightwork.tasks import parallel_map  # noqa: PLC0415 - half of the package, which arrays do without

        parallel_map(
            functools.partial(_chunk, self._payload()), self._tasks(), executor="process", workers=self._n_workers,
            chunk_size=1, max_errors=1, on_result=self._hear,
            # As for all arrays, whatever is configured for items:
            window=None, retry=None, rate_limit=None, timeout=None, task_timeout=None, stop=None, progress=False, metrics=None,
        )  # fmt: skip

    # --- The way there ------------------------------------------------------------------------------------------------

    def _share_out(self, out: Array) -> None:
        """Have all chunks written to the caller's array: to itself if it is shared, else by way of one that is."""
        if is_plain(out) and mapping_of(owner_of(out)) is None:
            self._sink.result = shared_empty_like(np.empty_like(out))
            if self._sink.passes_out:  # the function sees what is in it
                np.copyto(self._sink.result, out)

    def _payload(self) -> bytes:
        """Return what a worker needs: all of it in a segment, but for little, so that each chunk's message is short."""
        in_place = () if self._out is None else (self._sink.result,)
        # Whom the caller has called or told of errors is not there.
        errstate = {kind: "warn" if action in ("call", "log") else action for kind, action in np.geterr().items()}
        try:
            inside = self._segments.dumps((self._sink, errstate), in_place=in_place)
        except NoRoomError:
            raise
        except Exception as error:
            raise self._explained(error) from error
        return self._segments.dumps(np.frombuffer(inside.payload, np.uint8)).payload

    def _explained(self, error: BaseException) -> TypeError:
        """Return what to raise for what cannot be pickled, the function or an array."""
        from lightwork.tasks.travel import can_travel, cannot_travel  # noqa: PLC0415 - as above

        for array in self._sink.cut.arrays:
            if not is_plain(array) and not can_travel(array):
                return cannot_travel("the array", array, error)
        return cannot_travel("the function", self._sink.fn, error)

    def _tasks(self) -> Iterator[Task]:
        """Yield chunks with where their results are to go, as far as that is known; none after a failure."""
        length = self._sink.cut.length
        if length == 0:  # one call tells what the result is like
            yield self._task(0, 0)
        start = 0
        while start < length and not self._failures:
            stop = min(start + (self._grain or max(1, length >> FIRST)), length)
            yield self._task(start, stop)
            start = stop

    def _task(self, start: int, stop: int) -> Task:
        token = None
        if not hasattr(self._sink, "result"):
            answer = self._answers[len(self._spans)] = Answer()
            token = answer.token
        self._spans.append((start, stop))
        return (start, stop), token, self._where

    # --- The way back -------------------------------------------------------------------------------------------------

    def _hear(self, result: ItemResult[Any]) -> None:
        """Take what came of a chunk, be it an error."""
        if result.error is not None:
            self._failures[result.index] = result.error
            return
        try:
            self._land(result.index, self._opened(result.index, result.value))
        except Exception as error:
            self._failures[result.index] = error

    def _opened(self, index: int, value: Any) -> Any:
        """Return a chunk's result, if it travels."""
        answer = self._answers.pop(index, None)
        if answer is None:
            return value
        with answer:
            value, ns = answer.loads(value)
        if index == 0 and self._grain == 0:
            self._grain = _grain(self._spans[0][1], self._sink.cut.length, ns, self._n_workers)
        return value

    def _land(self, index: int, value: Any) -> None:
        """Put a chunk's result where it belongs; the first chunk decides what those are held to that came before it."""
        if hasattr(self._sink, "result"):
            self._put(*self._spans[index], value)
        elif index > 0:
            self._early.append((index, value))
        else:
            self._begin_result(value)
            self._put(*self._spans[index], value)
            while self._early:
                self._put_early(*self._early.pop())

    def _begin_result(self, first: Array) -> None:
        """Make an array like the first chunk's result."""
        like = self._sink.like(first)
        is_shared = is_plain(like) and like.nbytes >= LARGE
        self._sink.result = shared_empty_like(like) if is_shared else like
        if is_shared:
            self._where = self._segments.dumps(self._sink.result, in_place=(self._sink.result,)).payload

    def _put_early(self, index: int, value: Any) -> None:
        try:
            self._put(*self._spans[index], value)
        except Exception as error:
            self._failures[index] = error

    def _put(self, start: int, stop: int, value: Any) -> None:
        """Write a result that has travelled, or copy one that has not to where the caller wants it."""
        sink, axis = self._sink, self._sink.cut.axis
        if value is not None:
            sink.put(value, start, stop)
        elif self._out is not None and self._out is not sink.result:
            np.copyto(part_along(self._out, axis, start, stop), part_along(sink.result, axis, start, stop))


# --- What workers do ------------------------------------------------------------------------------------------------


def _chunk(payload: bytes, task: Task) -> Any:
    """
    Run a chunk into its part of the result, if that is known and can be shared; else return what came of it.

    One that was begun before anything was known of the result returns how long it took, too.
    """
    span, token, where = task
    sink, errstate = loads(loads(payload))
    with np.errstate(**errstate):
        if where is not None:
            sink.result = loads(where)
        if hasattr(sink, "result"):
            sink.fill(*span)
            return None if is_plain(sink.result) else part_along(sink.result, sink.cut.axis, *span)
        began = time.perf_counter_ns()
        result = sink.call(*span)
    return result if token is None else answer_with((result, time.perf_counter_ns() - began), token)
