"""Threads or processes: by a word, or by measuring."""

import dataclasses
import math
import pickle
import sys
import threading
import time
from collections.abc import Callable

import pytest

import lightwork as lw
from lightwork.tasks import selection
from lightwork.tasks.probe import Cost

HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()

# A millisecond of Python for an item of some bytes, on its own CPU and with the GIL.
PYTHON = Cost(cpu_seconds=1e-3, wait_seconds=0.0, cpus=1.0, overlap=0.0, pickle_seconds=1e-6, pickled_bytes=100)


@pytest.fixture
def decide(monkeypatch: pytest.MonkeyPatch) -> Callable[..., lw.ProcessDecision]:
    """Decide by a cost that was not measured, on a machine of some CPUs."""

    def decide(cost: Cost, n_items: int | None = None, n_cpus: int = 4) -> lw.ProcessDecision:
        monkeypatch.setattr(selection, "probe", lambda *_: cost)
        monkeypatch.setattr(selection, "cpu_budget", lambda: n_cpus)
        return lw.should_use_processes(len, ["x"], n_items=n_items)

    return decide


def count(n: int) -> int:
    """Compute in Python, holding the GIL."""
    total = 0
    for i in range(n):
        total += i
    return total


def wait(seconds: float) -> float:
    """Wait as for a network."""
    time.sleep(seconds)
    return seconds


def lock_of(_: int) -> object:
    """Return what cannot be pickled."""
    return threading.Lock()


# --- Words ---


@pytest.mark.parametrize("word", ["cpu", "cpu-bound", "compute", "CPU"])
def test_work_for_the_cpu_is_for_processes(word: str) -> None:
    """The answer is True itself."""
    assert lw.should_use_processes(word) is True


@pytest.mark.parametrize("word", ["io", "io-bound", "i/o", "mixed", "IO"])
def test_work_that_waits_is_for_threads(word: str) -> None:
    """The answer is False itself."""
    assert lw.should_use_processes(word) is False


@pytest.mark.parametrize("word", ["", "compression", "simulation", "data transformation", "non-cpu", "mixed cpu/io", " cpu"])
def test_other_words_are_no_guess(word: str) -> None:
    """A word that contains another is another word; the error lists those that there are."""
    with pytest.raises(ValueError, match="'cpu', 'cpu-bound', 'compute', 'io', 'io-bound', 'i/o', 'mixed'"):
        lw.should_use_processes(word)


# --- Misuse ---


def test_a_function_needs_items() -> None:
    """None, and none in the sample, are different mistakes."""
    with pytest.raises(TypeError, match="pass some as sample"):
        lw.should_use_processes(len)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="pass at least one"):
        lw.should_use_processes(len, [])


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_the_time_to_measure_is_a_number(seconds: float) -> None:
    """Neither negative nor without end."""
    with pytest.raises(ValueError, match="seconds must be"):
        lw.should_use_processes(len, ["x"], seconds=seconds)


def test_work_is_a_word_or_a_function() -> None:
    """Nothing else is asked what it might mean."""
    with pytest.raises(TypeError, match="a word or a function, not int"):
        lw.should_use_processes(3, [1])  # type: ignore[call-overload]


def test_what_the_function_raises_is_raised() -> None:
    """At its first call, and in a thread of the measurement."""
    calls: list[int] = []

    def later(item: int) -> None:
        calls.append(item)
        if len(calls) > 3:
            raise KeyError(item)

    with pytest.raises(ZeroDivisionError):
        lw.should_use_processes(lambda x: x / 0, [1], seconds=0.01)
    with pytest.raises(KeyError):
        lw.should_use_processes(later, [1], seconds=0.01)


# --- Measuring ---


