"""A callable over items inside the core: results, failures, threads, nesting, contexts and what is let go."""

import contextvars
import functools
import gc
import operator
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from lightwork._core.items import Outcome, map_items, statistics
from lightwork._core.pool import Core
from threads import together

import lightwork as lw
from lightwork._gil import has_gil

SECONDS = 30  # more than anything here takes; a wait that long is a hang


class Crowd:
    """A function of items that counts how many are in it at once; those in the first round wait for each other."""

    def __init__(self, n_expected: int = 0) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = 0
        self.barrier = threading.Barrier(n_expected) if n_expected else None

    def __call__(self, item: int) -> int:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        if self.barrier is not None:
            self.barrier.wait(SECONDS)
        with self.lock:
            self.inside -= 1
        return item


def negate(item: int) -> int:
    """Return the negative."""
    return -item


# --- Results and failures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_workers", [0, 1, 2, 7])
@pytest.mark.parametrize("n_items", [0, 1, 2, 3, 1000])
def test_results_come_in_the_order_of_the_items(n_items: int, n_workers: int) -> None:
    """Whatever the number of workers."""
    outcome = map_items(negate, range(n_items), n_workers=n_workers)
    assert outcome.values == [-item for item in range(n_items)]
    assert (outcome.failures, outcome.n_finished, outcome.interrupt) == ({}, n_items, None)


@pytest.mark.parametrize("item", [(7, 2), [7, 2], "72", {7: 0, 2: 0}, range(7, 9), (number for number in (7, 2))])
def test_a_star_call_unpacks_any_iterable(item: Any) -> None:
    """As `fn(*item)` does."""
    expected = tuple(item) if not hasattr(item, "send") else (7, 2)
    assert map_items(lambda *arguments: arguments, [item], star=True).values == [expected]


def test_a_star_call_of_what_cannot_be_unpacked_fails_alone() -> None:
    """One bad item is that item's TypeError."""
    outcome = map_items(divmod, [(7, 2), 5, (9, 3)], star=True, n_workers=2)
    assert outcome.values == [(3, 1), None, (3, 0)]
    assert isinstance(outcome.failures[1], TypeError)


@pytest.mark.parametrize("error", [ValueError(1), SystemExit(3), GeneratorExit(), StopIteration(4), StopAsyncIteration(), MemoryError()])
@pytest.mark.parametrize("n_workers", [1, 4])
def test_what_an_item_raises_is_its_own_failure(error: BaseException, n_workers: int) -> None:
    """SystemExit too: it ends neither the run, nor the worker, nor the process."""

    def fail(item: int) -> int:
        if item % 10 == 3:
            raise error
        return item

    outcome = map_items(fail, range(100), n_workers=n_workers, missing="?")
    assert outcome.values == ["?" if item % 10 == 3 else item for item in range(100)]
    assert list(outcome.failures) == list(range(3, 100, 10))
    assert set(outcome.failures.values()) == {error}
    assert (outcome.n_finished, outcome.interrupt) == (100, None)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_traceback_begins_at_the_item(n_workers: int) -> None:
    """Nothing of ours stands between the reader and the line that failed."""

    def fail(_: int) -> None:
        raise LookupError

    outcome = map_items(fail, range(20), n_workers=n_workers)
    for error in outcome.failures.values():
        assert [frame.name for frame in traceback.extract_tb(error.__traceback__)] == ["fail"]


def test_all_may_fail() -> None:
    """Failures are told in the order of the items, however they came."""
    outcome = map_items(operator.truediv, [(item, 0) for item in range(500)], star=True, n_workers=4)
    assert list(outcome.failures) == list(range(500))
    assert {type(error) for error in outcome.failures.values()} == {ZeroDivisionError}
    assert outcome.values == [None] * 500


def test_an_outcome_is_made_by_a_run_only() -> None:
    """Nobody makes one by hand."""
    with pytest.raises(TypeError, match="map_items"):
        Outcome()


