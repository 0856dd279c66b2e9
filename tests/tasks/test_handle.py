"""A handle: a future whose waiter lends a hand."""

import asyncio
import gc
import pickle
import sysconfig
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from functools import partial
from typing import Any

import garbage
import pytest
from threads import provoked, together

import lightwork as lw

SECONDS = 30


@pytest.fixture
def single() -> Iterator[lw.Pool]:
    """A pool of one worker."""
    with lw.Pool(1) as pool:
        yield pool


def hold(started: threading.Event, release: threading.Event) -> bool:
    """Say that the call has begun, and stay in it until it is released."""
    started.set()
    return release.wait(SECONDS)


@pytest.fixture
def gate(single: lw.Pool) -> Iterator[threading.Event]:
    """The pool's worker is held until this is set."""
    event, started = threading.Event(), threading.Event()
    single.submit(hold, started, event)
    assert started.wait(SECONDS)
    yield event
    event.set()


def test_it_is_a_future(single: lw.Pool) -> None:
    """What takes a concurrent.futures.Future takes a handle."""
    handle = single.submit(int, "7")
    assert isinstance(handle, Future)
    assert handle.result(SECONDS) == 7
    assert handle.done()
    assert not handle.cancel()


def test_a_call_that_has_not_begun_can_be_cancelled(single: lw.Pool, gate: threading.Event) -> None:
    """It is never made, and whoever waits is told."""
    made: list[int] = []
    handle = single.submit(made.append, 1)
    assert handle.cancel()
    gate.set()
    single.submit(int).result(SECONDS)
    with pytest.raises(CancelledError):
        handle.result(SECONDS)
    assert made == []


def test_a_call_that_has_begun_cannot_be_cancelled(single: lw.Pool) -> None:
    """It goes on to its result."""
    started, release = threading.Event(), threading.Event()
    handle = single.submit(hold, started, release)
    assert started.wait(SECONDS)
    assert handle.running()
    assert not handle.cancel()
    release.set()
    assert handle.result(SECONDS)


def test_waiting_has_an_end(single: lw.Pool, gate: threading.Event) -> None:
    """A timeout is a TimeoutError, and the call is made all the same."""
    handle = single.submit(int, "7")
    with pytest.raises(TimeoutError):
        handle.result(0.001)
    with pytest.raises(TimeoutError):
        handle.exception(0.001)
    gate.set()
    assert handle.result(SECONDS) == 7


def test_a_waiting_worker_makes_the_call_itself(single: lw.Pool) -> None:
    """On a single worker, the call that a call waits for runs in the same thread."""

    def ask() -> tuple[int, int]:
        return threading.get_ident(), single.submit(threading.get_ident).result(SECONDS)

    mine, other = single.submit(ask).result(SECONDS)
    assert mine == other


def test_a_worker_of_another_pool_waits(single: lw.Pool, gate: threading.Event) -> None:
    """A pool of one worker makes one call at a time, whoever waits for it."""
    with lw.Pool(1) as other:
        handle = single.submit(threading.get_ident)
        asking = other.submit(handle.result, SECONDS)
        while not asking.running():
            pass
        gate.set()
        assert asking.result(SECONDS) == single.submit(threading.get_ident).result(SECONDS)


def test_a_waiting_worker_makes_no_other_call(single: lw.Pool) -> None:
    """A lock held while waiting is met by the call that is waited for, or by none."""
    lock = threading.Lock()

    def take() -> bool:
        taken = lock.acquire(blocking=False)
        if taken:
            lock.release()
        return taken

    def ask() -> tuple[bool, lw.Handle[bool]]:
        with lock:
            bystander = single.submit(take)
            return single.submit(take).result(SECONDS), bystander

    awaited, bystander = single.submit(ask).result(SECONDS)
    assert not awaited
    assert bystander.result(SECONDS)


def test_a_call_is_made_once() -> None:
    """However many workers wait for the same call while another comes upon it, one makes it."""
    with lw.Pool(4) as pool:
        for _ in range(200):
            made: list[int] = []
            handle = pool.submit(made.append, 1)
            askers = [pool.submit(handle.result, SECONDS) for _ in range(3)]
            assert [asker.result(SECONDS) for asker in askers] == [None] * 3
            assert made == [1]


def test_many_may_wait(single: lw.Pool, gate: threading.Event) -> None:
    """Threads from outside all get the same result."""
    handle = single.submit(object)
    waiting: list[Callable[[], Any]] = [*[partial(handle.result, SECONDS)] * 8, gate.set]
    assert len(set(map(id, together(waiting)[:-1]))) == 1


class Token:
    """Something that can be referred to weakly."""


