"""Limiters: one count for everybody who shares them."""

import asyncio
import functools
import itertools
import math
import os
import pickle
import re
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

import garbage
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threads import together
from windows import excess

from lightwork import Limiter, LimiterStatistics, RateLimit
from lightwork.policies.bucket import Bucket
from lightwork.policies.gate import Gate, lock
from lightwork.testing import MockClock


def nothing() -> None:
    """Stand for a callback that nobody looks at."""


# --- One limiter ----------------------------------------------------------------------------------------------------


def test_a_number_is_per_second() -> None:
    """A limiter is made of a limit or of a number, and shows which."""
    assert Limiter(10).limits == Limiter(RateLimit(10)).limits == (RateLimit(10),)
    assert repr(Limiter(RateLimit(10, "minute"))) == "Limiter(RateLimit(count=10, per='minute', burst=1.0))"


def test_starts_come_at_the_pace_of_the_limit() -> None:
    """By a clock that jumps, each start is exactly when its turn is."""
    with MockClock(autojump=True) as clock:
        limiter = Limiter(RateLimit(2, burst=3))
        starts = [(limiter.acquire(), clock.now())[1] for _ in range(6)]
    assert starts == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5]


def test_trying_does_not_wait() -> None:
    """A start that is not allowed yet is refused, and uses up nothing."""
    with MockClock() as clock:
        limiter = Limiter(1)
        assert [limiter.try_acquire() for _ in range(3)] == [True, False, False]
        clock.advance(1.0)
        assert [limiter.try_acquire() for _ in range(2)] == [True, False]


def test_waiting_ends_with_its_time() -> None:
    """A wait that is over in vain says so, takes no longer than was said, and uses up nothing."""
    with MockClock(autojump=True) as clock:
        limiter = Limiter(0.1)
        assert limiter.acquire()
        assert not limiter.acquire(timeout=4.0)
        assert clock.now() == 4.0
        assert limiter.acquire(timeout=6.0)
        assert clock.now() == 10.0
        assert not limiter.acquire(timeout=0)


def test_a_block_is_what_starts() -> None:
    """With and async with wait for their turn."""

    async def both(limiter: Limiter, clock: MockClock) -> float:
        async with limiter as entered:
            assert entered is limiter
        return clock.now()

    with MockClock(autojump=True) as clock:
        limiter = Limiter(1)
        with limiter as entered:
            assert entered is limiter
        assert asyncio.run(both(limiter, clock)) == 1.0


