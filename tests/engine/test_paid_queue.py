"""Workers that go on by themselves as long as the limiter lets them: every start is paid for, when it begins."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples
from windows import excess

import lightwork as lw
from lightwork.policies.turnstile import Costs, Place, Turnstile
from lightwork.testing import MockClock


def neg(item: int) -> int:
    """Return the negative."""
    return -item


class Items:
    """A function of items that take some time by a clock, and notes when each began."""

    def __init__(self, clock: MockClock, seconds: list[float]) -> None:
        self.clock = clock
        self.seconds = seconds
        self.starts: list[float] = []

    def __call__(self, item: int) -> int:
        self.starts.append(self.clock.now())
        self.clock.advance(self.seconds[item % len(self.seconds)])
        return item


@examples(60)
@given(
    st.builds(lw.RateLimit, st.sampled_from([1.0, 7.0, 1000.0]), burst=st.sampled_from([1.0, 2.5, 64.0])),
    st.lists(st.sampled_from([0.0, 0.0, 1e-6, 1e-3, 0.3]), min_size=1, max_size=6),
    st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=4),
    st.none() | st.integers(1, 9),
)
def test_items_start_as_soon_as_the_limit_allows_and_no_sooner(
    limit: lw.RateLimit, seconds: list[float], costs: list[float], chunk_size: int | None
) -> None:
    """By a clock that stands still between them, one worker begins each item exactly when a thread with the limiter alone would."""
    n_items = 40
    with MockClock(autojump=True) as clock:
        items = Items(clock, seconds)
        lw.parallel_map(
            items, range(n_items), executor="serial", rate_limit=limit, chunk_size=chunk_size, cost=lambda item: costs[item % len(costs)]
        ).values()
    with MockClock(autojump=True) as clock:
        alone, limiter = Items(clock, seconds), lw.Limiter(limit)
        for item in range(n_items):
            limiter.acquire(cost=costs[item % len(costs)])
            alone(item)
    assert items.starts == pytest.approx(alone.starts, abs=1e-9)
    assert excess([(start, costs[i % len(costs)]) for i, start in enumerate(items.starts)], limit) <= 1e-6


@pytest.fixture
def paid(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """What was reported to any limiter as a start: when, and what it counted for."""
    starts: list[tuple[float, float]] = []

    def noted(method: Callable[..., Any], first: int) -> Callable[..., Any]:
        def call(turnstile: Turnstile, *arguments: Any) -> Any:
            wait = method(turnstile, *arguments)
            now, [(_, cost)] = arguments[first:]
            if not wait:
                starts.append((now, cost))
            return wait

        return call

    monkeypatch.setattr(Turnstile, "start", noted(Turnstile.start, 1))
    monkeypatch.setattr(Turnstile, "started", noted(Turnstile.started, 0))
    return starts


@pytest.mark.usefixtures("eager_switching")
@pytest.mark.parametrize("options", [{}, {"workers": 4}, {"workers": 4, "chunk_size": 7}, {"workers": 1}, {"workers": 4, "window": 9}], ids=str)
@pytest.mark.parametrize("burst", [1, 3, 50])
def test_every_attempt_is_paid_for_once(paid: list[tuple[float, float]], burst: int, options: dict[str, Any]) -> None:
    """Also those of items that fail, were given back, or follow another at once; and as stamped, no window has more than its share."""
    limit = lw.RateLimit(20_000, burst=burst)
    limiter = lw.Limiter(limit)
    attempts: Counter[int] = Counter()
    lock = threading.Lock()

    def work(item: int) -> int:
        with lock:
            attempts[item] += 1
            fails = item % 10 == 3 and attempts[item] == 1
        if fails:
            raise ConnectionError
        return -item

    result = lw.parallel_map(work, range(300), rate_limit=limiter, retry=lw.Retry(2, backoff=0.0), **options)
    assert result.values() == [-i for i in range(300)]
    assert len(paid) == attempts.total() == 330
    assert limiter.statistics().pending == 0
    assert excess(paid, limit) <= 1e-6


def test_a_worker_goes_on_without_asking_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is room, items are paid for one after the other, by who runs them."""
    n_paid: list[Costs] = []
    start = Turnstile.start

    def noted(turnstile: Turnstile, place: Place | None, now: float, costs: Costs) -> float:
        n_paid.append(costs)
        return start(turnstile, place, now, costs)

    monkeypatch.setattr(Turnstile, "start", noted)
    for burst in (1, 2000):
        n_paid.clear()
        lw.parallel_map(neg, range(2000), workers=2, rate_limit=lw.RateLimit(1e12, burst=burst), chunk_size=100).values()
        assert len(n_paid) >= 1000  # nearly all, where nobody disturbs


def test_a_pause_holds_for_what_a_worker_has_in_hand() -> None:
    """An item that pauses the limiter is the last for so long."""
    with MockClock(autojump=True) as clock:
        limiter = lw.Limiter(lw.RateLimit(1000.0, burst=100))
        starts: list[float] = []

        def work(item: int) -> None:
            starts.append(clock.now())
            if item == 4:
                limiter.pause(60.0)

        lw.parallel_map(work, range(8), executor="serial", chunk_size=8, rate_limit=limiter).values()
    assert starts == [0.0] * 5 + [60.0] * 3
