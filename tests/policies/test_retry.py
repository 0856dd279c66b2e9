"""Retries as values: what they take, and what they decide."""

import asyncio
import copy
import math
import pickle
import random
import re
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightwork import Cancelled, Retry, Stopped
from lightwork.policies.backoff import JITTERS

STEADY = Retry(5, backoff=1.0, jitter="none")


# --- The value ------------------------------------------------------------------------------------------------------


def test_the_defaults_are_moderate() -> None:
    """Three calls in all, a wait that doubles from a second to at most a minute, spread in full."""
    retry = Retry()
    assert (retry.attempts, retry.backoff, retry.factor, retry.max_delay, retry.jitter) == (3, 1.0, 2.0, 60.0, "full")
    assert (retry.on, retry.max_elapsed, retry.when, retry.fallback) == (Exception, None, "now", None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attempts": 0}, "attempts must be at least 1, not 0; it counts all calls, and 1 means no retry"),
        ({"attempts": -3}, "attempts must be at least 1, not -3"),
        ({"attempts": None}, "attempts=None goes on until max_elapsed, which is not given; pass either"),
        ({"backoff": -1}, "backoff must be finite and at least 0 seconds, not -1"),
        ({"backoff": math.nan}, "backoff must be a number, not NaN"),
        ({"backoff": math.inf}, "backoff must be finite"),
        ({"backoff": 10**400}, "backoff must be a number that a float can hold"),
        ({"factor": 0.5}, "factor must be finite and at least 1, not 0.5; pass 1 for equal waits"),
        ({"factor": math.nan}, "factor must be a number, not NaN"),
        ({"factor": math.inf}, "factor must be finite"),
        ({"max_delay": -1}, "max_delay must be finite and at least 0 seconds"),
        ({"max_delay": math.inf}, "max_delay must be finite"),
        ({"max_delay": math.nan}, "max_delay must be a number, not NaN"),
        ({"max_server_wait": math.nan}, "max_server_wait must be a number, not NaN"),
        ({"max_elapsed": math.nan}, "max_elapsed must be a number, not NaN"),
        ({"max_elapsed": -1}, "max_elapsed must be finite and at least 0"),
        ({"jitter": "some"}, "jitter must be one of 'full', 'equal', 'half', 'none', 'decorrelated', not 'some'"),
        ({"jitter": True}, "jitter must be one of"),
        ({"when": "later"}, "when must be one of 'now', 'end', not 'later'"),
        ({"on": KeyboardInterrupt}, "on has KeyboardInterrupt"),
        ({"on": asyncio.CancelledError}, "on has CancelledError"),
    ],
    ids=repr,
)
def test_values_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    """Everything is checked when the policy is made, and the error names it and what to give instead."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Retry(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attempts": 2.0}, "attempts must be an int, not 2.0"),
        ({"attempts": True}, "attempts must be an int, not True"),
        ({"attempts": "3"}, "attempts must be an int, not '3'"),
        ({"backoff": "1"}, "backoff must be a number, not '1'"),
        ({"backoff": True}, "backoff must be a number, not True"),
        ({"backoff": None}, "backoff must be a number, not None"),
        ({"factor": False}, "factor must be a number, not False"),
        ({"max_delay": None}, "max_delay must be a number, not None"),
        ({"seed": 1.5}, "seed must be an int, not 1.5"),
        ({"seed": True}, "seed must be an int, not True"),
        ({"on": "OSError"}, "on must be an exception type or a tuple of such, not 'OSError'"),
        ({"on": [OSError]}, "on must be an exception type or a tuple of such"),
        ({"on": None}, "on must be an exception type"),
        ({"retry_if": True}, "retry_if must be a function of an exception, not True"),
        ({"retry_result": 0}, "retry_result must be a function of a value, not 0"),
        ({"wait_from": 1.0}, "wait_from must be a function of an exception or a refused value, not 1.0"),
        ({"on_retry": "print"}, "on_retry must be a function of a RetryInfo, not 'print'"),
        ({"fallback": 0}, "fallback must be a function of an exception; to have a constant write lambda error: constant, not 0"),
    ],
    ids=repr,
)
def test_values_of_another_kind_are_refused(arguments: dict[str, Any], message: str) -> None:
    """What is no number, type or function where one belongs is a TypeError."""
    with pytest.raises(TypeError, match=re.escape(message)):
        Retry(**arguments)


def test_numbers_become_python_s() -> None:
    """NumPy's numbers are taken, and kept as ints and floats."""
    retry = Retry(np.int64(4), backoff=np.float32(0.5), factor=3, max_delay=np.uint8(9), max_elapsed=7, seed=np.int16(5))  # type: ignore[arg-type]
    assert (retry.attempts, retry.backoff, retry.factor, retry.max_delay, retry.max_elapsed, retry.seed) == (4, 0.5, 3.0, 9.0, 7.0, 5)
    assert [type(getattr(retry, name)) for name in ("attempts", "backoff", "factor", "max_elapsed", "seed")] == [int, float, float, float, int]


