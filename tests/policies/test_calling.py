"""Policies by themselves: calls, decorators, coroutines."""

import asyncio
import functools
import gc
import inspect
import pickle
import random
import threading
import traceback
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from threads import together

from lightwork import Refused, Retry, RetryInfo
from lightwork.testing import MockClock, no_backoff

QUICK = Retry(3, backoff=0.0)


class Flaky:
    """Fails some times, and then returns what it is called with."""

    def __init__(self, n_failures: int, error: BaseException | None = None) -> None:
        self.n_failures = n_failures
        self.n_calls = 0
        self.error = error or OSError("down")

    def __call__(self, value: Any = None) -> Any:
        self.n_calls += 1
        if self.n_calls <= self.n_failures:
            raise self.error
        return value

    async def later(self, value: Any = None) -> Any:
        await asyncio.sleep(0)
        return self(value)


def call(retry: Retry, fn: Flaky, *args: Any) -> Any:
    """Call by a policy."""
    return retry.call(fn, *args)


def acall(retry: Retry, fn: Flaky, *args: Any) -> Any:
    """Call the async twin by a policy, in an event loop."""
    return asyncio.run(retry.acall(fn.later, *args))


def decorated(retry: Retry, fn: Flaky, *args: Any) -> Any:
    """Call what the policy decorated."""
    return retry(fn.__call__)(*args)


def adecorated(retry: Retry, fn: Flaky, *args: Any) -> Any:
    """Call the async twin that the policy decorated, in an event loop."""
    return asyncio.run(retry(fn.later)(*args))


Call = Callable[..., Any]
EVERY_WAY = pytest.mark.parametrize("way", [call, acall, decorated, adecorated])


@EVERY_WAY
def test_a_call_is_repeated_until_it_returns(way: Call) -> None:
    """What fails twice of three times returns its value, and waits in between."""
    flaky = Flaky(2)
    with MockClock(autojump=True) as clock:
        assert way(Retry(3, backoff=4.0, jitter="none"), flaky, "value") == "value"
        assert clock.now() == 12.0
    assert flaky.n_calls == 3


@EVERY_WAY
def test_the_last_error_is_the_original(way: Call) -> None:
    """When attempts are used up the function's own exception comes, with a note of how many there were."""
    flaky = Flaky(9)
    with no_backoff(), pytest.raises(OSError, match="down") as caught:
        way(Retry(4), flaky)
    assert flaky.n_calls == 4
    assert caught.value is flaky.error
    [note] = caught.value.__notes__
    assert note.startswith("given up after 4 attempts in ") and note.endswith(" s: no more attempts are allowed")


@EVERY_WAY
def test_what_is_not_retried_passes_untouched(way: Call) -> None:
    """An error of another type comes after one call, without a note."""
    flaky = Flaky(1, ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong") as caught:
        way(Retry(3, on=OSError), flaky)
    assert flaky.n_calls == 1
    assert not hasattr(caught.value, "__notes__")


@EVERY_WAY
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()], ids=repr)
def test_what_ends_programs_does_so(way: Call, error: BaseException) -> None:
    """Nothing is repeated, hooked or replaced on the way out of a program."""
    flaky = Flaky(1, error)
    with pytest.raises(type(error)):
        way(Retry(3, fallback=str, on_retry=print, retry_if=print), flaky)
    assert flaky.n_calls == 1


@EVERY_WAY
def test_refused_values_are_asked_for_again(way: Call) -> None:
    """A value that is refused to the end fails the call, and comes with the error."""
    flaky = Flaky(0)
    with no_backoff(), pytest.raises(Refused, match="retry_result refuses the value that was returned, and no more attempts are allowed") as caught:
        way(Retry(3, retry_result=lambda value: value == "busy"), flaky, "busy")
    assert flaky.n_calls == 3
    assert caught.value.value == "busy"
    assert caught.value.__notes__[0].startswith("given up after 3 attempts")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.value, copied.__notes__, str(copied)) == ("busy", caught.value.__notes__, str(caught.value))


@EVERY_WAY
def test_a_fallback_stands_in(way: Call) -> None:
    """Where a fallback is given it makes the value, of the error or of the refusal."""
    with no_backoff():
        assert way(Retry(2, fallback=lambda error: f"instead of {error}"), Flaky(9)) == "instead of down"
        assert way(Retry(2, retry_result=bool, fallback=lambda error: error.value), Flaky(0), 7) == 7