# --- Threads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_workers", [2, 5, 40])
def test_items_that_wait_are_run_at_the_same_time(n_workers: int) -> None:
    """As many as there are workers: none of them ends before all have begun."""
    crowd = Crowd(n_workers)
    assert map_items(crowd, range(3 * n_workers), n_workers=n_workers).n_finished == 3 * n_workers
    assert crowd.most == n_workers


def test_without_a_number_there_are_a_few_more_workers_than_cpus() -> None:
    """Since items wait; `configure` says otherwise."""
    n_default = min(32, lw.cpu_budget() + 4)
    assert map_items(Crowd(n_default), range(n_default)).failures == {}
    with lw.configure(workers=2):
        assert map_items(Crowd(2), range(6)).failures == {}


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_no_more_items_run_at_once_than_there_are_workers(n_workers: int) -> None:
    """However many threads there are."""
    crowd = Crowd()
    map_items(Crowd(8), range(8), n_workers=8)
    map_items(lambda item: (crowd(item), threading.Event().wait(0.0005)), range(100), n_workers=n_workers)
    assert crowd.most <= n_workers


def test_one_worker_is_the_caller() -> None:
    """Its items run in the calling thread, in their order."""
    order: list[tuple[int, int]] = []
    map_items(lambda item: order.append((item, threading.get_ident())), range(100), n_workers=1)
    assert order == [(item, threading.get_ident()) for item in range(100)]


def test_callers_do_not_take_each_others_threads() -> None:
    """Two calls of four each, at the same time, are eight items at once."""
    crowd = Crowd(8)
    outcomes = together([lambda: map_items(crowd, range(4), n_workers=4)] * 2)
    assert [outcome.failures for outcome in outcomes] == [{}, {}]


def test_threads_are_used_again() -> None:
    """A thousand calls need no more threads than one."""
    map_items(Crowd(6), range(6), n_workers=6)
    before = statistics().n_threads
    for _ in range(1000):
        map_items(negate, range(6), n_workers=6)
    assert statistics().n_threads == before


def test_a_pool_of_ones_own_keeps_to_its_size() -> None:
    """Its threads help the caller, and no others."""
    core, names = Core(2), set()

    def note(item: int) -> None:
        names.add(threading.current_thread().name)
        crowd(item)

    crowd = Crowd(2)
    outcome = map_items(note, range(10), n_workers=50, core=core)
    assert outcome.failures == {}
    assert len(names) == 2
    assert core.statistics().n_threads == 1
    core.close()


def test_statistics_count_items() -> None:
    """A chunk is an item."""
    before = sum(worker.chunks for worker in statistics().workers)
    map_items(negate, range(123), n_workers=1)
    assert sum(worker.chunks for worker in statistics().workers) == before + 123


# --- Nesting --------------------------------------------------------------------------------------------------------


def test_calls_three_deep_on_two_workers_end() -> None:
    """Who waits for an inner call works on it."""

    def tree(depth: int) -> Callable[[int], int]:
        return lambda item: sum(map_items(tree(depth - 1), range(5), n_workers=2).values) if depth else item

    for _ in range(20):
        assert map_items(tree(3), range(5), n_workers=2).values == [5**2 * 10] * 5


def test_calls_within_items_do_not_multiply_threads() -> None:
    """Three levels of four workers are four threads, not sixty-four."""
    core = Core(64)

    def tree(depth: int) -> Callable[[int], Any]:
        return lambda item: map_items(tree(depth - 1), range(4), n_workers=4, core=core).values if depth else threading.Event().wait(0.001)

    map_items(tree(2), range(4), n_workers=4, core=core)
    assert core.statistics().n_threads <= 4
    core.close()


