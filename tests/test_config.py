"""configure(): for the process, for a block, for many threads at once."""

import asyncio
import contextvars
import functools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threads import together

import lightwork
from lightwork import _config, configure
from lightwork._config import Configuration, Settings, settings


@pytest.fixture(autouse=True)
def fresh_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin with nothing configured, and leave nothing behind."""
    monkeypatch.setattr(_config, "_process", _config.Process((), Settings()))
    yield
    assert _config._scope.get() is None


def in_a_thread(function: Callable[[], Any]) -> Any:
    """Call a function in a new thread, and so in a context of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


# --- As a statement -------------------------------------------------------------------------------------------------


def test_nothing_is_configured_at_first() -> None:
    """The default leaves the number of workers to the CPU budget."""
    assert settings() == Settings(workers=None)


def test_a_statement_holds_for_the_whole_process() -> None:
    """Other threads see it too, and so do contexts made before."""
    context = contextvars.copy_context()
    configure(workers=3)
    assert settings().workers == 3
    assert in_a_thread(settings).workers == 3
    assert context.run(settings).workers == 3


def test_the_last_statement_counts() -> None:
    """A later statement replaces an earlier one."""
    configure(workers=3)
    configure(workers=5)
    assert settings().workers == 5


def test_none_returns_to_the_default() -> None:
    """workers=None takes back what was configured."""
    configure(workers=3)
    configure(workers=None)
    assert settings() == Settings()


def test_what_is_not_named_stays_as_it_is() -> None:
    """configure() without arguments changes nothing, as a statement and as a block."""
    configure(workers=3)
    configure()
    assert settings().workers == 3
    with configure() as inside:
        assert inside.workers == 3


def test_statements_keep_no_history() -> None:
    """However often a process is configured, it remembers a bounded number of changes."""
    with configure(workers=99):
        for workers in range(1, 1001):
            configure(workers=workers)
    assert settings().workers == 1000
    assert len(_config._process.layers) <= 2


# --- As a block -----------------------------------------------------------------------------------------------------


def test_a_block_holds_within_itself() -> None:
    """The setting holds inside, is what ``as`` gives, and is gone outside."""
    with configure(workers=2) as inside:
        assert inside == settings() == Settings(workers=2)
    assert settings() == Settings()


def test_a_block_is_left_by_an_exception_too() -> None:
    """An error inside passes through, and the setting is taken back."""
    with pytest.raises(ZeroDivisionError), configure(workers=2):
        raise ZeroDivisionError
    assert settings() == Settings()


def test_other_threads_do_not_see_a_block() -> None:
    """A block changes the calling context only."""
    with configure(workers=2):
        assert in_a_thread(settings).workers is None


def test_a_copied_context_takes_the_block_along() -> None:
    """A context that was copied inside keeps the setting, also after the block."""
    with configure(workers=2):
        context = contextvars.copy_context()
    assert context.run(settings).workers == 2


def test_the_inner_block_wins() -> None:
    """Blocks nest; each ends in what was before it."""
    with configure(workers=2):
        with configure(workers=3):
            assert settings().workers == 3
            with configure(workers=None):
                assert settings().workers is None
        assert settings().workers == 2


def test_a_block_wins_over_the_process() -> None:
    """A statement inside a block changes the process, which is seen outside of it."""
    with configure(workers=2):
        configure(workers=5)
        assert settings().workers == 2
        assert in_a_thread(settings).workers == 5
    assert settings().workers == 5


def test_what_a_block_does_not_name_follows_the_process() -> None:
    """A block that says nothing of workers sees the process's number change."""
    with configure():
        configure(workers=5)
        assert settings().workers == 5
        configure(workers=6)
        assert settings().workers == 6


def test_a_block_inside_a_block_keeps_what_it_does_not_name() -> None:
    """The outer block's setting holds in an inner one that does not name it."""
    with configure(workers=2), configure() as inside:
        assert inside.workers == 2


def test_a_configuration_is_entered_once() -> None:
    """A second entry is refused, and says what to do."""
    configuration = configure(workers=2)
    with configuration:
        pass
    with pytest.raises(RuntimeError, match=re.escape("call configure() again")):
        configuration.__enter__()
    assert settings() == Settings()


def test_a_configuration_may_be_entered_later() -> None:
    """Until it is entered it holds for the process, and after the block for nobody."""
    configuration = configure(workers=2)
    assert in_a_thread(settings).workers == 2
    with configuration:
        assert in_a_thread(settings).workers is None
    assert settings() == Settings()


def test_tasks_of_asyncio_have_blocks_of_their_own() -> None:
    """Two tasks that wait inside their blocks do not see each other's setting."""

    async def task(workers: int, ours: asyncio.Event, theirs: asyncio.Event) -> int | None:
        with configure(workers=workers):
            ours.set()
            await theirs.wait()
            return settings().workers

    async def both() -> tuple[int | None, int | None]:
        first, second = asyncio.Event(), asyncio.Event()
        seen, also_seen = await asyncio.gather(task(2, first, second), task(3, second, first))
        return seen, also_seen

    assert asyncio.run(both()) == (2, 3)


# --- Values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 1000, np.int64(4), np.uint8(4)])
def test_any_integer_from_one_up_will_do(workers: int) -> None:
    """NumPy's integers are taken as Python's, and kept as such."""
    with configure(workers=workers) as inside:
        assert inside.workers == int(workers)
        assert type(inside.workers) is int