@EVERY_WAY
def test_each_wait_is_told_before_it_begins(way: Call) -> None:
    """The hook is called between attempts only, with what was and what will be."""
    told: list[tuple[float, RetryInfo]] = []
    flaky = Flaky(2)
    with MockClock(autojump=True) as clock:
        retry = Retry(5, backoff=1.0, jitter="none", on_retry=lambda info: told.append((clock.now(), info)))
        way(retry, flaky)
    assert told == [
        (0.0, RetryInfo(attempt=1, error=flaky.error, value=None, delay=1.0, elapsed=0.0)),  # type: ignore[arg-type]
        (1.0, RetryInfo(attempt=2, error=flaky.error, value=None, delay=2.0, elapsed=1.0)),  # type: ignore[arg-type]
    ]


def test_each_attempt_is_told_by_itself() -> None:
    """After a value that was refused, an error comes without that value, and an interrupt without a note."""
    told: list[RetryInfo] = []
    outcomes: Iterator[str | BaseException] = iter(["busy", OSError("down"), KeyboardInterrupt()])

    def attempt() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    with no_backoff(), pytest.raises(KeyboardInterrupt) as caught:
        Retry(5, retry_result=bool, on_retry=told.append).call(attempt)
    assert [info.value for info in told] == ["busy", None]
    assert not hasattr(caught.value, "__notes__")


@EVERY_WAY
def test_a_hook_that_fails_ends_the_call(way: Call) -> None:
    """An error of a hook is not mistaken for one of the function, and shows it as its context."""
    flaky = Flaky(2)
    with pytest.raises(ZeroDivisionError) as caught:
        way(Retry(3, backoff=0.0, on_retry=lambda _: 1 / 0), flaky)
    assert flaky.n_calls == 1
    assert caught.value.__context__ is flaky.error


@EVERY_WAY
def test_time_bounds_the_call(way: Call) -> None:
    """A wait that would end too late is not begun: the call fails before it, not after."""
    with MockClock(autojump=True) as clock, pytest.raises(OSError, match="down"):
        way(Retry(None, backoff=1.0, factor=1, jitter="none", max_elapsed=5.5), Flaky(99))
    assert clock.now() == 5.0


@EVERY_WAY
def test_seeded_calls_wait_alike(way: Call) -> None:
    """With a seed the waits of a call are the same each time; without, they are not."""

    def waits(seed: int | None) -> float:
        with MockClock(autojump=True) as clock:
            way(Retry(5, seed=seed), Flaky(4))
            return clock.now()

    assert waits(1) == waits(1) != waits(2)
    assert waits(None) != waits(None)


