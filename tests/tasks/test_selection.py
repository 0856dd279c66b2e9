"""Threads or processes: by a word, or by measuring."""

import dataclasses
import hashlib
import math
import pickle
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from threads import provoked

import lightwork as lw
from lightwork.tasks import selection
from lightwork.tasks.probe import Cost, Rate, Round

T = TypeVar("T")

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


def hash_of(data: bytes) -> bytes:
    """Compute outside of Python, without the GIL."""
    return hashlib.sha256(data).digest()


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


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"seconds": "1"}, TypeError, "seconds must be a number"),
        ({"n_items": 0}, ValueError, "n_items must be at least 1"),
        ({"n_items": "x"}, TypeError, "an int"),
    ],
    ids=str,
)
def test_what_is_no_number_is_refused(options: dict[str, Any], error: type[Exception], said: str) -> None:
    """Before anything is called."""
    with pytest.raises(error, match=said):
        lw.should_use_processes(pytest.fail, ["called"], **options)


def test_an_async_function_is_not_measured() -> None:
    """A call of it does nothing yet."""

    async def later(x: int) -> int:
        return x

    with pytest.raises(TypeError, match="async_parallel_map"):
        lw.should_use_processes(later, [1])


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


def is_measured(fn: Callable[[T], object], sample: list[T], expected: Callable[[Cost], bool]) -> bool:
    """Whether a measurement is as expected, sooner or later: this machine may be busy with something else."""
    return provoked(lambda: expected(lw.should_use_processes(fn, sample).cost))


def test_python_that_computes_does_not_wait() -> None:
    """All of its time is CPU time, on one CPU."""
    assert is_measured(count, [20_000, 30_000], lambda cost: cost.cpu_seconds > 5 * cost.wait_seconds and cost.cpus < 1.5)


@pytest.mark.parametrize("n", [20_000, 200_000])
def test_python_that_computes_overlaps_as_far_as_there_is_no_gil(n: int) -> None:
    """Whether a call is shorter than the interpreter's switch interval or longer."""
    assert is_measured(count, [n], lambda cost: cost.overlap < 0.3 if HAS_GIL else cost.overlap > 0.5)


def test_compiled_code_without_the_gil_overlaps() -> None:
    """Hashing lets go of it."""
    assert is_measured(hash_of, [bytes(500_000)], lambda cost: cost.overlap > 0.5)


def test_waiting_overlaps_whatever_the_gil_does() -> None:
    """Its time is no CPU time."""
    assert is_measured(wait, [0.002], lambda cost: cost.wait_seconds > 3 * cost.cpu_seconds and cost.overlap > 0.5)


def test_pickles_are_measured() -> None:
    """Of an item and its result, in seconds and bytes."""
    cost = lw.should_use_processes(bytes, [1_000_000], seconds=0.01).cost
    assert cost.pickle_seconds is not None
    assert cost.pickle_seconds > 0
    assert 1_000_000 < cost.pickled_bytes < 1_000_100


@pytest.mark.parametrize(
    ("fn", "part"),
    [(lambda x: x, "the function cannot be pickled: obj (function): a lambda"), (lock_of, "a result cannot be pickled: obj (_thread.lock)")],
    ids=["function", "result"],
)
def test_what_cannot_be_pickled_stays_in_threads(fn: Callable[[int], object], part: str) -> None:
    """The reasons name it."""
    decision = lw.should_use_processes(fn, [1], seconds=0.02)
    assert decision.cost.pickle_seconds is None
    assert not decision
    if lw.cpu_budget() > 1:
        assert part in decision.reasons[-1]
    assert pickle.loads(pickle.dumps(decision)) == decision


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


def a_round(gain: float = 2.0, free_gain: float = 2.0, gil_share: float = 0.0, cpu_share: float = 1.0, free_cpu_share: float = 1.0) -> Round:
    """Return measurements of calls of a millisecond, and of hashing beside them, on a machine that lets them have so much."""

    def rate(gain: float, cpu_share: float) -> Rate:
        return Rate(calls=round(1000 * gain), seconds=1.0, cpu_seconds=gain * cpu_share)

    return Round(rate(1.0, cpu_share), rate(gain, cpu_share), rate(1.0, free_cpu_share), rate(free_gain, free_cpu_share), gil_share)


@pytest.mark.parametrize(
    ("measured", "overlap"),
    [
        pytest.param(a_round(), 1.0, id="as well as hashing"),
        pytest.param(a_round(gain=1.0), 0.0, id="not at all"),
        pytest.param(a_round(gain=0.6), 0.0, id="in each other's way"),
        pytest.param(a_round(gain=1.5), 0.5, id="half"),
        pytest.param(a_round(gain=1.25, free_gain=1.5), 0.5, id="half of what a busy machine gives"),
        pytest.param(a_round(gain=2.0, free_gain=1.2), 1.0, id="waiting, on a busy machine"),
        pytest.param(a_round(gil_share=0.9), 0.1, id="but the GIL was held"),
        pytest.param(a_round(gain=1.01, free_gain=1.0), 0.1, id="nothing to spare"),
    ],
)
def test_overlap_is_what_two_threads_gain_of_what_they_could(measured: Round, overlap: float) -> None:
    """From 0 to 1, and no more than the time in which the GIL could be had."""
    assert measured.overlap == pytest.approx(overlap)


def test_waiting_for_a_cpu_is_not_waiting() -> None:
    """A machine that gives half a CPU makes a function that computes twice as long, and not one that waits."""
    assert a_round(cpu_share=0.5, free_cpu_share=0.5).wait_seconds == 0
    assert a_round(cpu_share=0.25, free_cpu_share=0.5).wait_seconds == pytest.approx(0.5e-3)
    assert a_round(cpu_share=0.25).wait_seconds == pytest.approx(0.75e-3)


def test_threads_of_a_function_s_own_are_seen() -> None:
    """By more CPU time than time."""
    assert a_round(cpu_share=3.0).cpus == pytest.approx(3.0)
    assert a_round(cpu_share=0.2).cpus == 1.0


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
