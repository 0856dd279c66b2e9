"""How the suites reach pytest-benchmark: what a fresh process measured is played back into its tables, so that contenders stand side by side."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from benchmarks._fresh import Answer, ask
from benchmarks._harness import Figure, Figures


class Playback:
    """A clock for pytest-benchmark that advances by the seconds which were measured elsewhere."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the time so far."""
        return self._now

    def play(self, seconds: list[float]) -> None:
        """Let the next repetition pass."""
        self._now += seconds.pop()


PLAYBACK = Playback()


def pytest_configure(config: pytest.Config) -> None:
    """Collect the questions of this folder."""
    config.addinivalue_line("python_files", "bench_*.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Time by playback whatever was measured in a process of its own."""
    for item in items:
        if "measured" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.benchmark(timer=PLAYBACK.now))


@pytest.fixture(scope="session")
def asked() -> Callable[[str, str], Answer]:
    """Ask each contender each question once a session."""
    return cache(ask)


@pytest.fixture
def figure_of(request: pytest.FixtureRequest, asked: Callable[[str, str], Answer]) -> Figures:
    """Return the figure of one contender for one line of the test module's table."""
    question = request.module.__name__.rpartition(".")[2]

    def figure(peer: str, line: str) -> Figure:
        answer = asked(question, peer)
        if answer.missing.startswith("failed"):
            pytest.fail(answer.missing)
        found = answer.figure(line)
        if found is None:
            pytest.skip(answer.missing or f"{peer} has no answer for this line")
        return found

    return figure


@pytest.fixture
def measured(benchmark: Any, request: pytest.FixtureRequest, figure_of: Figures) -> Figures:
    """Return a figure, and play it into pytest-benchmark's table of all contenders for this line."""

    def figure(peer: str, line: str) -> Figure:
        found = figure_of(peer, line)
        seconds = [pair[0] for pair in found.pairs]
        benchmark.group = f"{request.module.__name__.rpartition('.')[2]}: {line}"
        benchmark.extra_info.update(ratio=found.ratio, bits=found.bits, free_cores=found.free_cores)
        benchmark.pedantic(PLAYBACK.play, args=(seconds,), rounds=len(seconds))
        return found

    return figure