def test_arguments_pass_through() -> None:
    """Positional and named arguments reach the function, those named like parameters of ours too."""

    def fn(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    assert QUICK.call(fn, 1, fn=2, self=3) == ((1,), {"fn": 2, "self": 3})
    assert QUICK(fn)(1, fn=2, self=3) == ((1,), {"fn": 2, "self": 3})


def test_errors_show_where_they_were_raised() -> None:
    """The traceback leads into the function, and each attempt's is its own."""

    def fail() -> None:
        raise OSError("down")

    with pytest.raises(OSError, match="down") as caught:
        QUICK.call(fail)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[1:] == ["call", "fail"]
    assert caught.value.__context__ is None


def test_nothing_is_kept_alive() -> None:
    """After a call that failed, its arguments live no longer than its error; no collector is needed."""

    class Argument:
        """Something that can be watched."""

    def fail(argument: Argument) -> None:
        raise OSError(repr(argument))

    gc.disable()
    try:
        argument = Argument()
        gone = weakref.ref(argument)
        with pytest.raises(OSError, match="Argument"):
            QUICK.call(fail, argument)
        del argument
        assert gone() is None
    finally:
        gc.enable()


# --- Decorators -----------------------------------------------------------------------------------------------------


@QUICK
def documented(value: int, *, other: int = 2) -> int:
    """Return a sum."""
    return value + other


class Client:
    """Has methods of every kind."""

    def __init__(self) -> None:
        self.n_calls = 0

    @QUICK
    def method(self, value: int) -> int:
        """Fail at first."""
        self.n_calls += 1
        if self.n_calls < 3:
            raise OSError
        return value

    @classmethod
    @QUICK
    def of_class(cls) -> str:
        """Return the name."""
        return cls.__name__

    @staticmethod
    @QUICK
    def static(value: int) -> int:
        """Return the value."""
        return value

    @QUICK
    async def later(self, value: int) -> int:
        """Fail at first."""
        return await asyncio.sleep(0, self.method(value))


def test_a_decorated_function_looks_like_itself() -> None:
    """Name, docstring and signature are the function's, and it can be pickled where that could."""
    assert (documented.__name__, documented.__doc__) == ("documented", "Return a sum.")
    assert list(inspect.signature(documented).parameters) == ["value", "other"]
    assert pickle.loads(pickle.dumps(documented)) is documented
    assert documented(1, other=3) == 4


def test_methods_can_be_decorated() -> None:
    """Methods of instances and classes, static and async ones."""
    client = Client()
    assert client.method(5) == 5
    assert client.n_calls == 3
    assert Client.of_class() == "Client"
    assert Client.static(4) == client.static(4) == 4
    assert inspect.iscoroutinefunction(client.later)
    assert asyncio.run(Client().later(6)) == 6


def test_partials_and_objects_are_told_apart() -> None:
    """An async function is recognised through a partial and as an object's call, and a sync one is not taken for one."""

    class Later:
        async def __call__(self, value: int) -> int:
            return value

    def fn(value: int) -> int:
        return value

    async def afn(value: int) -> int:
        return value

    assert QUICK(functools.partial(fn, 1))() == 1
    assert asyncio.run(QUICK(functools.partial(afn, 1))()) == 1
    assert asyncio.run(QUICK(Later())(1)) == 1


def generator() -> Iterator[int]:
    """Yield something."""
    yield 1


async def agenerator() -> Any:
    """Yield something."""
    yield 1


@pytest.mark.parametrize(
    ("decorate", "message"),
    [
        (lambda: QUICK(generator), "a generator cannot be begun again halfway; retry what it calls"),
        (lambda: QUICK(agenerator), "a generator cannot be begun again halfway"),
        (lambda: QUICK(staticmethod(len)), "write the policy below @staticmethod"),
        (lambda: QUICK(classmethod(len)), "write the policy below @classmethod"),  # type: ignore[arg-type]
        (lambda: QUICK(3), "a policy decorates functions, not 3"),  # type: ignore[arg-type]
        (lambda: QUICK.call(Client().later, 1), "an async function is retried by Retry.acall"),
    ],
    ids=["generator", "async generator", "staticmethod", "classmethod", "number", "async"],
)
def test_what_cannot_be_retried_is_refused(decorate: Callable[[], object], message: str) -> None:
    """Misuse is an error when it is written, and says what to write."""
    with pytest.raises(TypeError, match=message):
        decorate()


# --- Coroutines -----------------------------------------------------------------------------------------------------


def test_a_cancelled_call_ends_at_once() -> None:
    """A task that is cancelled in the function or in a wait is cancelled, and nothing is tried again."""

    async def scenario(retry: Retry, flaky: Flaky) -> bool:
        task = asyncio.create_task(retry.acall(flaky.later))
        while not flaky.n_calls:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    flaky = Flaky(9)
    assert asyncio.run(asyncio.wait_for(scenario(Retry(5, backoff=60.0, jitter="none"), flaky), 60))
    assert flaky.n_calls == 1


def test_the_loop_goes_on_while_calls_wait() -> None:
    """Hundreds of coroutines wait at the same time."""

    async def scenario(flakies: list[Flaky]) -> list[Any]:
        return await asyncio.gather(*(Retry(3, backoff=1.0, jitter="none").acall(flaky.later, index) for index, flaky in enumerate(flakies)))

    with MockClock(autojump=True) as clock:
        assert asyncio.run(scenario([Flaky(1) for _ in range(300)])) == list(range(300))
        assert clock.now() <= 300


# --- Many threads ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("eager_switching")
def test_one_policy_serves_many_threads() -> None:
    """Sixteen threads make a thousand retried calls each by one policy: each call counts its own attempts, and none gets mixed up."""
    told: list[int] = []
    retry = pickle.loads(pickle.dumps(Retry(4, backoff=0.0)))
    shared = Retry(retry.attempts, backoff=retry.backoff, on_retry=lambda info: told.append(info.attempt))

    def attempt(n_failures: int, index: int) -> int:
        flaky = Flaky(n_failures, OSError(index))
        if n_failures < 4:
            assert shared.call(flaky, index) == index
        else:
            with pytest.raises(OSError, match=rf"^{index}\b") as caught:
                shared.call(flaky)
            assert caught.value.__notes__[0].startswith("given up after 4 attempts")
        assert flaky.n_calls == min(n_failures + 1, 4)
        return n_failures // 4

    def run(seed: int) -> int:
        source = random.Random(seed)
        return sum(attempt(source.randrange(5), index) for index in range(1000))

    assert sum(together(functools.partial(run, seed) for seed in range(16))) > 0
    times = Counter(told)
    assert times[1] > times[2] > times[3] > 0 and times[4] == 0


def test_a_retry_starts_no_thread() -> None:
    """Waiting needs nobody else."""
    before = threading.active_count()
    seen: list[int] = []
    Retry(2, backoff=0.001, on_retry=lambda _: seen.append(threading.active_count())).call(Flaky(1))
    assert seen == [before]