def test_nothing_is_kept_of_a_call_that_was_made(single: lw.Pool) -> None:
    """Function, arguments and context are let go of when the call is done, while the handle is still held."""
    token = Token()
    reference = weakref.ref(token)
    handle = single.submit(lambda _: 7, token)
    del token
    assert handle.result(SECONDS) == 7
    single.submit(int).result(SECONDS)  # the worker has gone on to something else
    garbage.collect()
    assert reference() is None


def test_nothing_is_kept_of_a_result(single: lw.Pool) -> None:
    """Neither the pool nor its worker holds on to what a call returned."""
    reference = weakref.ref(single.submit(Token).result(SECONDS))
    single.submit(int).result(SECONDS)
    garbage.collect()
    assert reference() is None


def test_a_handle_stays_in_its_process(single: lw.Pool) -> None:
    """Pickling one is refused, and says what to send instead."""
    with pytest.raises(TypeError, match="send its result instead"):
        pickle.dumps(single.submit(int))


# --- What it tells --------------------------------------------------------------------------------------------------


def test_handles_are_numbered_and_named(single: lw.Pool) -> None:
    """No two have the same number; a name is the function's until somebody gives another."""
    first, second = single.submit(int), single.submit(partial(int))
    assert second.task_id > first.task_id > 0
    assert first.name == "int"
    assert second.name == f"call {second.task_id}"
    second.name = "mine"
    assert second.name == "mine"


def test_metadata_is_a_mapping_of_its_own(single: lw.Pool) -> None:
    """Whatever is put there is there."""
    first, second = single.submit(int), single.submit(int)
    first.metadata["customer"] = 7
    assert first.metadata == {"customer": 7}
    assert second.metadata == {}


def test_elapsed_time_counts_from_the_beginning_to_the_end(single: lw.Pool, gate: threading.Event) -> None:
    """It is zero before, grows meanwhile, and stands still afterwards."""
    started, release = threading.Event(), threading.Event()
    handle = single.submit(hold, started, release)
    assert handle.elapsed == 0.0
    gate.set()
    assert started.wait(SECONDS)
    earlier = handle.elapsed
    assert 0.0 < earlier < handle.elapsed
    release.set()
    handle.result(SECONDS)
    assert earlier < handle.elapsed == handle.elapsed


def test_progress_is_what_was_reported_last(single: lw.Pool) -> None:
    """To the handle and to those who listen, from a function that the call calls, too."""
    told: list[tuple[float, float | None]] = []
    listening = threading.Event()

    def work() -> None:
        assert listening.wait(SECONDS)
        for done in range(3):
            lw.report_progress(done, total=2)

    handle = single.submit(work)
    seen = [handle.progress]
    handle.on_progress(lambda done, total: told.append((done, total)))
    listening.set()
    handle.result(SECONDS)
    assert [*seen, handle.progress] == [None, (2, 2)]
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_each_call_reports_to_its_own_handle(single: lw.Pool) -> None:
    """One that another waits for on the same thread, and one that was submitted with its context, too."""

    def inner() -> None:
        lw.report_progress(2)

    def outer() -> lw.Handle[None]:
        lw.report_progress(1)
        handle = single.submit(inner)
        handle.result()
        return handle

    handle = single.submit(outer)
    assert handle.result(SECONDS).progress == (2, None)
    assert handle.progress == (1, None)


def test_a_call_submitted_in_an_item_knows_whether_that_is_wanted(single: lw.Pool) -> None:
    """What stops the item's run stops it, if it asks."""
    stop = lw.StopToken()

    def item(_: int) -> bool:
        stop.stop("enough")
        return isinstance(single.submit(lw.check_cancelled).exception(SECONDS), lw.Cancelled)

    seen: list[bool] = []
    lw.parallel_map(lambda number: seen.append(item(number)), [1], stop=stop)
    assert seen == [True]


# --- Awaiting -------------------------------------------------------------------------------------------------------


def test_handles_can_be_awaited(single: lw.Pool, gate: threading.Event) -> None:
    """Before they are done and after, alone and gathered; what they raise is raised."""

    async def ask() -> list[Any]:
        pending = single.submit(int, "7")
        asyncio.get_running_loop().call_soon(gate.set)
        results: list[Any] = [await pending, await pending]
        results += await asyncio.gather(*[single.submit(abs, -number) for number in range(5)])
        with pytest.raises(ZeroDivisionError):
            await single.submit(divmod, 1, 0)
        return results

    assert asyncio.run(asyncio.wait_for(ask(), SECONDS)) == [7, 7, 0, 1, 2, 3, 4]


def test_who_awaits_and_is_cancelled_cancels_the_call(single: lw.Pool, gate: threading.Event) -> None:
    """If nobody has begun it."""
    handle = single.submit(int)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle, 0.01)

    asyncio.run(give_up())
    assert handle.cancelled()
    gate.set()


def test_a_worker_may_await_a_call_of_its_own_pool(single: lw.Pool) -> None:
    """In an event loop of its own; it makes the call itself."""

    async def ask() -> int:
        return await single.submit(int, "7")

    assert single.submit(lambda: asyncio.run(ask())).result(SECONDS) == 7


