"""Pools of one's own: what begins when, on how many threads, and how they end."""

import contextvars
import gc
import operator
import os
import re
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, wait
from functools import partial
from typing import Any

import garbage
import pytest
from threads import together

import lightwork as lw

SECONDS = 30  # more than anything here takes; a wait that long is a hang


@pytest.fixture
def single() -> Iterator[lw.Pool]:
    """A pool of one worker."""
    with lw.Pool(1) as pool:
        yield pool


class Held:
    """A pool whose only worker is held in a call until it is released."""

    def __init__(self, pool: lw.Pool) -> None:
        started, self._release = threading.Event(), threading.Event()

        def hold() -> None:
            started.set()
            self._release.wait(SECONDS)

        self.handle = pool.submit(hold)
        assert started.wait(SECONDS)

    def release(self) -> None:
        """Let the worker go on."""
        self._release.set()


def test_it_is_an_executor(single: lw.Pool) -> None:
    """What takes a ThreadPoolExecutor takes a pool: submit, map, wait and the context manager."""
    assert isinstance(single, Executor)
    assert single.submit(divmod, 7, 2).result(SECONDS) == (3, 1)
    assert single.submit(int, "11", base=2).result(SECONDS) == 3
    assert list(single.map(operator.mul, [1, 2, 3], [4, 5, 6])) == [4, 10, 18]
    assert not wait([single.submit(int)], SECONDS).not_done


def test_what_a_call_raises_is_raised_to_who_asks(single: lw.Pool) -> None:
    """An exception comes back as itself, a SystemExit too, and the worker lives on."""
    with pytest.raises(ZeroDivisionError):
        single.submit(divmod, 1, 0).result(SECONDS)
    assert isinstance(single.submit(exit, 3).exception(SECONDS), SystemExit)
    assert single.submit(int).result(SECONDS) == 0


def test_calls_from_outside_begin_in_their_order(single: lw.Pool) -> None:
    """First in, first out."""
    order: list[int] = []
    held = Held(single)
    handles = [single.submit(order.append, number) for number in range(100)]
    held.release()
    wait(handles, SECONDS)
    assert order == list(range(100))


def test_what_a_worker_submits_is_its_next_call(single: lw.Pool) -> None:
    """A worker's own calls come last in, first out, and before those from outside."""
    order: list[str] = []

    def spawn() -> None:
        for name in "abc":
            single.submit(order.append, name)

    held = Held(single)
    single.submit(spawn)
    last = single.submit(order.append, "from outside")
    held.release()
    last.result(SECONDS)
    assert order == ["c", "b", "a", "from outside"]


def test_a_call_sees_the_callers_context(single: lw.Pool) -> None:
    """Context variables are those of the submit, and what a call sets stays its own."""
    variable = contextvars.ContextVar("variable", default="unset")
    token = variable.set("mine")
    handle = single.submit(variable.get)
    single.submit(variable.set, "another's").result(SECONDS)
    variable.reset(token)
    assert handle.result(SECONDS) == "mine"
    assert variable.get() == "unset"


@pytest.mark.parametrize("max_workers", [1, 2])
def test_calls_may_wait_for_calls(max_workers: int) -> None:
    """However deep calls submit to their own pool and wait, and however few the workers, none waits for ever."""
    with lw.Pool(max_workers) as pool:

        def descend(depth: int) -> int:
            return 0 if depth == 0 else 1 + pool.submit(descend, depth - 1).result(SECONDS)

        def spread(depth: int) -> int:
            return 1 if depth == 0 else sum(child.result(SECONDS) for child in [pool.submit(spread, depth - 1) for _ in range(3)])

        assert pool.submit(descend, 50).result(SECONDS) == 50
        assert pool.submit(spread, 6).result(SECONDS) == 3**6


@pytest.mark.parametrize("n_calls", [2, 5])
def test_calls_that_meet_find_a_worker_each(n_calls: int) -> None:
    """As many calls as there may be workers can wait for one another, whether the workers sleep, wake or are yet to be started."""
    with lw.Pool(n_calls) as pool:
        for _ in range(300):
            barrier = threading.Barrier(n_calls)
            handles = together([partial(pool.submit, barrier.wait, SECONDS)] * n_calls)
            assert sorted(handle.result(SECONDS) for handle in handles) == list(range(n_calls))


