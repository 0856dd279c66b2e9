"""What Prometheus is told."""

import doctest

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest

import lightwork as lw
from lightwork.integrations import prometheus
from lightwork.integrations.prometheus import MetricsCollector


def registry_of(collector: MetricsCollector) -> CollectorRegistry:
    """Return a registry of its own."""
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


def test_it_tells_what_the_pools_did() -> None:
    """Counters of both default pools, as they are when somebody asks; a chunk more is a chunk more."""
    registry = registry_of(MetricsCollector())
    before = registry.get_sample_value("lightwork_chunks_total", {"pool": "arrays"})
    lw.chunked_map(np.sin, np.arange(10_000.0), chunk_size=100, workers=2)
    after = registry.get_sample_value("lightwork_chunks_total", {"pool": "arrays"})
    assert before is not None
    assert after == before + 100
    lw.submit(int).result(30)
    for name in ("threads", "chunks_total", "stolen_chunks_total", "tasks_total", "busy_seconds_total", "idle_seconds_total"):
        assert registry.get_sample_value(f"lightwork_{name}", {"pool": "items"}) is not None


def test_it_tells_of_pools_of_one_s_own() -> None:
    """Each statistic under its own name, with the label that the pool was given."""
    with lw.Pool(2) as pool:
        registry = registry_of(MetricsCollector(pools={"mine": pool}))
        lw.gather([pool.submit(int, text) for text in ("1", "x", "3")], return_exceptions=True)
        lw.parallel_map(int, ["1", "x"], executor=pool, retry=lw.Retry(2, backoff=0.0))
    statistics = pool.statistics()
    expected = {
        "submitted_calls_total": 3,
        "started_calls_total": 3,
        "finished_calls_total": 3,
        "failed_calls_total": 1,
        "cancelled_calls_total": 0,
        "waiting_calls": 0,
        "running_calls": 0,
        "queue_seconds_total": statistics.queue_seconds,
        "run_seconds_total": statistics.run_seconds,
        "items_total": 2,
        "failed_items_total": 1,
        "retries_total": 1,
        "throttled_total": 0,
        "busy_seconds_total": statistics.busy_seconds,
    }
    assert {name: registry.get_sample_value(f"lightwork_{name}", {"pool": "mine"}) for name in expected} == expected


def test_it_tells_how_functions_do() -> None:
    """Calls, failures, seconds and quantiles, by the function's name."""
    metrics = lw.Metrics()
    registry = registry_of(MetricsCollector(metrics))
    assert registry.get_sample_value("lightwork_call_seconds_count", {"function": "builtins.int"}) is None
    lw.parallel_map(int, ["1", "2", "x"], metrics=metrics)
    labels = {"function": "builtins.int"}
    assert registry.get_sample_value("lightwork_call_seconds_count", labels) == 3
    assert registry.get_sample_value("lightwork_call_failures_total", labels) == 1
    assert registry.get_sample_value("lightwork_call_seconds_sum", labels) == metrics.of(int).seconds
    assert registry.get_sample_value("lightwork_call_quantile_seconds", labels | {"quantile": "0.9"}) == metrics.of(int).quantiles[0.9]


def test_the_format_is_prometheus_s() -> None:
    """What is served can be parsed: the client writes it without complaint."""
    metrics = lw.Metrics()
    lw.parallel_map(int, ["1"], metrics=metrics)
    text = generate_latest(registry_of(MetricsCollector(metrics))).decode()
    assert 'lightwork_call_seconds_count{function="builtins.int"} 1.0' in text


def test_the_example_works() -> None:
    """As it stands in the docstring."""
    assert doctest.testmod(prometheus).failed == 0