def test_handles_can_be_awaited_in_trio(single: lw.Pool, gate: threading.Event) -> None:
    """Likewise; and who is cancelled there cancels the call, too."""
    trio = pytest.importorskip("trio")

    async def ask() -> int:
        pending, abandoned = single.submit(int, "7"), single.submit(int)
        with trio.move_on_after(0.01):
            await abandoned
        assert abandoned.cancelled()
        gate.set()
        return await pending

    assert trio.run(ask) == 7


# --- Asking for more than most do -----------------------------------------------------------------------------------


def test_whoever_looks_closely_meets_a_future_of_the_standard_library(single: lw.Pool, gate: threading.Event) -> None:
    """Its condition can be waited for, and its outcome be told by hand."""
    handle = single.submit(int)
    with handle._condition:
        assert handle._state == "PENDING"

    def wait_for_it() -> None:
        with handle._condition:
            handle._condition.wait_for(handle.done)

    waiter = threading.Thread(target=wait_for_it)
    waiter.start()
    gate.set()
    waiter.join(SECONDS)
    assert not waiter.is_alive()
    assert handle.result(SECONDS) == 0


def test_the_condition_of_what_is_done_is_in_nobodys_way(single: lw.Pool) -> None:
    """Whoever waits for it, or takes it, in one thread or in several, goes on at once."""
    handle = single.submit(int)
    while not handle.done():  # anything else might ask for its condition before that
        pass
    condition = handle._condition
    with condition, condition:
        assert all(together([partial(condition.acquire, timeout=SECONDS), partial(condition.wait, SECONDS), lambda: condition.wait_for(handle.done)]))
    condition.notify()
    condition.notify_all()
    condition.release()
    assert handle._state == "FINISHED"


def test_a_handle_that_somebody_watches_ends_in_all_ways(single: lw.Pool, gate: threading.Event) -> None:
    """With a result, an error, or cancelled."""
    ended, failed, cancelled = single.submit(int), single.submit(divmod, 1, 0), single.submit(int)
    told: list[Any] = []
    for handle in (ended, failed, cancelled):
        handle.add_done_callback(told.append)
    assert cancelled.cancel()
    assert cancelled.cancel()
    gate.set()
    assert ended.result(SECONDS) == 0
    assert isinstance(failed.exception(SECONDS), ZeroDivisionError)
    single.submit(int).result(SECONDS)
    assert told == [cancelled, ended, failed]
    assert not ended.cancel()


class Failure(Exception):
    """What a call raises."""


def is_collected_without_a_search(wait_for: Callable[["list[lw.Handle[Any]]"], object], *, is_done: bool) -> bool:
    """Whether an exception goes when nobody refers to it any more, though a waiter's frames are in its traceback."""
    gate = threading.Event()
    errors: list[weakref.ref[Failure]] = []

    def fail() -> None:
        gate.wait(SECONDS)
        error = Failure()
        errors.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    handles: list[lw.Handle[Any]] = [lw.submit(fail)]
    if is_done:
        gate.set()
        wait(handles, SECONDS)
    threading.Timer(0.05, gate.set).start()
    with suppress(Failure):
        wait_for(handles)
    return bool(errors) and provoked(lambda: is_gone(errors[0]), 5)


def is_gone(reference: "weakref.ref[Failure]") -> bool:
    """Whether it is; without a GIL who made an object buries it, when it has time to, or else a collection, which finds cycles as well."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        garbage.collect()
    return reference() is None


async def awaiting(handles: "list[lw.Handle[Any]]") -> None:
    """Await a handle that fails, and keep no reference to it; asyncio's own functions make cycles of what comes out of here."""
    with suppress(Failure):
        await handles.pop()


@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("way", ["result", "gather", "asyncio", "trio"])
def test_an_exception_makes_no_cycle_with_those_who_waited(way: str, *, is_done: bool) -> None:
    """It is not kept until somebody looks for garbage, and with it what is in the frames that it went through."""
    ways: dict[str, Callable[[list[lw.Handle[Any]]], Any]] = {
        "result": lambda handles: handles.pop().result(SECONDS),
        "gather": lambda handles: lw.gather([handles.pop()]),
        "asyncio": lambda handles: asyncio.run(awaiting(handles)),
        "trio": lambda handles: pytest.importorskip("trio").run(awaiting, handles),
    }
    garbage.collect()
    gc.disable()
    try:
        assert is_collected_without_a_search(ways[way], is_done=is_done)
    finally:
        gc.enable()


def test_a_listener_is_a_function(single: lw.Pool) -> None:
    """What is none is refused at once, and not in the call."""
    wrong: Any = 3
    with pytest.raises(TypeError, match="listener must be a function of done and total, not 3"):
        single.submit(int).on_progress(wrong)
