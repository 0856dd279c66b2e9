"""The board of a pool: which jobs are free, and which want helpers."""

from collections.abc import Callable
from functools import partial
from types import ModuleType

import pytest
from threads import collide


@pytest.fixture(scope="module")
def board(probe: Callable[[str], ModuleType]) -> ModuleType:
    """The probe."""
    return probe("board")


def test_every_job_is_given_out_once(board: ModuleType) -> None:
    """All jobs can be taken, each once; then there is none until one is given back."""
    pinboard = board.Pinboard()
    taken = [pinboard.take() for _ in range(board.N_JOBS)]
    assert sorted(taken) == list(range(board.N_JOBS))
    assert pinboard.take() is None
    pinboard.give_back(17)
    assert [pinboard.take(), pinboard.take()] == [17, None]


@pytest.mark.parametrize("job", [0, 31, 32, 63])
def test_a_job_asks_and_withdraws(board: ModuleType, job: int) -> None:
    """A wish for helpers stands on the board until it is withdrawn, and asking twice is asking once."""
    pinboard = board.Pinboard()
    pinboard.ask(job)
    pinboard.ask(job)
    pinboard.ask(5)
    assert pinboard.wanting == sorted({5, job})
    pinboard.withdraw(job)
    assert not pinboard.is_asking(job)
    assert pinboard.wanting == [5]


def test_giving_back_withdraws(board: ModuleType) -> None:
    """A job that nobody uses asks for nothing."""
    pinboard = board.Pinboard()
    job = pinboard.take()
    pinboard.ask(job)
    pinboard.give_back(job)
    assert pinboard.wanting == []


def test_no_job_is_used_by_two(board: ModuleType) -> None:
    """Callers that take and give back as fast as they can never meet in one job, and never want for one."""
    n_callers, n_rounds = 4, 1_000_000
    pinboard = board.Pinboard(n_callers)
    refused = collide([partial(pinboard.use, n_rounds)] * n_callers)
    assert refused == [0] * n_callers
    assert pinboard.times_shared == 0
    assert pinboard.n_uses == n_callers * n_rounds
