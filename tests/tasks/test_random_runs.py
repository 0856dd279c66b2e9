"""Runs of all kinds at the same time, sharing a limiter, an executor and the threads: each ends, with every value."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from threads import together

import lightwork as lw

N_RUNS = 60


def fails_at_first(fails: set[int]) -> Callable[[int], int]:
    """Return a function that fails at its first call with some items."""

    def work(item: int) -> int:
        if item in fails:
            fails.discard(item)
            raise ValueError(item)
        return -item

    return work


def options_for(draw: random.Random, limiter: lw.Limiter, executor: ThreadPoolExecutor) -> dict[str, Any]:
    """Draw some options."""
    options: dict[str, Any] = {
        "workers": draw.choice([1, 2, 3, 8]),
        "retry": lw.Retry(3, backoff=draw.choice([0.0, 0.0005]), when=draw.choice(["now", "end"])),
    }
    others = {"window": draw.randrange(1, 20), "chunk_size": draw.randrange(1, 20), "rate_limit": limiter, "task_timeout": 60, "executor": executor}
    return options | {name: value for name, value in others.items() if draw.random() < 0.3}


def run_once(draw: random.Random, limiter: lw.Limiter, executor: ThreadPoolExecutor) -> None:
    """Run some items in some way, and look at what came of them; or leave them."""
    n_items = draw.randrange(200)
    work = fails_at_first(set(draw.sample(range(n_items), n_items // 10)))
    items = range(n_items) if draw.random() < 0.5 else iter(range(n_items))
    options = options_for(draw, limiter, executor)
    expected = [-i for i in range(n_items)]
    way = draw.choice(["map", "ordered", "stream", "leave"])
    if way == "map":
        assert list(lw.parallel_map(work, items, **options)) == expected
    elif way == "leave":
        for _ in lw.parallel_iter(work, items, **options):
            if draw.random() < 0.1:
                break
    else:
        values = [result.unwrap() for result in lw.parallel_iter(work, items, ordered=way == "ordered", **options)]
        assert (values if way == "ordered" else sorted(values, reverse=True)) == expected


def run_many(seed: int, limiter: lw.Limiter, executor: ThreadPoolExecutor) -> None:
    """Run one after the other."""
    draw = random.Random(seed)
    for _ in range(N_RUNS):
        run_once(draw, limiter, executor)


@pytest.mark.usefixtures("eager_switching")
@pytest.mark.parametrize("seed", [1, 2])
def test_runs_of_all_kinds_end_side_by_side(seed: int) -> None:
    """None waits for ever for what another has, and nothing is lost or done twice."""
    limiter = lw.Limiter(lw.RateLimit(20_000, burst=5))
    with ThreadPoolExecutor(3) as executor:
        together(partial(run_many, 3 * seed + i, limiter, executor) for i in range(3))
    assert limiter.statistics().pending == 0
