"""submit(): one call to the threads that items share."""

import contextvars
import os
import re
import threading
from typing import Any

import pytest
from lightwork._core.items import count_aside, shared_core, statistics
from lightwork.tasks.errand import count_errands
from threads import provoked

import lightwork as lw
from lightwork.testing import serial

SECONDS = 30

variable = contextvars.ContextVar("variable", default="outside")


def test_a_handle_has_what_the_function_returns() -> None:
    """Arguments go to the function, whatever they are called."""
    assert lw.submit(divmod, 7, 2).result(SECONDS) == (3, 1)
    assert lw.submit(int, "11", base=2).result(SECONDS) == 3
    assert lw.submit(dict, fn=1, args=2).result(SECONDS) == {"fn": 1, "args": 2}
    assert lw.submit(int).exception(SECONDS) is None


def test_it_runs_in_another_thread_and_in_the_caller_s_context() -> None:
    """The context is captured when the call is submitted."""
    token = variable.set("inside")
    handle = lw.submit(lambda: (threading.get_ident(), variable.get()))
    variable.reset(token)
    thread, value = handle.result(SECONDS)
    assert thread != threading.get_ident()
    assert value == "inside"


def test_a_call_may_wait_for_others() -> None:
    """Calls within calls need no threads of their own."""

    def fibonacci(n: int) -> int:
        return n if n < 2 else sum(lw.gather([lw.submit(fibonacci, n - 1), lw.submit(fibonacci, n - 2)]))

    with lw.configure(workers=1):
        assert lw.submit(fibonacci, 12).result(SECONDS) == 144


def test_threads_are_started_for_as_many_calls_as_workers_are_configured() -> None:
    """Many calls do not start as many threads, and all are made. Threads that have just done something are not counted on."""
    lw.gather([lw.submit(int) for _ in range(50)])
    before = statistics().n_threads
    gate = threading.Event()
    with lw.configure(workers=before + 3):
        handles = [lw.submit(gate.wait, SECONDS) for _ in range(200)]
    assert statistics().n_threads <= before + before + 3
    gate.set()
    assert lw.gather(handles) == [True] * 200


def test_another_stands_in_for_one_that_waits() -> None:
    """Of two workers one waits for a call elsewhere and the other is busy: a third call begins."""
    assert lw.shutdown(SECONDS)  # so that there are no other threads
    busy, gate = threading.Event(), threading.Event()

    def hold() -> bool:
        busy.set()
        return gate.wait(SECONDS)

    with lw.configure(workers=2), lw.Pool(1) as pool:
        elsewhere = pool.submit(gate.wait, SECONDS)
        held, waiting = lw.submit(hold), lw.submit(elsewhere.result)
        assert busy.wait(SECONDS)
        assert provoked(lambda: count_aside() == 1, SECONDS)
        third = lw.submit(threading.get_ident)
        stood_in = provoked(third.done, SECONDS)
        others = [lw.submit(gate.wait, SECONDS) for _ in range(20)]
        n_threads = statistics().n_threads
        gate.set()
        assert stood_in
        assert n_threads <= 4  # three, and one more where the third has just done something
        assert lw.gather([held, waiting, *others]) == [True] * 22
    assert count_aside() == 0


def test_calls_do_not_starve_behind_a_run_that_has_all_threads() -> None:
    """Threads are counted by submitted calls, and not by what items hold."""
    gate, begun = threading.Event(), threading.Semaphore(0)

    def hold(_: int) -> None:
        begun.release()
        gate.wait(SECONDS)

    runner = threading.Thread(target=lw.parallel_map, args=(hold, range(20)), kwargs={"workers": 20})
    runner.start()
    for _ in range(20):
        assert begun.acquire(timeout=SECONDS)
    assert lw.submit(int, "5").result(SECONDS) == 5
    gate.set()
    runner.join(SECONDS)


def test_what_has_ended_counts_no_more() -> None:
    """However a call ends, there is room for another: done, failed, cancelled, or run by who waits for it."""
    lw.gather([lw.submit(int, "x"), lw.submit(int)], return_exceptions=True)
    lw.submit(lambda: lw.submit(int).result()).result(SECONDS)
    gate = threading.Event()
    with lw.configure(workers=1):
        first = lw.submit(gate.wait, SECONDS)
        lw.submit(int).cancel()
    gate.set()
    assert first.result(SECONDS)
    last = lw.submit(int)
    last.result(SECONDS)
    while count_errands():  # the worker counts it out right after it is done
        pass


def test_serial_runs_it_here_and_now() -> None:
    """Tests that want no threads have none."""
    with serial():
        handle = lw.submit(threading.get_ident)
        assert handle.done()
        assert handle.result() == threading.get_ident()


@pytest.mark.parametrize("fn", [None, 3, "print"])
def test_what_cannot_be_called_is_refused(fn: Any) -> None:
    """The error says how it is done, and nothing is counted."""
    with pytest.raises(TypeError, match=re.escape(f"fn must be a function, not {fn!r}; its arguments follow it: submit(fn, 1, 2)")):
        lw.submit(fn)


def test_a_forked_child_counts_anew() -> None:
    """The parent's calls are not under way in the child, which starts threads of its own."""
    gate = threading.Event()
    handles = [lw.submit(gate.wait, SECONDS) for _ in range(3)]
    child = os.fork()
    if child == 0:
        os._exit(lw.submit(int, "5").result(SECONDS) if not count_errands() else 1)
    gate.set()
    lw.gather(handles)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5


def test_a_decorated_function_is_submitted_likewise() -> None:
    """The method and the function share their threads."""
    assert lw.parallel(divmod).submit(7, 2).result(SECONDS) == (3, 1)
    assert not shared_core().is_here()


def test_a_call_that_all_workers_wait_for_by_way_of_another_pool() -> None:
    """Its pool has one worker, who waits for a call of another pool's, which waits for it: somebody is started for it."""
    with lw.Pool(1) as pool, lw.configure(workers=1):
        assert lw.shutdown(SECONDS)  # so that there are no more threads than these

        def between() -> int:
            return lw.submit(pow, 2, 5).result()

        assert lw.submit(lambda: pool.submit(between).result()).result(SECONDS) == 32
