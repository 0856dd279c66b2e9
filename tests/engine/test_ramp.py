"""How many workers a run calls at a time."""

import functools
import threading
import time
from collections.abc import Iterator

import pytest
from threads import rounds

import lightwork as lw
from lightwork._gil import has_gil
from lightwork.engine.ramp import LONGEST_SECONDS, STEP_SECONDS, Ramp

SECONDS = 30  # more than anything here takes; a wait that long is a hang


def test_one_is_called_at_first_and_then_as_many_again() -> None:
    """With each step that is due, up to those that are wanted."""
    ramp, n_there, called = Ramp(), 0, []
    for _ in range(6):
        assert n_there == 0 or ramp.step(10 - n_there, n_there, n_there, ramp.due - STEP_SECONDS / 2) == 0
        called.append(ramp.step(10 - n_there, n_there, n_there, max(ramp.due, 0.0)))
        n_there += called[-1]
    assert called == [1, 1, 2, 4, 2, 0]


def test_nobody_is_called_beside_those_who_have_not_come() -> None:
    """For a while, after which others may be better off."""
    ramp = Ramp()
    assert ramp.step(10, 0, 0, 0.0) == 1
    dues = []
    while (n_more := ramp.step(9, 1, 0, ramp.due)) == 0:
        dues.append(ramp.due)
    assert n_more == 1
    assert LONGEST_SECONDS <= dues[-1] < 4 * LONGEST_SECONDS
    assert len(dues) < 10  # nobody polls


def test_items_that_wait_get_all_the_workers_there_may_be() -> None:
    """Each waits for all others."""
    barrier = threading.Barrier(20)
    result = lw.parallel_map(lambda _: barrier.wait(SECONDS), range(20), workers=20, retry=lw.Retry(1))
    assert sorted(result) == list(range(20))


def test_items_that_come_late_get_them_too() -> None:
    """Their source lets none of them wait for the first ones."""
    barrier = threading.Barrier(8)

    def source() -> Iterator[int]:
        for item in range(8):
            time.sleep(0.005)
            yield item

    result = lw.parallel_map(lambda _: barrier.wait(SECONDS), source(), workers=8)
    assert sorted(result) == list(range(8))


def test_items_behind_some_that_never_end_get_them_too() -> None:
    """Workers that are left alone with an item count for nothing."""
    end, barrier = threading.Event(), threading.Barrier(3)

    def call(item: int) -> int:
        return barrier.wait(SECONDS) if item > 1 else end.wait(SECONDS)

    result = lw.parallel_map(call, range(5), workers=5, task_timeout=1.0)
    end.set()
    assert [index for index, _ in result.failures()] == [0, 1]
    assert sorted(value for _, value in result.successes()) == [0, 1, 2]


@pytest.mark.usefixtures("eager_switching")
def test_items_of_a_run_within_a_call_get_them_too() -> None:
    """A caller who works along sees to nobody meanwhile, so all are called at once."""

    def run() -> list[int]:
        barrier = threading.Barrier(4)
        return sorted(lw.parallel_map(lambda _: barrier.wait(SECONDS), range(4), workers=4, retry=lw.Retry(1), chunk_size=1))

    for _ in rounds(200):
        assert lw.submit(run).result(SECONDS) == [0, 1, 2, 3]


@pytest.mark.skipif(not has_gil(), reason="without a GIL helpers are welcome at once")
def test_items_that_are_done_in_no_time_call_few() -> None:
    """Hundreds of them end before a second thread has had the GIL."""
    seen: set[int] = set()
    runs = 20
    n_threads = 0
    for _ in range(runs):
        seen.clear()
        lw.parallel_map(functools.partial(note_thread, seen), range(2000), workers=16, retry=lw.Retry(1))
        n_threads += len(seen)
    assert n_threads < 8 * runs


def note_thread(seen: set[int], _item: int) -> None:
    """Note who calls."""
    seen.add(threading.get_ident())