def test_costs_are_paid_in_full() -> None:
    """What costs more waits longer, and nothing costs nothing."""
    with MockClock(autojump=True) as clock:
        limiter = Limiter(RateLimit(10, burst=10))
        for cost in (10, 5, 0.5, 0):
            limiter.acquire(cost=cost)
    assert clock.now() == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (1.5, "cost must be from 0 to the limit's burst, 1.0, not 1.5; allow a larger burst"),
        (-1, "cost must be from 0"),
        (math.inf, "cost must be from 0"),
        (math.nan, "cost must be a number, not NaN"),
        ((1, 1), "cost must be one number, or one for each of 1 limits, not (1, 1)"),
        ((), "cost must be one number"),
    ],
)
def test_what_could_never_start_is_refused(cost: Any, message: str) -> None:
    """A cost beyond the burst would wait for ever; it is an error in whatever is called."""
    limiter = Limiter(1)
    place = limiter.line_up(nothing)
    calls: list[Callable[[], object]] = [
        lambda: limiter.try_acquire(cost),
        lambda: limiter.acquire(None, cost),
        lambda: limiter.grant(0.0, cost),
        lambda: limiter.started(0.0, cost),
        lambda: limiter.start(0.0, cost),
        lambda: limiter.look(0.0, cost),
        lambda: limiter.withdraw(cost),
        lambda: place.grant(0.0, cost),
        lambda: asyncio.run(limiter.acquire_async(None, cost)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=re.escape(message)):
            call()


def test_other_bad_arguments_are_refused() -> None:
    """Times and callbacks are checked where they are given."""
    limiter = Limiter(1)
    for call in (lambda: limiter.acquire(timeout=-1), lambda: limiter.acquire(timeout=math.nan), lambda: limiter.pause(-1)):
        with pytest.raises(ValueError, match="seconds must be|timeout must be"):
            call()
    with pytest.raises(TypeError, match="callback must be a function of nothing, not None"):
        limiter.line_up(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a rate limit is a RateLimit or a number per second"):
        Limiter("10")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cannot be pickled; send its RateLimit"):
        pickle.dumps(limiter)
    assert limiter.statistics().waiting == 0


def test_a_start_at_once_passes_nobody_by() -> None:
    """Who starts at once does so only if nobody has been waiting for it."""
    with MockClock() as clock:
        limiter = Limiter(RateLimit(1.0, burst=5))
        place = limiter.line_up(nothing)
        assert limiter.start(clock.now()) == math.inf
        assert place.grant(clock.now()) == 0.0
        limiter.started(clock.now())
        assert limiter.start(clock.now()) == 0.0
        assert limiter.statistics().level == 2.0


def test_a_look_lets_nothing_start() -> None:
    """It says what a grant would, as often as it is asked."""
    limiter = Limiter(RateLimit(4.0))
    assert [limiter.look(1.0), limiter.look(1.0), limiter.grant(1.0), limiter.look(1.0)] == [0.0, 0.0, 0.0, math.inf]
    limiter.started(1.0)
    assert [limiter.look(1.0), limiter.look(1.25)] == [0.25, 0.0]
    assert limiter.statistics().granted == 1


# --- Pauses ---------------------------------------------------------------------------------------------------------


def test_nothing_starts_in_a_pause() -> None:
    """Who waits is let in when the pause ends, or is ended."""
    with MockClock(autojump=True) as clock:
        limiter = Limiter(10)
        limiter.pause(5.0)
        limiter.pause(2.0)
        assert not limiter.try_acquire()
        assert limiter.statistics().paused_seconds == 5.0
        limiter.acquire()
        assert clock.now() == 5.0
        limiter.pause()
        assert not limiter.acquire(timeout=1000)
        limiter.resume()
        assert limiter.try_acquire()


def test_a_pause_may_count_from_any_time() -> None:
    """A scheduler with a clock of its own says from when a pause counts."""
    limiter = Limiter(10)
    limiter.pause(5.0, now=100.0)
    assert limiter.grant(103.0) == 2.0
    assert limiter.grant(105.0) == 0.0


def test_resuming_lets_in_who_waits() -> None:
    """A thread that waits in a pause without an end is called when it is over."""
    limiter = Limiter(1000)
    limiter.pause()
    waiter = threading.Thread(target=limiter.acquire)
    waiter.start()
    while not limiter.statistics().waiting:
        time.sleep(0)
    limiter.resume()
    waiter.join(60)
    assert not waiter.is_alive()
    assert limiter.statistics().granted == 1


# --- For schedulers -------------------------------------------------------------------------------------------------


def test_a_grant_counts_until_its_start_is_reported() -> None:
    """Only when the first is known to have begun is it known when the second may."""
    limiter = Limiter(10)
    assert limiter.grant(0.0) == 0.0
    assert limiter.grant(50.0) == math.inf
    limiter.started(50.0)
    assert limiter.grant(50.0) == pytest.approx(0.1)
    assert limiter.grant(50.1) == 0.0
    limiter.withdraw()
    assert limiter.grant(50.1) == 0.0


def test_reports_without_a_grant_are_refused() -> None:
    """A start that nobody was granted shows an error of the caller's."""
    limiter = Limiter(10)
    for call in (limiter.withdraw, functools.partial(limiter.started, 1.0)):
        with pytest.raises(RuntimeError, match="report each grant once"):
            call()
    assert limiter.try_acquire()


def test_who_came_first_is_served_first() -> None:
    """Only the first place in line is granted, and nobody passes by; each is called when it becomes the first."""
    limiter, called = Limiter(1), list[str]()
    first, second = (limiter.line_up(functools.partial(called.append, name)) for name in ("first", "second"))
    assert second.grant(0.0) == limiter.grant(0.0) == math.inf
    assert not limiter.try_acquire()
    assert called == []
    assert first.grant(0.0) == 0.0
    assert called == ["second"]
    assert second.grant(0.0) == math.inf
    limiter.started(0.0)
    assert called == ["second", "second"]
    assert second.grant(0.5) == 0.5
    assert second.grant(1.0) == 0.0
    assert first.grant(9.0) == math.inf, "a place is granted once"


def test_a_place_that_is_left_makes_way() -> None:
    """Leaving calls who is the first then, and only if that is somebody new."""
    limiter, called = Limiter(1), list[str]()
    places = [limiter.line_up(functools.partial(called.append, name)) for name in "abc"]
    places[1].leave()
    assert called == []
    places[0].leave()
    places[0].leave()
    assert called == ["c"]
    assert limiter.statistics().waiting == 1
    places[2].leave()
    assert limiter.try_acquire()


def test_events_call_the_first_in_line() -> None:
    """A start, a withdrawal and the end of a pause each tell the first to ask again."""
    limiter, called = Limiter(RateLimit(1, burst=3)), list[int]()
    assert limiter.grant(0.0) == limiter.grant(0.0) == 0.0
    place = limiter.line_up(lambda: called.append(1))
    limiter.started(0.0)
    limiter.withdraw()
    limiter.pause(5.0)
    limiter.resume()
    assert called == [1, 1, 1]
    place.leave()


def test_callbacks_are_called_without_the_lock() -> None:
    """Another thread can use the limiter while a callback runs."""
    limiter, outcomes = Limiter(RateLimit(1, burst=2)), list[list[bool]]()

    def callback() -> None:
        if not outcomes:
            outcomes.append([])
            outcomes.append(together([lambda: limiter.statistics().pending == 0.0]))

    assert limiter.grant(0.0) == 0.0
    place = limiter.line_up(callback)
    limiter.withdraw()
    assert outcomes == [[], [True]]
    place.leave()


# --- Several at once ------------------------------------------------------------------------------------------------


def test_all_of_some_limiters_or_none() -> None:
    """A start takes from each limiter; where one has no room, nothing is taken from the others."""
    with MockClock() as clock:
        requests, tokens = Limiter(RateLimit(2, burst=2)), Limiter(RateLimit(64, burst=100))
        both = Limiter.all(requests, tokens)
        assert both.limits == (RateLimit(2, burst=2), RateLimit(64, burst=100))
        assert both.try_acquire((1, 80))
        assert not both.try_acquire((1, 36))
        assert requests.statistics().level == 1.0
        clock.advance(0.25)
        assert both.try_acquire((1, 36))
        assert tokens.statistics().level == 100.0
        assert repr(both).startswith("Limiter.all(RateLimit(count=2")


def test_a_combination_reports_to_all() -> None:
    """Grants, starts, withdrawals and pauses of a combination are those of each part."""
    parts = Limiter(RateLimit(1, burst=5)), Limiter(RateLimit(2, burst=7))
    both = Limiter.all(*parts)
    assert both.grant(0.0, (2, 3)) == both.grant(0.0, (3, 4)) == 0.0
    assert both.grant(0.0, 1) == math.inf
    both.started(0.0, (2, 3))
    both.withdraw((3, 4))
    both.pause(math.inf)
    assert [part.statistics().paused_seconds for part in parts] == [math.inf] * 2
    assert both.statistics() == LimiterStatistics(granted=2, withdrawn=1, waiting=0, pending=0.0, level=0.0, paused_seconds=math.inf)
    both.resume()
    assert both.grant(0.0, (5, 3)) == 2.0


def test_a_combination_waits_in_every_line() -> None:
    """Who waits for all holds its turn in each, and who came before it in one goes first."""
    one, other = Limiter(1), Limiter(1)
    ahead = other.line_up(nothing)
    called: list[int] = []
    combined = Limiter.all(one, other).line_up(lambda: called.append(1))
    behind = one.line_up(nothing)
    assert behind.grant(0.0) == combined.grant(0.0) == math.inf
    ahead.leave()
    assert called == [1]
    assert combined.grant(0.0) == 0.0
    assert one.statistics().pending == other.statistics().pending == 1.0
    behind.leave()


def test_combinations_combine() -> None:
    """A combination of combinations has all their parts, each once."""
    one, two, three = Limiter(1), Limiter(2), Limiter(3)
    assert Limiter.all(Limiter.all(one, two), three).limits == (RateLimit(1), RateLimit(2), RateLimit(3))
    with pytest.raises(ValueError, match="name each once"):
        Limiter.all(Limiter.all(one, two), one)
    with pytest.raises(TypeError, match="at least one limiter"):
        Limiter.all()


# --- Event loops ----------------------------------------------------------------------------------------------------


def test_coroutines_wait_in_turn() -> None:
    """Coroutines are let in in the order in which they came, each at its time."""
    starts: list[tuple[int, float]] = []

    async def start(limiter: Limiter, index: int, clock: MockClock) -> None:
        assert await limiter.acquire_async()
        starts.append((index, clock.now()))

    async def many(limiter: Limiter, clock: MockClock) -> None:
        async with asyncio.TaskGroup() as tasks:
            for index in range(5):
                tasks.create_task(start(limiter, index, clock))

    with MockClock(autojump=True) as clock:
        asyncio.run(many(Limiter(10), clock))
    assert [index for index, _ in starts] == [0, 1, 2, 3, 4]
    assert [time for _, time in starts] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_a_coroutine_that_is_cancelled_makes_way() -> None:
    """A cancelled wait uses up nothing and leaves the line, and who comes behind is let in."""

    async def scenario(limiter: Limiter, clock: MockClock) -> None:
        limiter.try_acquire()
        waits = [asyncio.create_task(limiter.acquire_async()) for _ in range(2)]
        while limiter.statistics().waiting < 2:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)
        waits[0].cancel()
        await asyncio.wait(waits[:1])
        assert limiter.statistics().waiting == 1
        clock.advance(1.0)
        assert await waits[1]
        assert waits[0].cancelled()
        assert not await limiter.acquire_async(timeout=0)

    with MockClock() as clock:
        asyncio.run(asyncio.wait_for(scenario(Limiter(1), clock), 60))


def test_a_limiter_serves_loops_and_threads_together() -> None:
    """Two event loops and two threads share one limiter in real time, and every window keeps to it."""
    limiter, starts = Limiter(RateLimit(500, burst=2)), list[tuple[float, float]]()

    async def coroutine() -> None:
        for _ in range(5):
            await limiter.acquire_async()
            starts.append((time.monotonic(), 1.0))

    async def loop() -> None:
        await asyncio.gather(coroutine(), coroutine())

    def thread() -> None:
        for _ in range(10):
            limiter.acquire()

    began = time.monotonic()
    together([lambda: asyncio.run(loop()), lambda: asyncio.run(loop()), thread, thread])
    assert time.monotonic() - began >= 38 / 500
    assert limiter.statistics().granted == 40
    assert limiter.statistics().waiting == 0
    assert len(starts) == 20


def test_a_loop_that_is_gone_is_not_called() -> None:
    """A place whose event loop was closed does not disturb who reports a start."""
    limiter = Limiter(1)
    assert limiter.grant(0.0) == 0.0
    coroutine: Any = limiter.acquire_async()

    async def begin() -> None:
        coroutine.send(None)

    asyncio.run(begin())
    limiter.started(0.0)
    coroutine.close()
    assert limiter.statistics().waiting == 0


# --- Many threads ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("eager_switching")
def test_threads_never_exceed_a_window() -> None:
    """Eight threads take grants, stall, start and report late: the true starts keep to the limit in every window."""
    limit = RateLimit(20_000, burst=4)
    limiter, starts = Limiter(limit), list[tuple[float, float]]()

    def run(index: int) -> None:
        n_starts = 0
        while n_starts < 150:
            now = time.monotonic()
            if limiter.grant(now) > 0:
                continue
            if n_starts % 7 == index % 7:
                time.sleep(0)
            if n_starts % 11 == 3:
                limiter.withdraw()
            else:
                began = time.monotonic()
                starts.append((began, 1.0))
                time.sleep(0)
                limiter.started(began)
            n_starts += 1

    together(functools.partial(run, index) for index in range(8))
    statistics = limiter.statistics()
    assert statistics.granted == 1200 and statistics.granted - statistics.withdrawn == len(starts)
    assert statistics.pending == 0.0
    assert excess(starts, limit) <= 1e-6


@pytest.mark.usefixtures("eager_switching")
def test_threads_that_wait_are_all_served() -> None:
    """No wake-up is lost: every thread that lines up again and again gets all its turns, by two limiters that overlap."""
    one, other = Limiter(RateLimit(1e5, burst=2)), Limiter(RateLimit(1e5, burst=3))
    limiters = [one, other, Limiter.all(one, other), Limiter.all(other, one)]

    def run(limiter: Limiter) -> None:
        for _ in range(100):
            assert limiter.acquire()

    together(functools.partial(run, limiter) for limiter in limiters * 2)
    assert one.statistics().granted == other.statistics().granted == 600
    assert one.statistics().waiting == other.statistics().waiting == 0


@pytest.mark.usefixtures("eager_switching")
def test_schedulers_that_wait_to_be_called_are_called() -> None:
    """Threads that ask only when called, as a scheduler does, and report from another thread all finish."""
    limiter = Limiter(RateLimit(1e5, burst=2))
    served: Counter[int] = Counter()

    def run(index: int) -> None:
        for _ in range(100):
            called = threading.Event()
            place = limiter.line_up(called.set)
            while wait := place.grant(time.monotonic()):
                assert called.wait(None if wait == math.inf else wait) or wait < math.inf
                called.clear()
            began = time.monotonic()
            threading.Thread(target=limiter.started, args=(began,)).start()
            served[index] += 1

    together(functools.partial(run, index) for index in range(4))
    assert served == Counter(dict.fromkeys(range(4), 100))


# --- What comes in the middle ---------------------------------------------------------------------------------------


def test_a_report_in_the_middle_of_a_change_is_kept() -> None:
    """A finalizer that reports while its own thread changes the bucket is not overwritten."""
    gate = Gate(RateLimit(1, burst=3))
    gate.bucket = gate.bucket.granted(1.0)
    interrupts = iter([1])

    def granted(bucket: Bucket, cost: float) -> Bucket:
        for _ in interrupts:
            gate.change(Bucket.withdrawn, 1.0)
        return bucket.granted(cost)

    gate.change(granted, 2.0)
    assert (gate.bucket.pending, gate.bucket.n_pending) == (2.0, 1)


def test_an_interrupt_in_the_middle_of_a_grant_gives_it_back() -> None:
    """When Ctrl-C comes while a grant is under way nobody will report it, so it is undone."""
    limiter = Limiter(1)

    def interrupt() -> None:
        raise KeyboardInterrupt

    first = limiter.line_up(nothing)
    second = limiter.line_up(interrupt)  # called as the next in line before the first hears of its grant
    with pytest.raises(KeyboardInterrupt):
        first.grant(0.0)
    assert limiter.statistics().pending == 0.0
    second.leave()
    assert limiter.grant(0.0) == 0.0


def test_finalizers_may_use_the_limiter() -> None:
    """A limiter that is used by a finalizer inside one of its own calls does not block."""
    limiter = Limiter(RateLimit(1, burst=2))
    assert limiter.grant(0.0) == 0.0

    class Finalized:
        def __del__(self) -> None:
            limiter.withdraw()

    with lock():
        Finalized()
        garbage.collect()
    assert limiter.statistics().pending == 0.0


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_finds_no_locked_limiter() -> None:
    """A child that was forked while another thread held the lock can use limiters."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with lock():
            entered.set()
            leave.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(60)
    limiter = Limiter(1)
    child = os.fork()
    if child == 0:
        os._exit(7 if limiter.try_acquire() and not limiter.try_acquire() else 1)
    leave.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def in_a_child(live: Callable[[], object]) -> None:
    """Have a forked child do something, which has to come to its end."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            live()
            status = 7
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_finds_nobody_in_line() -> None:
    """Whoever waited, or was let in and has not started, is the parent's; what has started still counts."""
    limiter = Limiter(RateLimit(1e-3, burst=3))
    assert limiter.try_acquire()
    assert limiter.grant(time.monotonic()) == 0.0
    ahead = limiter.line_up(nothing)

    def live() -> None:
        before = limiter.statistics()
        assert (before.waiting, before.pending, round(before.level)) == (0, 0.0, 1)
        assert limiter.acquire(timeout=0) and limiter.acquire(timeout=0)
        assert not limiter.try_acquire()

    in_a_child(live)
    assert limiter.statistics().waiting == 1
    assert limiter.statistics().pending == 1.0
    ahead.leave()
    assert limiter.try_acquire()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_what_goes_on_in_a_forked_child_takes_its_place_anew() -> None:
    """A place in line is taken again by who asks for it, behind those who have come before; what is reported is no error."""
    now = time.monotonic()
    limiter = Limiter.all(Limiter(RateLimit(1e-3, burst=2)), Limiter(RateLimit(1e-3, burst=2)))
    assert limiter.grant(now) == 0.0
    assert limiter.grant(now) == 0.0
    limiter.line_up(nothing)
    place = limiter.line_up(nothing)
    assert place.grant(now) == math.inf

    def live() -> None:
        other = limiter.line_up(nothing)
        assert place.grant(now) == math.inf
        assert other.grant(now) == 0.0
        limiter.started(now)
        assert place.grant(now) == 0.0
        limiter.withdraw()
        limiter.withdraw()
        limiter.started(now)
        assert limiter.statistics().level > 0
        assert limiter.statistics().waiting == 0

    in_a_child(live)
    limiter.withdraw()
    limiter.withdraw()
    with pytest.raises(RuntimeError, match="nothing that was granted"):
        limiter.withdraw()


# --- Any course of events -------------------------------------------------------------------------------------------

EVENTS = st.lists(st.tuples(st.sampled_from(["join", "leave", "ask", "report", "withdraw"]), st.integers(0, 5), st.floats(0, 2)), max_size=50)


@given(EVENTS, st.sampled_from([1.0, 2.5, 4.0]))
def test_the_first_in_line_always_gets_in(events: list[tuple[str, int, float]], burst: float) -> None:
    """Whatever happened, once everything is reported the line drains in order, each told when to ask or called before."""
    limit = RateLimit(2, burst=burst)
    limiter, now = Limiter(limit), 100.0
    numbers, line, granted = itertools.count(), dict[int, Any](), 0
    starts: list[tuple[float, float]] = []
    for event, which, gap in events:
        now += gap
        chosen = sorted(line)[which % len(line)] if line else None
        if event == "join":
            line[next(numbers)] = limiter.line_up(nothing)
        elif event == "leave" and chosen is not None:
            line.pop(chosen).leave()
        elif event == "ask" and chosen is not None and line[chosen].grant(now) == 0:
            assert chosen == min(line)
            del line[chosen]
            granted += 1
        elif event == "report" and granted:
            limiter.started(now)
            starts.append((now, 1.0))
            granted -= 1
        elif event == "withdraw" and granted:
            limiter.withdraw()
            granted -= 1
    for _ in range(granted):
        limiter.withdraw()
    for index in sorted(line):
        now += line[index].grant(now)
        assert line[index].grant(now) in (0.0, math.inf)
        assert limiter.statistics().pending == 1.0
        limiter.started(now)
        starts.append((now, 1.0))
    assert limiter.statistics().waiting == 0
    assert excess(starts, limit) <= 1e-9