@pytest.mark.parametrize("workers", [0, -1, np.int64(-8)])
def test_less_than_one_worker_is_refused(workers: int) -> None:
    """The error names the number and the way to the default, and nothing has changed."""
    with pytest.raises(ValueError, match=rf"workers must be at least 1, not {workers}; pass None for as many as lightwork.cpu_budget\(\) says"):
        configure(workers=workers)
    assert settings() == Settings()


@pytest.mark.parametrize(
    ("workers", "message"),
    [
        (2.0, "workers must be an int or None, not float"),
        ("2", "workers must be an int or None, not str"),
        (np.float64(2), "workers must be an int or None, not float64"),
        (True, "workers must be an int or None, not True; pass 1 to run everything in the calling thread"),
        (False, "workers must be an int or None, not False; pass 1 to run everything in the calling thread"),
    ],
)
def test_what_is_no_integer_is_refused(workers: Any, message: str) -> None:
    """Floats, strings and booleans are no numbers of workers, and nothing has changed."""
    with pytest.raises(TypeError, match=re.escape(message)):
        configure(workers=workers)
    assert settings() == Settings()


def test_settings_are_named() -> None:
    """A bare number says nothing about what it sets, so it is refused."""
    anything: Any = configure
    with pytest.raises(TypeError, match="positional"):
        anything(2)


def test_the_default_number_of_workers_is_what_is_configured() -> None:
    """Statistics report the number of workers that a call would get."""
    with configure(workers=3):
        assert lightwork.statistics().n_workers == 3
    assert lightwork.statistics().n_workers == lightwork.cpu_budget()


# --- Many at once ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("eager_switching")
def test_blocks_of_many_threads_leave_nothing_behind() -> None:
    """Each thread sees its own number in its block, and in the end nothing is configured."""

    def enter_and_leave(index: int) -> None:
        for _ in range(200):
            with configure(workers=index + 1) as inside:
                assert inside.workers == settings().workers == index + 1

    together(functools.partial(enter_and_leave, index) for index in range(8))
    assert _config._process == _config.Process((), Settings())


@pytest.mark.usefixtures("eager_switching")
def test_a_statement_survives_blocks_that_come_and_go() -> None:
    """What was configured before and during the blocks of other threads holds after them."""
    configure(workers=7)

    def configure_somehow(index: int) -> None:
        for workers in range(1, 101):
            if index == 0:
                configure(workers=workers)
            else:
                with configure(workers=1000 + index) as inside:
                    assert inside.workers == 1000 + index

    together(functools.partial(configure_somehow, index) for index in range(4))
    assert settings().workers == 100


def enter(configuration: Configuration) -> str:
    """Enter and leave; return how that went."""
    try:
        with configuration:
            return "let in"
    except RuntimeError:
        return "refused"


@pytest.mark.usefixtures("eager_switching")
def test_one_configuration_entered_by_many_threads_lets_one_in() -> None:
    """Of threads that share a configuration one enters it, and the others are told."""
    for _ in range(50):
        outcomes = together([functools.partial(enter, configure(workers=2))] * 4)
        assert sorted(outcomes) == ["let in", "refused", "refused", "refused"]
        assert settings() == Settings()


def test_blocks_may_end_in_any_order() -> None:
    """A process-wide layer is taken back by identity, not from the top."""
    first, second = configure(workers=2), configure(workers=3)
    context = contextvars.copy_context()
    context.run(first.__enter__)
    assert settings().workers == 3
    second.__enter__()
    context.run(first.__exit__)
    assert settings().workers == 3
    second.__exit__()
    assert settings() == Settings()


def test_a_statement_does_not_settle_what_may_still_be_taken_back() -> None:
    """Statements between a call and its block are merged with each other, and not with the call's own change."""
    pending = configure(workers=2)
    for _ in range(3):  # earlier statements are merged when a later one is made
        configure()
    with pending:
        pass
    assert settings() == Settings()


def test_configuring_in_the_middle_of_configuring_loses_nothing() -> None:
    """A signal handler or finalizer that configures while a change is made is not overwritten, but lies below that change."""
    interrupts = iter([5])

    def change(layers: tuple[_config.Layer, ...]) -> tuple[_config.Layer, ...]:
        for workers in interrupts:
            configure(workers=workers)
        return (*layers, _config.Layer({}, None))

    _config._swap(change)
    assert settings().workers == 5


# --- Forks ----------------------------------------------------------------------------------------------------------

FORK = """
import os, threading
from lightwork import _config, configure

configure(workers=4)
entered, leave = threading.Event(), threading.Event()

def hold_the_lock():
    with _config._lock:
        entered.set()
        leave.wait()

holder = threading.Thread(target=hold_the_lock)
holder.start()
entered.wait()
child = os.fork()
if child == 0:
    inherited = _config.settings().workers
    with configure(workers=7) as inside:
        os._exit(10 * inherited + inside.workers)
leave.set()
holder.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_forked_in_the_middle_of_configuring_can_configure() -> None:
    """The child has its parent's settings and a lock of its own, though another thread held the parent's."""
    environment = os.environ | {"PYTHONPATH": str(Path(lightwork.__path__[0]).parent)}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "47\n"
