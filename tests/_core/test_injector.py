"""The queue by which work comes in from outside."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from threads import collide

N_VALUES = 20_000


@pytest.fixture(scope="module")
def queue(probe: Callable[[str], ModuleType]) -> Callable[..., Any]:
    """An injector and values to push."""
    made: Callable[..., Any] = probe("injector").Queue
    return made


def test_smoke(queue: Callable[..., Any]) -> None:
    """First in, first out, and nothing out of nothing, also after it ran empty once."""
    injector = queue(4)
    assert injector.take() is None
    for index in range(3):
        injector.push(index)
    assert [injector.take() for _ in range(4)] == [0, 1, 2, None]
    injector.push(3)
    assert [injector.take(), injector.take()] == [3, None]


def test_is_empty(queue: Callable[..., Any]) -> None:
    """The length follows every push and every take, and a take of nothing leaves it at zero."""
    injector = queue(2)
    injector.push(0)
    injector.push(1)
    assert len(injector) == 2
    injector.take()
    injector.take()
    injector.take()
    assert len(injector) == 0


def test_spsc(queue: Callable[..., Any]) -> None:
    """One consumer gets all of one producer's items in order."""
    injector = queue(N_VALUES, 1, 2)
    _, taken = collide([partial(injector.produce, 0), injector.consume])
    np.testing.assert_array_equal(taken, np.arange(N_VALUES))


@pytest.mark.parametrize(("n_producers", "n_consumers"), [(1, 3), (3, 1), (4, 4)])
def test_mpmc(queue: Callable[..., Any], n_producers: int, n_consumers: int) -> None:
    """Every item goes to one consumer, and each consumer sees each producer's items in their order."""
    injector = queue(N_VALUES, n_producers, n_producers + n_consumers)
    producers = [partial(injector.produce, producer) for producer in range(n_producers)]
    taken = collide([*producers, *[injector.consume] * n_consumers])[n_producers:]
    np.testing.assert_array_equal(np.sort(np.concatenate(taken)), np.arange(n_producers * N_VALUES))
    for own in taken:
        for producer in range(n_producers):
            assert np.all(np.diff(own[own // N_VALUES == producer]) > 0)