def test_python_that_computes_holds_other_threads_up() -> None:
    """Its calls do not overlap where there is a GIL, and do not wait."""
    decision = lw.should_use_processes(count, [20_000, 30_000])
    assert decision.cost.cpu_seconds > 5 * decision.cost.wait_seconds
    assert decision.cost.pickle_seconds is not None
    assert 0 < decision.cost.pickled_bytes < 100
    if HAS_GIL:
        assert decision.cost.overlap < 0.5


def test_waiting_is_for_threads() -> None:
    """Calls that wait overlap whatever the GIL does."""
    decision = lw.should_use_processes(wait, [0.002])
    assert decision.cost.wait_seconds > 3 * decision.cost.cpu_seconds
    assert decision.cost.overlap > 0.3
    assert not decision


@pytest.mark.parametrize(("fn", "part"), [(lambda x: x, "a lambda"), (lock_of, "'_thread.lock'")], ids=["function", "result"])
def test_what_cannot_be_pickled_stays_in_threads(fn: Callable[[int], object], part: str) -> None:
    """The reasons name it."""
    decision = lw.should_use_processes(fn, [1], seconds=0.02)
    assert decision.cost.pickle_seconds is None
    assert not decision
    if lw.cpu_budget() > 1:
        assert part in decision.reasons[-1]


def test_a_long_call_is_not_repeated_much() -> None:
    """Once to begin with, once alone, twice together."""
    calls: list[int] = []

    def long(item: int) -> None:
        calls.append(item)
        time.sleep(0.02)

    lw.should_use_processes(long, [1], seconds=0.001)
    assert len(calls) == 4


def test_an_iterator_is_a_sample_too() -> None:
    """Sixteen of its items are taken, and no more."""
    numbers = iter(range(100))
    lw.should_use_processes(count, numbers, seconds=0.001)
    assert next(numbers) == 16


# --- Deciding ---


def test_computing_in_python_is_for_processes(decide: Callable[..., lw.ProcessDecision]) -> None:
    """The decision is true, says so, and gives its reasons."""
    decision = decide(PYTHON)
    assert bool(decision) is decision.use_processes is True
    assert repr(decision).splitlines() == [
        "use processes",
        "  a call computes for 1 ms and waits for 0 ns",
        "  of two threads' calls 0% run side by side; the rest is kept apart by the GIL or by a lock",
        "  an item and its result are pickled in 1 µs, to 100 bytes",
        "  an item would take 1 ms by threads, 250 µs by processes",
    ]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"overlap": 1.0}, id="the GIL is let go"),
        pytest.param({"wait_seconds": 0.1}, id="it mostly waits"),
        pytest.param({"pickle_seconds": 2e-3}, id="pickling takes longer"),
        pytest.param({"cpus": 4.0}, id="it has threads of its own"),
        pytest.param({"cpu_seconds": 1e-7}, id="a call takes no time"),
    ],
)
def test_whatever_makes_processes_no_faster_is_for_threads(decide: Callable[..., lw.ProcessDecision], change: dict[str, float]) -> None:
    """Each of these alone turns the decision."""
    assert not decide(dataclasses.replace(PYTHON, **change))  # type: ignore[arg-type]


def test_a_start_has_to_pay(decide: Callable[..., lw.ProcessDecision]) -> None:
    """A few items are done before a process has begun."""
    assert "do not make up for the start" in decide(PYTHON, n_items=100).reasons[-1]
    assert not decide(PYTHON, n_items=100)
    assert decide(PYTHON, n_items=100_000)


def test_one_cpu_is_for_threads(decide: Callable[..., lw.ProcessDecision]) -> None:
    """Processes would share it."""
    decision = decide(PYTHON, n_cpus=1)
    assert not decision
    assert "there is one CPU" in decision.reasons[-1]


def test_decisions_are_values(decide: Callable[..., lw.ProcessDecision]) -> None:
    """They do not change, compare by what they say, and travel."""
    decision = decide(PYTHON)
    assert pickle.loads(pickle.dumps(decision)) == decision == decide(PYTHON)
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.use_processes = False  # type: ignore[misc]
