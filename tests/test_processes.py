"""Stories of whole processes, each in one of its own: import, exit, fork, signals, threads, CPUs and arithmetic."""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from types import ModuleType

import pytest
from stories import FORKS_KNOWINGLY, STORIES, check, tell

N_STARTS = int(os.environ.get("LIGHTWORK_TEST_STARTS", "500"))
N_ITEMS = int(os.environ.get("LIGHTWORK_TEST_CALLS", "1000000"))


# --- Import ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("-W", "error"), ("-X", "dev")])
def test_importing_changes_nothing(options: tuple[str, ...]) -> None:
    """An import starts no thread, loads no OpenMP, and leaves the GIL, BLAS and subnormal numbers as they were."""
    check("import_quietly", options=options)


def test_importing_leaves_the_gil_off() -> None:
    """On a free-threaded build the interpreter says so if an extension turns the GIL on; none of ours does."""
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("needs a free-threaded interpreter")
    code = "import sys, lightwork; assert not sys._is_gil_enabled()"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


# --- Exit -----------------------------------------------------------------------------------------------------------

WAYS_TO_EXIT = (
    "end", "exit", "exit in atexit", "map in atexit", "in a thread", "in daemon threads", "submit",
    "while a task runs", "after a pool", "after calls", "in daemon threads with calls", "exit in a thread", "exit in a task", "exit in a chunk",
    "after items", "amid items", "in daemon threads with items", "first items in atexit",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS_TO_EXIT)