def test_a_new_pool_starts_a_worker_for_each_call_that_needs_one() -> None:
    """Also the first calls of a pool, submitted by several threads at once, can wait for one another."""
    for _ in range(100):
        with lw.Pool(2) as pool:
            barrier = threading.Barrier(2)
            handles = together([partial(pool.submit, barrier.wait, SECONDS)] * 2)
            assert sorted(handle.result(SECONDS) for handle in handles) == [0, 1]


def map_in_a_hundred_chunks(workers: int | None = None) -> None:
    """Map a callable over single items."""
    lw.chunked_map(abs, list(range(100)), chunk_size=1, workers=workers)


def test_threads_are_no_more_than_asked_for() -> None:
    """Whatever is submitted, and however many workers an array function inside wants, the pool keeps to its number."""
    with lw.Pool(2) as pool:
        handles = [pool.submit(map_in_a_hundred_chunks, 8) for _ in range(20)]
        wait(handles, SECONDS)
        assert pool.statistics().n_threads <= 2


def test_array_functions_in_a_call_use_the_pools_workers() -> None:
    """The chunks of a call in a pool's worker are counted there."""
    with lw.Pool(2) as pool:
        pool.submit(map_in_a_hundred_chunks).result(SECONDS)
        statistics = pool.statistics()
    assert statistics.chunks == 100
    assert statistics.tasks == 1
    assert statistics.n_workers == 2


@pytest.mark.parametrize("max_workers", [0, -1, 1025, 10**30, -(10**30)])
def test_a_pool_needs_a_number_of_workers(max_workers: int) -> None:
    """None, negative or absurdly many workers are refused at once."""
    with pytest.raises(ValueError, match="from 1 to 1024"):
        lw.Pool(max_workers)


@pytest.mark.parametrize("max_workers", [2.5, 2.0, "2", True, [2]], ids=repr)
def test_a_pool_needs_a_whole_number_of_workers(max_workers: Any) -> None:
    """Neither floats, nor booleans, nor text: nothing is rounded, and the error names the argument and what it got."""
    with pytest.raises(TypeError, match=f"max_workers.*{re.escape(repr(max_workers))}"):
        lw.Pool(max_workers)


# --- From where one may submit --------------------------------------------------------------------------------------