def test_items_and_chunks_call_each_other() -> None:
    """An item may map arrays, and a chunk or a submitted call may map items."""
    squares = map_items(lambda item: float(lw.chunked_map(np.square, np.full(100_000, item), workers=2).max()), [1.0, 2.0, 3.0], n_workers=2)
    assert squares.values == [1, 4, 9]
    doubled = lw.chunked_map(lambda chunk: np.array(map_items(lambda x: 2 * x, chunk, n_workers=2).values), np.arange(64), chunk_size=16, workers=2)
    np.testing.assert_array_equal(doubled, 2 * np.arange(64))
    with lw.Pool(1) as pool:
        assert pool.submit(map_items, Crowd(3), range(3), n_workers=3).result(SECONDS).failures == {}


def test_an_inner_call_ends_with_the_call_around_it() -> None:
    """When a chunk of arrays failed, a run of items in another chunk begins nothing more, and says why."""
    began, failed = threading.Event(), threading.Event()
    outcomes: list[Outcome] = []

    def chunk(part: Any) -> Any:
        if part[0] == 0:
            assert began.wait(SECONDS)
            raise LookupError
        outcomes.append(map_items(wait, range(1000), n_workers=1))
        return part

    def wait(item: int) -> None:
        began.set()
        if item == 0:
            failed.wait(0.2)

    with pytest.raises(LookupError):
        lw.chunked_map(chunk, np.arange(2), chunk_size=1, workers=2)
    assert type(outcomes[0].interrupt).__name__ == "Stopped"
    assert outcomes[0].n_finished < 1000


# --- Contexts -------------------------------------------------------------------------------------------------------


def test_items_see_the_callers_context_and_do_not_change_it() -> None:
    """Each worker has a copy, the caller's thread too."""
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(7)

    def look(_: int) -> int:
        seen = variable.get()
        variable.set(seen)
        return seen

    assert map_items(look, range(200), n_workers=4).values == [7] * 200
    map_items(variable.set, [1, 2, 3], n_workers=1)
    assert variable.get() == 7


# --- References -----------------------------------------------------------------------------------------------------


class Thing:
    """Something that can be watched."""


def test_nothing_is_kept_after_the_call() -> None:
    """Neither the function, nor the items, nor the results, nor the context, not even until the next collection."""
    gc.disable()
    try:
        items = [Thing() for _ in range(50)]
        fn = functools.partial(lambda thing: [thing])
        watched: list[weakref.ref[Any]] = [weakref.ref(fn), *map(weakref.ref, items)]
        outcome = map_items(fn, items, n_workers=4)
        assert all(value == [item] for value, item in zip(outcome.values, items, strict=True))
        del fn, items, outcome
        if not has_gil():  # what a thread has made, and others have dropped, is freed when it goes on (PEP 703), and helpers sleep
            assert lw.shutdown(SECONDS)
        assert [watch() for watch in watched] == [None] * 51
    finally:
        gc.enable()


def test_an_item_is_let_go_as_soon_as_it_has_run() -> None:
    """A list that gives its items away keeps none of them alive."""
    items: list[Any] = [Thing() for _ in range(100)]
    watched = list(map(weakref.ref, items))

    def give_away(thing: Thing) -> int:
        index = next(index for index, item in enumerate(items) if item is thing)
        items[index] = None
        return sum(watch() is not None for watch in watched)

    assert map_items(give_away, items, n_workers=1).values == list(range(100, 0, -1))


# --- Small calls ----------------------------------------------------------------------------------------------------


def n_wakeups(core: Core) -> int:
    """Return how often one of the pool's threads was woken."""
    return sum(worker.wakeups for worker in core.statistics().workers)


@pytest.mark.skipif(not has_gil(), reason="without a GIL helpers are welcome at once")
def test_small_calls_wake_nobody_for_each() -> None:
    """Who has helped looks for more from time to time; to wake him for each call would take longer than the call."""
    core, began = Core(2), time.monotonic()
    for _ in range(300):
        map_items(negate, [1, 2, 3], n_workers=2, core=core)
        time.sleep(300e-6)  # longer than anybody spins
    assert n_wakeups(core) <= 2 + (time.monotonic() - began) / 5e-3  # once in 10 ms, for which he looks; on a busy machine that may be each call