def test_programs_that_map_and_exit_at_once(way: str) -> None:
    """Five hundred interpreters in all start, map and exit, several at a time; none hangs, crashes or complains."""
    options = islice(cycle([(), ("-X", "dev")]), -(-N_STARTS // len(WAYS_TO_EXIT)))
    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(lambda some: check("map_and_exit", way, options=some), options):
            pass


def test_exit_does_not_wait_for_idle_workers() -> None:
    """Idle workers of all pools are left where they sleep."""
    left_at = float(check("exit_while_idle"))
    assert time.monotonic() - left_at < 5


def test_exit_finishes_what_was_submitted() -> None:
    """Calls that nobody waits for are made all the same, in their order."""
    assert check("exit_with_tasks").split() == [str(number) for number in range(10)]


def test_submitting_at_exit_works_or_says_so() -> None:
    """A handler that runs before the package's own may submit, one that runs after it is told to call the function itself."""
    out = check("submit_at_exit").splitlines()
    assert out[0] == "in time"
    assert "call the function itself" in out[1]


def test_exit_waits_for_a_task_that_runs() -> None:
    """A task that is in the middle of something when the program ends can map, and comes to its end."""
    assert check("map_and_exit", "while a task runs") == "mapped\n"


def test_who_waits_in_a_daemon_thread_is_left_there() -> None:
    """A caller whose helper went down with the interpreter touches nothing of it any more, however long the process goes on."""
    check("exit_while_waiting")


def test_a_helper_may_come_out_of_its_job_after_the_end(build_extension: Callable[[Path], ModuleType]) -> None:
    """Who was asleep in a job that is done, while the interpreter went, finds no way back to Python, and stays where he is."""
    probe = build_extension(STORIES.parent / "probes" / "late_probe.pyx")
    assert check("exit_before_helper", probe.__file__) == "leaves\n"


def test_shutdown_hangs_nowhere() -> None:
    """In signal handlers that interrupt calls of ours, at exit, and in a finalizer while the interpreter goes."""
    check("shutdown_anywhere")


def test_an_exit_in_a_callback_is_nobodys() -> None:
    """What a done-callback raises, though it be SystemExit, is shown, and ends neither the worker, nor who waits, nor the process."""
    check("exit_in_callback")


# --- Fork -----------------------------------------------------------------------------------------------------------


def test_fork_in_the_parent() -> None:
    """Parent and child both go on, each on a pool of its own."""
    check("fork_in_parent", options=FORKS_KNOWINGLY)


@pytest.mark.parametrize("where", ["caller", "helper"])
def test_fork_in_a_chunk(where: str) -> None:
    """A chunk may fork: the child is no worker of the parent's."""
    check("fork_in_chunk", where, options=FORKS_KNOWINGLY)


@pytest.mark.parametrize("where", ["caller leaves", "caller stays", "helper leaves"])
def test_fork_in_an_item(where: str) -> None:
    """An item may fork: the child maps anew; if it comes back into the parent's call, that tells it so and what was finished."""
    check("fork_in_item", *where.split(), options=FORKS_KNOWINGLY)


def test_fork_in_a_task() -> None:
    """A submitted call may fork, and the child use the pool anew."""
    check("fork_in_task", options=FORKS_KNOWINGLY)


def test_a_forked_childs_pool_works_and_its_parents_calls_are_not_waited_for() -> None:
    """The child is told that the calls are the parent's, by whatever it waits; its own are made."""
    check("fork_handles", options=FORKS_KNOWINGLY)


def test_fork_under_hammers() -> None:
    """Whatever the parent's threads are in the middle of, every child runs a large map within ten seconds."""
    check("fork_under_hammers", 20, options=FORKS_KNOWINGLY, timeout=150)


def test_a_pool_of_forked_processes() -> None:
    """The 'fork' method of multiprocessing works under load."""
    check("fork_pool", options=FORKS_KNOWINGLY)


# --- Signals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["kernel", "chunk", "helper", "nested", "result", "item", "items", "last item"])
def test_ctrl_c_raises_soon_and_once(where: str) -> None:
    """Within half a second, whoever is at work; afterwards the pool is as good as new."""
    assert float(check("interrupt", where)) < 0.5


@pytest.mark.parametrize("where", ["kernel", "chunk", "helper"])
def test_ctrl_c_ends_a_program_with_one_traceback(where: str) -> None:
    """Where nobody catches it, the program dies of the signal and says so once, and no worker delays it."""
    status, _, err = tell("interrupt", where, "uncaught")
    assert status == -signal.SIGINT, err
    assert err.count("Traceback") == err.count("\nKeyboardInterrupt") == 1


def test_other_signals_are_handled_in_between() -> None:
    """A handler that does not raise may map and submit in the middle of a call, which notices nothing."""
    check("handle_signals")


def test_a_signal_handler_may_shut_a_pool_down() -> None:
    """In the middle of a submit; nothing that was taken is lost."""
    check("handle_signals_in_pool")


# --- Threads and CPUs -----------------------------------------------------------------------------------------------


def test_there_are_no_more_threads_than_the_budget_allows() -> None:
    """Whatever is nested, the process has at most one thread more than the budget."""
    check("count_threads", OPENBLAS_NUM_THREADS="1")


def test_one_cpu_is_one_worker() -> None:
    """Confined to one CPU, a process starts no thread at all."""
    first = min(os.sched_getaffinity(0))
    whole = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {first})  # this thread's, which the story inherits
    try:
        check("one_cpu", LIGHTWORK_NUM_THREADS="", PYTHON_CPU_COUNT="")
    finally:
        os.sched_setaffinity(0, whole)


def test_workers_keep_to_their_cpus() -> None:
    """Every worker may run where its process may, and nowhere else."""
    check("affinity")


def test_more_workers_than_a_pool_can_have() -> None:
    """Five thousand workers are wanted, by argument and by configuration: a thousand and twenty-four come, and the bits are NumPy's."""
    check("many_workers")


def test_a_system_without_threads() -> None:
    """A map needs no thread; a pool of one's own says what it lacks, and both recover."""
    check("no_more_threads")


def test_idle_workers_sleep() -> None:
    """An idle worker uses no CPU time at all."""
    check("sleep_when_idle")


# --- Arithmetic -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("-W", "error")])
def test_workers_compute_as_their_caller_does(options: tuple[str, ...]) -> None:
    """Rounding mode and subnormal numbers are the caller's in every worker, and forgotten afterwards."""
    check("floating_point", options=options)


# --- Memory ---------------------------------------------------------------------------------------------------------


def test_handles_are_small_and_given_back() -> None:
    """Each takes less than a half of the standard library's 1.7 kB while it waits, and next to nothing afterwards."""
    taken, kept = map(float, check("many_handles").split())
    assert taken < 850
    assert kept < 60


# --- Items ----------------------------------------------------------------------------------------------------------


def test_waits_that_nobody_waits_for_do_not_delay_the_exit() -> None:
    """Back-off and rate limits of runs that timed out or were left."""
    began = time.monotonic()
    assert check("exit_after_timeout") == "leaves\n"
    assert time.monotonic() - began < 10


def test_streams_that_nobody_left_are_left_at_exit() -> None:
    """Read in part or not at all, with items that run or wait: the exit is prompt and silent."""
    began = time.monotonic()
    assert check("exit_amid_streams") == "leaves\n"
    assert time.monotonic() - began < 10


def test_a_slow_reader_keeps_memory_low() -> None:
    """A gigabyte passes a stream, and at most ten megabytes of it are there at a time."""
    assert float(check("stream_slowly")) < 10


def test_a_million_items_are_never_there_together() -> None:
    """A source of weakly referenced items passes a stream: no more of them are alive than the window allows, and memory stays as it was."""
    n_too_many, n_megabytes = check("stream_a_million", N_ITEMS).split()
    assert int(n_too_many) <= 2  # the one that is being read, and the one that is being let in
    assert float(n_megabytes) < 10


@pytest.mark.parametrize("way", ["items", "items with a policy", "back-off", "back-off inline", "limiter", "stream", "source", "async back-off"])
def test_who_waits_sleeps_and_leaves_the_gil_to_others(way: str) -> None:
    """Another thread ticks every ten milliseconds during the wait, and ends it; nobody else wakes up to look around when all have settled."""
    n_wakeups, cpu_seconds = check("wait_quietly", way).split()
    assert int(n_wakeups) < 10  # in a third of a second
    assert float(cpu_seconds) < 0.2


def test_ctrl_c_ends_a_call_over_items() -> None:
    """At once, with what was finished."""
    assert check("interrupt_items") == "goes on\n"