def test_policies_are_values() -> None:
    """A copy, also one by pickle, is equal to the original, and neither can be changed."""
    retry = Retry(5, backoff=0.1, on=(OSError, ValueError), retry_result=bool, wait_from=abs, fallback=str, on_retry=print, seed=3)
    assert pickle.loads(pickle.dumps(retry)) == copy.copy(retry) == retry
    assert hash(pickle.loads(pickle.dumps(retry))) == hash(retry)
    with pytest.raises(FrozenInstanceError):
        retry.attempts = 6  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        retry.other = 6  # type: ignore[attr-defined]


def test_all_but_attempts_go_by_name() -> None:
    """A second bare number would not say what it is."""
    assert Retry(4).attempts == 4
    with pytest.raises(TypeError, match="positional"):
        Retry(4, 1.0)  # type: ignore[call-arg]


# --- What is tried again --------------------------------------------------------------------------------------------


def test_attempts_count_all_calls() -> None:
    """Three attempts are three calls: after the third failure there is no more."""
    kinds = [Retry(3).decide(attempt, OSError(), None, 0.0).kind for attempt in (1, 2, 3, 4)]
    assert kinds == ["retry", "retry", "give_up", "give_up"]
    assert Retry(1).decide(1, OSError(), None, 0.0).kind == "give_up"


def test_a_value_is_done() -> None:
    """What returned is finished, whatever it returned, an exception or None too."""
    for value in (None, 3, OSError()):
        assert STEADY.decide(1, None, value, 0.0) == ("done", 0.0, 0.0, None, "")


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), SystemExit(1), GeneratorExit(), asyncio.CancelledError(), BaseExceptionGroup("", [SystemExit()]), MemoryError()],
)
def test_what_ends_things_is_never_tried_again(error: BaseException) -> None:
    """Exceptions that are there to end a program or a task do so."""
    assert Retry(5, retry_if=lambda _: True).decide(1, error, None, 0.0).kind == "give_up"


def test_what_was_stopped_is_not_tried_again() -> None:
    """A call that was given up with the one around it is not begun once more."""
    assert STEADY.decide(1, Stopped("stopped"), None, 0.0).kind == "give_up"


def test_what_is_not_wanted_any_more_is_not_tried_again() -> None:
    """An item that finds nobody waiting ends; no hook hears of another attempt, and no fallback takes the place of what nobody wants."""
    assert Retry(5, fallback=str).decide(1, Cancelled("enough"), None, 0.0) == ("give_up", 0.0, 0.0, None, "Cancelled is not retried")


def test_types_are_chosen_as_in_an_except_clause() -> None:
    """Derived types count, others fail at once with a reason."""
    retry = Retry(on=(OSError, LookupError))
    assert retry.decide(1, ConnectionResetError(), None, 0.0).kind == retry.decide(1, KeyError(), None, 0.0).kind == "retry"
    assert retry.decide(1, ValueError(), None, 0.0)[4] == "ValueError is not retried"
    assert Retry(on=()).decide(1, ValueError(), None, 0.0).kind == "give_up"


def test_a_condition_is_asked_about_errors_of_the_right_type() -> None:
    """Where the type does not decide, a function of the error does; it sees no other errors."""
    asked: list[Exception] = []

    def is_again(error: OSError) -> bool:
        asked.append(error)
        return error.errno == 11

    retry = Retry(on=OSError, retry_if=is_again)
    again, not_again, other = OSError(11, "again"), OSError(2, "no such file"), ValueError()
    assert [retry.decide(1, error, None, 0.0).kind for error in (again, not_again, other)] == ["retry", "give_up", "give_up"]
    assert asked == [again, not_again]


def test_values_can_be_refused() -> None:
    """A function of the value decides; it does not see errors."""
    retry = Retry(2, retry_result=lambda value: value is None, on=())
    assert retry.decide(1, None, 0, 0.0).kind == "done"
    assert retry.decide(1, None, None, 0.0).kind == "retry"
    assert retry.decide(2, None, None, 0.0).kind == "give_up"
    assert retry.decide(1, OSError(), None, 0.0).kind == "give_up"


def test_any_truth_will_do() -> None:
    """Conditions may answer by whatever is true or false."""
    assert Retry(retry_if=lambda _: [0], retry_result=lambda _: "").decide(1, OSError(), None, 0.0).kind == "retry"
    assert Retry(retry_result=lambda _: np.True_).decide(1, None, 1, 0.0).kind == "retry"