def test_who_dozes_hears_of_a_call_that_waits() -> None:
    """And helps: two items that wait for each other."""
    core = Core(2)
    for _ in range(300):
        crowd = Crowd(2)
        map_items(negate, [1, 2, 3], n_workers=2, core=core)
        assert map_items(crowd, range(2), n_workers=2, core=core).values == [0, 1]


def test_who_dozes_is_woken_for_a_task() -> None:
    """A call that is handed in by itself does not wait for the next look."""
    core, done = Core(1), threading.Semaphore(0)
    for _ in range(300):
        map_items(negate, [1, 2, 3], n_workers=2, core=core)
        core.spawn(done.release)
        assert done.acquire(timeout=SECONDS)


def test_a_pool_whose_only_thread_dozes_ends() -> None:
    """It is woken for that, and has ended when this returns."""
    for _ in range(100):
        core = Core(1)
        core.spawn(int)  # starts its thread
        map_items(negate, [1, 2, 3], n_workers=2, core=core)
        core.close()
        assert core.threads() == []


# --- Beside tasks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_idle", [1, 2, 7])
def test_items_may_wait_for_a_call_that_was_submitted_before(n_idle: int) -> None:
    """A thread that was woken for that and comes to the items first has another come for it."""
    assert lw.shutdown(SECONDS)  # threads that other tests have left would come
    lw.parallel_map(functools.partial(meet, threading.Barrier(n_idle + 1)), range(n_idle + 1), workers=n_idle + 1)
    for _ in range(100):
        for _ in range(3):
            lw.parallel_map(negate, range(20))
        event = threading.Event()
        handle = lw.submit(event.set)
        assert list(lw.parallel_map(lambda event: event.wait(SECONDS), [event] * 2, workers=2)) == [True] * 2
        handle.result(SECONDS)


def meet(barrier: threading.Barrier, _item: int) -> int:
    """Wait for the others."""
    return barrier.wait(SECONDS)


def test_items_have_threads_beside_calls_that_wait() -> None:
    """Calls that were submitted, and wait, take no item's thread; those that are on their way to one neither."""
    for n_calls in (1, 2, 4) * 7:
        assert lw.shutdown(SECONDS)
        event = threading.Event()
        handles = [lw.submit(event.wait, SECONDS) for _ in range(n_calls)]
        try:
            for n_items in (3, 3, 2, 5):
                barrier = threading.Barrier(n_items)
                assert sorted(lw.parallel_map(functools.partial(meet, barrier), range(n_items), workers=n_items)) == list(range(n_items))
        finally:
            event.set()
        lw.wait(handles)


def test_items_within_a_submitted_call_have_threads_beside_others_that_wait() -> None:
    """As those outside have."""
    for _ in range(10):
        assert lw.shutdown(SECONDS)
        event = threading.Event()
        handles = [lw.submit(event.wait, SECONDS) for _ in range(4)]
        try:
            barrier = threading.Barrier(3)
            inner = lw.submit(lambda meet: sorted(lw.parallel_map(meet, range(3), workers=3)), functools.partial(meet, barrier))
            assert inner.result(SECONDS) == [0, 1, 2]
        finally:
            event.set()
        lw.wait(handles)


def test_many_items_within_a_submitted_call_may_wait_for_each_other() -> None:
    """As many as it has workers, however many that are."""
    barrier = threading.Barrier(80)
    assert lw.submit(lambda: sorted(lw.parallel_map(functools.partial(meet, barrier), range(80), workers=80))).result(2 * SECONDS) == list(range(80))


def test_a_backlog_of_calls_has_no_more_threads_for_items_beside_it() -> None:
    """Those that `submit` may have, and those that items want."""
    assert lw.shutdown(SECONDS)
    event = threading.Event()
    with lw.configure(workers=2):
        handles = [lw.submit(event.wait, SECONDS) for _ in range(100)]
        try:
            before = threading.active_count()
            for _ in range(50):
                lw.parallel_map(negate, range(100), workers=3)
            assert threading.active_count() <= before + 4
        finally:
            event.set()
        lw.wait(handles)
