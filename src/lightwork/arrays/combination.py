"""``map_reduce``: a Python callable over chunks of arrays, whose results another one combines in a fixed order."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from lightwork._core.lifetime import count_default_workers
from lightwork.arrays.chunks import WORTH_SHARING_NS, run
from lightwork.arrays.cut import Cut, noted
from lightwork.arrays.operand import NO_VALUE
from lightwork.arrays.reducing import checked_count, checked_workers

if TYPE_CHECKING:  # a millisecond and more at run time
    import numpy.typing as npt

__all__ = ["map_reduce"]

#: Chunks of a range where their size is not given: enough for many workers, and no function of how many there are.
N_CHUNKS = 64


class Combination:
    """The results of chunks, combined two neighbours at a time, then those, and so on: a tree that depends on their number alone."""

    def __init__(self, cut: Cut, grain: int, combine: Callable[[Any, Any], Any]) -> None:
        self.cut: Cut = cut
        self.grain: int = grain
        self.combine: Callable[[Any, Any], Any] = combine

    def join(self, left: Any, right: Any, start: int, stop: int) -> Any:
        """Combine the results of two neighbours, which are those of the chunks from `start` to `stop`."""
        try:
            return self.combine(left, right)
        except Exception as error:
            raise noted(error, start * self.grain, min(stop * self.grain, self.cut.length), self.cut.axis, "combining chunks of") from None

    def of(self, results: list[Any]) -> Any:
        """Combine all results, each always to the left of those after it."""
        width, n_chunks = 1, len(results)
        while len(results) > 1:
            pairs = [self.join(results[i], results[i + 1], i * width, min((i + 2) * width, n_chunks)) for i in range(0, len(results) - 1, 2)]
            results = pairs + results[2 * len(pairs) :]
            width *= 2
        return results[0]


def map_chunks(fn: Callable[..., Any], cut: Cut, grain: int, n_workers: int) -> list[Any]:
    """Return the results of all chunks; the caller begins alone, and goes on so if the first tells that the others are as cheap."""
    results: list[Any] = [None] * -(-cut.length // grain)

    def fill(start: int, stop: int) -> None:
        results[start // grain] = fn(*cut.parts(start, stop))

    began = time.perf_counter_ns()
    run(fill, cut, 0, min(grain, cut.length), grain, 1)
    rest_ns = (time.perf_counter_ns() - began) * (len(results) - 1)
    if len(results) > 1:
        run(fill, cut, grain, cut.length, grain, n_workers if rest_ns > WORTH_SHARING_NS else 1)
    return results


def map_reduce(
    fn: Callable[..., Any],
    *arrays: npt.ArrayLike,
    combine: Callable[[Any, Any], Any],
    initial: Any = NO_VALUE,
    axis: int = 0,
    chunk_size: SupportsIndex | None = None,
    workers: SupportsIndex | None = None,
) -> Any:
    """
    Call a function for the chunks of arrays on every core, and combine what it returns.

    Parameters
    ----------
    fn : callable
        Called as ``fn(*views)`` with views of the arrays; returns anything.
    *arrays : array_like
        Of the same length along `axis`; those of length 1 there, and scalars, are passed whole to every chunk.
    combine : callable
        Called as ``combine(left, right)`` with results, or what it returned for them, `left` being of chunks before those of `right`. It has to
        be associative for the result not to depend on `chunk_size`; it need not be commutative.
    initial : object, optional
        What stands before all chunks, as `left`; the result for arrays without items.
    axis : int, default 0
        The axis that is cut into chunks.
    chunk_size : int, optional
        Positions along `axis` in a chunk. Default: a 64th of them, rounded up.
    workers : int, optional
        How many take part, the calling thread included. Default: :func:`configure`'s, else :func:`cpu_budget`.

    Returns
    -------
    object
        What `combine` returned last; of a single chunk without `initial`, what `fn` did.

    Raises
    ------
    ValueError
        For arrays without items, if there is no `initial`; for arrays that cannot be cut together.
    Exception
        What `fn` or `combine` raised, with a note of the chunks: the first by index of those that ran. No chunk is started after an error.

    Notes
    -----
    Thread-safe. Chunks and the tree in which they are combined are a function of the length and `chunk_size` alone, so the result is the same at
    any number of workers. `combine` runs in the calling thread, `fn` in many. All chunks' results are kept until the last is done.

    So sums of chunks, added up, have not NumPy's bits but its accuracy: an item goes through at most 25 additions in a block of 128, one for each
    doubling of that to a chunk, and one for each level of the tree, log2 of the number of chunks; each rounds by half an epsilon at most.

    Examples
    --------
    >>> import numpy as np, lightwork as lw
    >>> words = np.array(["many", "hands", "make", "light", "work"])
    >>> lw.map_reduce(list, words, combine=lambda left, right: left + right, chunk_size=2)
    [np.str_('many'), np.str_('hands'), np.str_('make'), np.str_('light'), np.str_('work')]
    """
    if not arrays:
        raise TypeError("map_reduce() needs at least one array after the function, as in map_reduce(np.sum, x, combine=operator.add)")
    for name, given in (("fn", fn), ("combine", combine)):
        if not callable(given):
            raise TypeError(f"{name} must be a callable, as in map_reduce(np.sum, x, combine=operator.add), not {given!r}")
    cut = Cut([np.asanyarray(array) for array in arrays], axis)
    n_workers = checked_workers(workers) or count_default_workers()
    grain = checked_count("chunk_size", chunk_size) if chunk_size is not None else max(1, -(-cut.length // N_CHUNKS))
    if cut.length == 0:
        if initial is NO_VALUE:
            raise ValueError("map_reduce() of arrays without items has no result; give initial=")
        return initial
    combination = Combination(cut, grain, combine)
    result = combination.of(map_chunks(fn, cut, grain, n_workers))
    return result if initial is NO_VALUE else combination.join(initial, result, 0, cut.length)
