"""Options of calls: what they share, and what each has for itself."""

from types import SimpleNamespace
from typing import Any

import pytest

import lightwork as lw
from lightwork.tasks.options import Options

SIMPLE: list[dict[str, Any]] = [{}, {"workers": 2}, {"timeout": 1.5, "ordered": False}, {"executor": "serial", "chunk_size": None}]


@pytest.mark.parametrize("given", SIMPLE, ids=str)
def test_calls_that_are_given_the_same_share_their_options(given: dict[str, Any]) -> None:
    """Whatever was checked once."""
    assert Options.of("parallel_map", given) is Options.of("parallel_map", dict(given))


def test_what_is_given_counts_and_not_how_it_compares() -> None:
    """True is no number of workers, although it equals one that was good."""
    assert Options.of("parallel_map", {"workers": 1}).workers == 1
    for _ in range(2):
        with pytest.raises(TypeError, match="workers"):
            Options.of("parallel_map", {"workers": True})
        with pytest.raises(TypeError, match="ordered"):
            Options.of("parallel_map", {"ordered": 1})
    assert Options.of("parallel_map", {"ordered": True}).ordered is True


def test_names_are_told_apart() -> None:
    """The same values for other options are other options."""
    assert Options.of("parallel_map", {"timeout": 2.0}).task_timeout is None
    assert Options.of("parallel_map", {"task_timeout": 2.0}).timeout is None


def test_doors_are_told_apart() -> None:
    """What one lacks another may have, and they differ in what holds where nothing is said."""
    assert Options.of("parallel_map", {"executor": "serial"}).ordered
    assert not Options.of("parallel_iter", {"executor": "serial"}, ordered=False).ordered
    with pytest.raises(TypeError, match="executor"):
        Options.of("async_parallel_map", {"executor": "serial"}, without=("executor", "chunk_size"))


def test_what_has_a_state_is_made_anew() -> None:
    """A limiter counts for its own call, and seeds are drawn from a root that nobody has drawn from."""
    limited = [Options.of("parallel_map", {"rate_limit": 5}) for _ in range(2)]
    assert limited[0].limiter is not limited[1].limiter
    seeded = [Options.of("parallel_map", {"rng": 5}) for _ in range(2)]
    assert seeded[0].rng is not seeded[1].rng


def test_what_is_configured_counts_as_soon_as_it_is() -> None:
    """And no longer."""
    given = {"timeout": 30.0}
    before = Options.of("parallel_map", given)
    with lw.configure(max_errors=3):
        assert Options.of("parallel_map", given).max_errors == 3
    assert Options.of("parallel_map", given) is before
    assert before.max_errors is None


def test_what_is_configured_in_the_middle_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may configure something while a call's options are looked up."""
    states = iter([SimpleNamespace(wishes={})])
    monkeypatch.setattr("lightwork.tasks.options.settings", lambda: next(states, SimpleNamespace(wishes={"max_errors": 3})))
    assert Options.of("parallel_map", {"timeout": 1234.5}).max_errors is None
    monkeypatch.undo()
    assert Options.of("parallel_map", {"timeout": 1234.5}).max_errors is None


def test_nothing_large_is_kept() -> None:
    """Objects that somebody hands in are not remembered."""
    token = lw.StopToken()
    assert Options.of("parallel_map", {"stop": token}) is not Options.of("parallel_map", {"stop": token})