class Finalized:
    """An object in a cycle, so that the collector finalizes it, wherever that happens to be."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.cycle = self

    def __del__(self) -> None:
        self.call()


@pytest.fixture
def collecting() -> Iterator[None]:
    """The collector runs at nearly every allocation, in the middle of whatever it is."""
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    yield
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("collecting")
def test_submit_from_finalizers_in_the_middle_of_submit(single: lw.Pool) -> None:
    """Objects that are finalized at any moment of a submit may submit themselves."""
    handles: list[lw.Handle[int]] = []

    def submit(number: int) -> None:
        handles.append(single.submit(int, number))

    for number in range(500):
        Finalized(partial(submit, number))
        submit(number)
    garbage.collect()
    assert sorted(handle.result(SECONDS) for handle in list(handles)) == sorted([*range(500), *range(500)])


def test_submit_from_a_weakref_callback(single: lw.Pool) -> None:
    """The callback of a dead reference may submit."""
    handles: list[lw.Handle[int]] = []
    target = Finalized(int)
    reference = weakref.ref(target, lambda _: handles.append(single.submit(int, "7")))
    del target
    garbage.collect()
    assert reference() is None
    assert handles[0].result(SECONDS) == 7


def test_submit_from_a_done_callback(single: lw.Pool) -> None:
    """A callback that runs in the worker may submit and, as it is in a worker, wait."""
    results: list[int] = []
    done = threading.Event()

    def follow(_: object) -> None:
        results.append(single.submit(int, "7").result(SECONDS))
        done.set()

    single.submit(int).add_done_callback(follow)
    assert done.wait(SECONDS)
    assert results == [7]


def test_submit_from_a_signal_handler(single: lw.Pool) -> None:
    """A signal that arrives in the middle of submits may submit itself."""
    handles: list[lw.Handle[int]] = []
    previous = signal.signal(signal.SIGALRM, lambda *_: handles.append(single.submit(int, "7")))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        while len(handles) < 20:
            single.submit(int)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert {handle.result(SECONDS) for handle in handles} == {7}


# --- The end --------------------------------------------------------------------------------------------------------


def test_shutdown_finishes_what_was_submitted() -> None:
    """Leaving the context waits for all calls; the pool takes no more, and its threads are gone."""
    done: list[int] = []
    with lw.Pool(2) as pool:
        for number in range(100):
            pool.submit(done.append, number)
    assert sorted(done) == list(range(100))
    with pytest.raises(RuntimeError, match="shut down; make a new one"):
        pool.submit(int)
    pool.shutdown()


def test_shutdown_without_waiting_finishes_all_the_same(single: lw.Pool) -> None:
    """Who does not wait is not waited for, and the calls are made."""
    held = Held(single)
    handle = single.submit(int, "7")
    single.shutdown(wait=False)
    held.release()
    assert handle.result(SECONDS) == 7


def test_shutdown_can_cancel(single: lw.Pool) -> None:
    """Calls that have not begun are cancelled, the one that has is finished."""
    held = Held(single)
    handles = [single.submit(int) for _ in range(10)]
    single.shutdown(wait=False, cancel_futures=True)
    assert all(handle.cancelled() for handle in handles)
    held.release()
    assert held.handle.result(SECONDS) is None


def test_a_callback_that_exits_keeps_no_call_from_being_cancelled(single: lw.Pool) -> None:
    """All are cancelled, and then the exit goes on."""
    held = Held(single)
    handles = [single.submit(int) for _ in range(5)]

    def leave(_: object) -> None:
        raise SystemExit(3)

    handles[0].add_done_callback(leave)
    with pytest.raises(SystemExit):
        single.shutdown(wait=False, cancel_futures=True)
    held.release()
    assert all(handle.cancelled() for handle in handles)


def test_a_worker_may_shut_its_pool_down(single: lw.Pool) -> None:
    """A call that shuts down its own pool does not wait for itself."""
    assert single.submit(single.shutdown).result(SECONDS) is None
    with pytest.raises(RuntimeError, match="shut down"):
        single.submit(int)


def test_workers_that_shut_their_pool_down_do_not_wait_for_each_other() -> None:
    """Two calls that do so at once both go on."""
    pool, barrier = lw.Pool(2), threading.Barrier(2)

    def end() -> None:
        barrier.wait(SECONDS)
        pool.shutdown()

    for handle in [pool.submit(end) for _ in range(2)]:
        assert handle.result(SECONDS) is None


def test_submit_and_shutdown_at_once() -> None:
    """A call that was taken is made by a worker, whenever the pool is shut down by another thread."""
    for _ in range(300):
        pool = lw.Pool(1)
        calls: list[Callable[[], Any]] = [partial(submit_or_none, pool), partial(pool.shutdown, wait=False)]
        handle, _ = together(calls)
        assert handle is None or is_workers(handle.result(SECONDS))


def submit_or_none(pool: lw.Pool) -> lw.Handle[str] | None:
    """Submit, unless the pool was shut down before."""
    try:
        return pool.submit(thread_name)
    except RuntimeError:
        return None


def is_workers(name: str) -> bool:
    """Whether this is the name of the first worker of some pool."""
    return re.fullmatch(r"lightwork-Pool-\d+_0", name) is not None


def thread_name() -> str:
    """Return the name of the thread that makes this call."""
    return threading.current_thread().name


# --- Threads that do not start as they should -----------------------------------------------------------------------


class Starts:
    """In place of ``threading.Thread.start``: the first worker's start goes as told, the others as ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: Callable[[threading.Thread], None]) -> None:
        self.real = threading.Thread.start
        self.first: Callable[[threading.Thread], None] | None = first
        monkeypatch.setattr(threading.Thread, "start", lambda thread: self(thread))

    def __call__(self, thread: threading.Thread) -> None:
        """Start a thread."""
        first = self.first
        if first is None or not thread.name.startswith("lightwork"):
            self.real(thread)
        else:
            self.first = None
            first(thread)


