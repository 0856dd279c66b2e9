"""An item forks, in the thread that called or in a helper's; the child maps items of its own, and the parent goes on."""

import os
import sys
import threading
from collections.abc import Callable

from checks import check_child
from lightwork._core.items import map_items

forks_in_main = sys.argv[1] == "caller"
leaves = sys.argv[2] == "leaves"


def meet(barrier: threading.Barrier) -> Callable[[int], int]:
    """Return a function whose first items meet, as many as the barrier is for."""
    return lambda item: item if barrier.broken or barrier.wait(10) < 0 else -item


def check_items() -> None:
    """Map on three threads at once."""
    barrier = threading.Barrier(3)
    assert map_items(meet(barrier), range(6), n_workers=3).values == [0, -1, -2, -3, -4, -5]


def fork_once(barrier: threading.Barrier) -> Callable[[int], int]:
    """Return a function that meets the other worker, then forks in one of the two."""

    def run(item: int) -> int:
        barrier.wait(10)
        if (threading.current_thread() is threading.main_thread()) == forks_in_main:
            child = os.fork()
            if child:
                check_child(child)
            elif leaves:
                check_items()
                os._exit(0)
            else:
                children.append(item)  # and go on, out of the item and into the call that only the parent can finish
        return item

    return run


children: list[int] = []
for _ in range(5):
    outcome = map_items(fork_once(threading.Barrier(2)), range(2), n_workers=2)
    if children:
        assert isinstance(outcome.interrupt, RuntimeError), outcome.interrupt
        assert "forked" in str(outcome.interrupt)
        assert outcome.values[children[0]] == children[0]
        check_items()
        os._exit(0)
    assert outcome.values == [0, 1], (outcome.values, outcome.failures)
check_items()