# --- How long it waits ----------------------------------------------------------------------------------------------


def test_waits_double() -> None:
    """Without jitter the waits are the plain series."""
    assert [STEADY.decide(attempt, OSError(), None, 0.0).delay for attempt in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 8.0]


@given(
    st.integers(1, 10**6),
    st.floats(0, 1e308),
    st.floats(1, 1e308),
    st.floats(0, 1e308),
    st.sampled_from(JITTERS),
    st.none() | st.floats(0, 1e308),
    st.floats(0, 1e308),
    st.floats(0, math.inf),
)
def test_every_decision_keeps_its_promises(
    attempt: int,
    backoff: float,
    factor: float,
    longest: float,
    jitter: Any,
    end: float | None,
    elapsed: float,
    remaining: float,
) -> None:
    """Whatever the numbers, a wait is finite, not longer than allowed, and ends before any deadline."""
    retry = Retry(10**9, backoff=backoff, factor=factor, max_delay=longest, jitter=jitter, max_elapsed=end)
    kind, delay, pause, _, reason = retry.decide(attempt, OSError(), None, elapsed, random.Random(attempt), remaining=remaining)
    assert pause == 0
    assert 0 <= delay <= longest
    if kind == "retry":
        assert delay <= remaining and (end is None or elapsed + delay <= end) and reason == ""
    else:
        assert kind == "give_up" and reason


def test_a_wait_that_would_cross_a_deadline_is_not_begun() -> None:
    """The policy's own time and the caller's are both kept to, and the reason says which was too short."""
    retry = Retry(9, backoff=4.0, jitter="none", max_elapsed=10.0)
    assert retry.decide(1, OSError(), None, 6.0).kind == "retry"
    assert retry.decide(1, OSError(), None, 6.1).reason == "a wait of 4 s would end after max_elapsed"
    assert retry.decide(1, OSError(), None, 0.0, remaining=4.0).kind == "retry"
    assert retry.decide(1, OSError(), None, 0.0, remaining=3.9).reason == "a wait of 4 s would end after the deadline"


def test_time_alone_may_be_the_bound() -> None:
    """With no number of attempts it goes on as long as max_elapsed."""
    retry = Retry(None, backoff=1.0, factor=1, jitter="none", max_elapsed=100.0)
    assert retry.decide(10**6, OSError(), None, 99.0).kind == "retry"
    assert retry.decide(1, OSError(), None, 99.5).kind == "give_up"


def test_the_other_end_may_say_how_long() -> None:
    """What wait_from returns is waited in full, beyond max_delay too; None and nothing leave it to the back-off."""
    retry = Retry(5, max_delay=10.0, jitter="none", wait_from=lambda error: error.args[0], max_server_wait=100.0)
    assert retry.decide(1, OSError(50), None, 0.0)[:3] == ("retry", 50.0, 50.0)
    assert retry.decide(1, OSError(None), None, 0.0)[:3] == ("retry", 1.0, 0.0)
    assert retry.decide(1, OSError(0), None, 0.0)[:3] == ("retry", 1.0, 0.0)
    assert retry.decide(1, OSError(101), None, 0.0).kind == "give_up"
    assert retry.decide(1, OSError(math.inf), None, 0.0).kind == "give_up"
    for wrong in (-1, math.nan):
        with pytest.raises(ValueError, match="what wait_from returned must be"):
            retry.decide(1, OSError(wrong), None, 0.0)


def test_a_fallback_is_for_what_could_have_been_tried_again() -> None:
    """An error that the policy is not about, such as a programming error, is not hidden by it."""
    retry = Retry(2, on=OSError, fallback=str)
    assert retry.decide(2, OSError(), None, 0.0).fallback is str
    assert retry.decide(2, TypeError(), None, 0.0).fallback is None
    assert retry.decide(1, OSError(), None, 0.0).fallback is None


# --- Seeds ----------------------------------------------------------------------------------------------------------


def test_seeded_waits_can_be_repeated() -> None:
    """With a seed the jitter depends on it and on the key alone; different items and attempts draw differently."""
    retry, twin, other = Retry(seed=1), Retry(seed=1), Retry(seed=2)

    def drawn(policy: Retry, *key: int) -> float:
        return policy.decide(1, OSError(), None, 0.0, policy.random_for(*key)).delay

    assert drawn(retry, 3, 1) == drawn(twin, 3, 1) == 0.39243308725004655
    assert len({drawn(retry, index, attempt) for index in range(20) for attempt in range(20)} | {drawn(other, 0, 0)}) == 401


def test_without_a_seed_waits_differ() -> None:
    """Calls that failed together do not come again together."""
    assert len({Retry().decide(1, OSError(), None, 0.0).delay for _ in range(100)}) == 100
    assert Retry().random_for(1) is random