@pytest.mark.parametrize("begins", [False, True])
def test_a_call_whose_submit_is_interrupted_is_waited_for(monkeypatch: pytest.MonkeyPatch, begins: bool) -> None:
    """Ctrl-C while a pool's thread is being started, before or after it begins: shutdown waits for it, or starts another."""

    def interrupt(thread: threading.Thread) -> None:
        if begins:
            starts.real(thread)
        raise KeyboardInterrupt

    starts = Starts(monkeypatch, interrupt)
    done: list[int] = []
    pool = lw.Pool(1)
    with pytest.raises(KeyboardInterrupt):
        pool.submit(done.append, 1)
    pool.shutdown()
    assert done == [1]


def test_who_relied_on_a_thread_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two submit while the only thread is being started; when that fails both learn it, and the pool recovers."""
    relying, relied = threading.Event(), threading.Event()

    def fail(_: threading.Thread) -> None:
        relying.set()
        assert relied.wait(SECONDS)
        raise RuntimeError("can't start new thread")

    def rely() -> lw.Handle[int]:
        assert relying.wait(SECONDS)
        handle = pool.submit(int, "7")
        relied.set()
        return handle

    def begin() -> None:
        with pytest.raises(RuntimeError, match="start new thread"):
            pool.submit(int)

    Starts(monkeypatch, fail)
    with lw.Pool(1) as pool:
        calls: list[Callable[[], lw.Handle[int] | None]] = [rely, begin]
        handle = together(calls)[0]
        assert handle is not None
        with pytest.raises(RuntimeError, match="start new thread"):
            handle.result(SECONDS)
        assert pool.submit(int, "7").result(SECONDS) == 7


def test_a_pool_that_is_shut_down_while_its_thread_starts_makes_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is its worker's, never the submitter's."""

    def start_and_shut_down(thread: threading.Thread) -> None:
        starts.real(thread)
        pool.shutdown(wait=False)

    starts = Starts(monkeypatch, start_and_shut_down)
    pool = lw.Pool(1)
    assert is_workers(pool.submit(thread_name).result(SECONDS))


def test_a_pool_that_is_gone_finishes_and_leaves_no_thread() -> None:
    """Nobody has to shut a pool down: when it is forgotten its calls are made, and then its threads end."""
    handles = [lw.Pool(2).submit(threading.current_thread) for _ in range(20)]
    for handle in handles:
        thread = handle.result(SECONDS)
        thread.join(SECONDS)
        assert not thread.is_alive()


def test_workers_are_named() -> None:
    """Threads say whose they are."""
    with lw.Pool(1) as pool:
        assert is_workers(pool.submit(thread_name).result(SECONDS))
    with lw.Pool(1, "mine") as pool:
        thread = pool.submit(threading.current_thread).result(SECONDS)
        assert thread.name == "mine_0"
        assert thread.daemon


def test_a_forked_child_is_told_nothing_of_the_parents_calls(single: lw.Pool) -> None:
    """The child's pool begins empty: it makes its own calls and none of those that the parent has submitted."""
    held = Held(single)
    made: list[int] = []
    handle = single.submit(made.append, 1)
    child = os.fork()
    if not child:
        os._exit(single.submit(len, made).result(SECONDS))
    assert os.waitpid(child, 0) == (child, 0)
    held.release()
    handle.result(SECONDS)
    assert made == [1]


@pytest.mark.parametrize("from_outside", [True, False])
def test_calls_that_submit_themselves_again_keep_nobody_waiting_for_ever(single: lw.Pool, *, from_outside: bool) -> None:
    """One that never ends, on a single worker, leaves others their turn: those from outside, and what it submitted before."""
    others: list[lw.Handle[int]] = []
    is_over = threading.Event()

    def again() -> None:
        if not others and not from_outside:
            others.append(single.submit(int))
        if not is_over.is_set():
            single.submit(again)

    single.submit(again).result(SECONDS)
    try:
        if from_outside:
            others.append(single.submit(int))
        assert others[0].result(SECONDS) == 0
    finally:
        is_over.set()
