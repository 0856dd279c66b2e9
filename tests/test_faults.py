"""What goes wrong in other people's code, in the system or with the process as a whole: nothing hangs, nothing is lost, and work goes on.

Each fault is a story in a process of its own, told in Python's development mode, where any warning is an error, and with threads that change
places as often as the interpreter can make them.
"""

import os
import signal
import sys
import time

import pytest
from stories import FORKS_KNOWINGLY, check, tell

STRICT = ("-X", "dev", "-W", "error", "-X", "eager")  # the last of these is for the stories themselves
N_FUTURES = int(os.environ.get("LIGHTWORK_TEST_CALLS", "1000000"))

# --- Ctrl-C -----------------------------------------------------------------------------------------------------------

WAITS = (
    "result", "result with a timeout", "exception", "submit", "Pool.map", "Pool.map, buffered", "gather", "wait", "as_completed", "their wait",
    "their as_completed", "await", "shutdown", "with", "lw.shutdown", "items", "items with a policy", "items on a pool", "items on others' threads",
    "stream", "stream in order", "tasks", "source", "back-off", "back-off inline", "back-off of a stream", "async back-off", "back-off of a call",
    "limiter", "limiter inline", "acquire", "token",
)  # fmt: skip


@pytest.mark.parametrize("way", WAITS)
def test_ctrl_c_ends_every_wait(way: str) -> None:
    """Within half a second of a machine of its own and with one exception; nobody is left behind, and pools are as good as new."""
    assert float(check("interrupt_waits", way, options=STRICT)) < 0.5


@pytest.mark.parametrize("way", ["result", "gather", "with", "items with a policy", "back-off", "limiter"])
def test_ctrl_c_in_a_wait_ends_a_program(way: str) -> None:
    """Where nobody catches it there is one traceback, and the program dies of the signal."""
    status, out, err = tell("interrupt_waits", way, "uncaught", options=STRICT)
    assert (status, out) == (-signal.SIGINT, "")
    assert err.count("Traceback") == err.count("\nKeyboardInterrupt") == 1


# --- Pools that break -------------------------------------------------------------------------------------------------

LOSSES = (
    "initializer", "others' initializer", "second initializer", "shutdown", "others' shutdown", "shutdown in a handler", "shutdown by a finalizer",
    "poke", "others' poke",
)  # fmt: skip


@pytest.mark.parametrize("way", LOSSES)
def test_a_run_whose_pool_is_lost_ends(way: str) -> None:
    """It says why and carries what was finished; neither its caller waits in vain, nor does anybody else hear of it."""
    check("lose_workers", way, options=STRICT)


# --- Errors everywhere ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["finalizers", "reprs", "callbacks", "recursion", "memory"])
def test_errors_where_nobody_expects_them(where: str) -> None:
    """Are shown, or are the outcome of the call that they came up in; every other call is made."""
    check("raise_anywhere", where, options=STRICT)


# --- Fork -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["hammers", "workers", "between", "multiprocessing"])
def test_a_fork_in_the_middle_of_everything(where: str) -> None:
    """Under hammering threads, in every kind of worker, in callbacks and by multiprocessing: every child does everything, with what it inherited."""
    check("fork_with_everything", where, options=(*STRICT, *FORKS_KNOWINGLY), timeout=150)


# --- Exit -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("manner", "status"), [("leaves", 0), ("lingers", 3)])
def test_an_exit_while_others_wait(manner: str, status: int) -> None:
    """For another attempt, for a token, for a source, in daemon threads: none delays it, but for the calls that run, as the standard library's do."""
    began = time.monotonic()
    assert tell("exit_while_others_wait", manner, status, options=STRICT) == (status, "leaves\nslept\n", "")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("place", ["call", "call of a pool", "callback", "item", "item with a policy", "stream", "chunk"])
@pytest.mark.parametrize(("how", "status"), [("_exit", 7), ("exit of C", 7)])
def test_who_ends_the_process_ends_it(how: str, status: int, place: str) -> None:
    """At once and wherever it is, whatever else runs."""
    assert tell("leave_by", how, place, options=STRICT) == (status, "", "")


def test_sys_exit_is_an_outcome() -> None:
    """Of calls and items, whose threads go on; but of a chunk's whole call, which ends the program as a loop in its place would."""
    assert tell("leave_by", "sys.exit", options=STRICT) == (7, "", "")


def test_an_exit_that_is_not_the_main_threads() -> None:
    """The interpreter may be ended by another thread than has started it; calls are finished all the same. From 3.13 on Python itself crashes so."""
    if sys.version_info < (3, 13):
        assert tell("exit_in_another_thread", options=("-X", "dev")) == (7, "0\n1\n2\n3\n4\ndone\n", "")


# --- The system -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["idle", "busy", "cycles"])
def test_the_collector_comes_by(when: str) -> None:
    """Whatever the pools do, and upon pools and calls in cycles, of which nothing is left."""
    check("collect_garbage", when, options=STRICT)


def test_a_system_with_few_threads() -> None:
    """A pool says that it has none, works with three of eight, and has all eight when there are."""
    check("few_threads", options=STRICT, MALLOC_ARENA_MAX="1")


@pytest.mark.parametrize("who", ["submit", "items", "stream"])
def test_a_system_with_little_memory(who: str) -> None:
    """It runs out in the middle of a call: that is told so, what was taken before is done, and everything works when there is memory again."""
    check("little_memory", who, options=("-W", "error"), MALLOC_ARENA_MAX="1")


def test_threads_without_memory_to_begin() -> None:
    """They exist, and their first line of Python fails: whoever wants them goes on without, instead of waiting for them."""
    check("no_memory_to_begin", options=("-W", "error"), MALLOC_ARENA_MAX="1", MIMALLOC_ARENA_RESERVE="0")


def test_a_million_calls_leave_nothing() -> None:
    """They are submitted and awaited in every way, and dropped; the process does not grow."""
    assert float(check("await_many", N_FUTURES, options=("-W", "error"))) < 30  # bytes for each, and what the allocator cannot join
