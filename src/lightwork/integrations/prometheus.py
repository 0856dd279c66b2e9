"""Metrics and statistics for Prometheus, by way of ``prometheus-client``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from lightwork._core import items, tallies
from lightwork._core.statistics import PoolStatistics
from lightwork.tasks.metrics import Metrics
from lightwork.tasks.pool import Pool

__all__ = ["MetricsCollector"]

Family = TypeVar("Family", GaugeMetricFamily, CounterMetricFamily)


class MetricsCollector(Collector):
    """
    Tells Prometheus what pools did, the default ones and any others that it is given, and how functions do that some metrics measure.

    Nothing is counted for its sake: it reads what is there when it is asked.

    Parameters
    ----------
    metrics : Metrics, optional
        What measures functions.
    pools : mapping of str to Pool, optional
        Pools of one's own, by the labels that they get beside ``arrays`` and ``items``.

    Examples
    --------
    >>> import lightwork as lw
    >>> from prometheus_client import CollectorRegistry
    >>> from lightwork.integrations.prometheus import MetricsCollector
    >>> metrics = lw.Metrics()
    >>> registry = CollectorRegistry()
    >>> registry.register(MetricsCollector(metrics))
    >>> result = lw.parallel_map(int, ["1", "x"], metrics=metrics)
    >>> registry.get_sample_value("lightwork_call_failures_total", {"function": "builtins.int"})
    1
    """

    def __init__(self, metrics: Metrics | None = None, pools: Mapping[str, Pool] | None = None) -> None:
        self._metrics = metrics
        self._own: dict[str, Pool] = {} if pools is None else dict(pools)

    def describe(self) -> Iterator[Metric]:
        """Say nothing: what there will be depends on the functions."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield what there is."""
        own = {name: mine.statistics() for name, mine in self._own.items()}
        yield from _pools({"arrays": tallies.statistics(), "items": items.statistics(), **own})
        if self._metrics is not None:
            yield from _functions(self._metrics)


# Each with the statistic that it tells, and what is said of it.
GAUGES = (
    ("threads", "n_threads", "Threads that there are."),
    ("waiting_calls", "waiting", "Submitted calls that nobody has begun."),
    ("running_calls", "running", "Submitted calls that are being made."),
)
COUNTERS = (
    ("chunks", "chunks", "Chunks run."),
    ("stolen_chunks", "stolen", "Chunks that were stolen."),
    ("tasks", "tasks", "Tasks begun."),
    ("busy_seconds", "busy_seconds", "Seconds that workers spent in jobs and tasks."),
    ("idle_seconds", "idle_seconds", "Seconds that workers spent without."),
    ("submitted_calls", "submitted", "Calls that were submitted."),
    ("started_calls", "started", "Submitted calls that were begun."),
    ("finished_calls", "finished", "Submitted calls that have ended, by a value or by an exception."),
    ("failed_calls", "failed", "Submitted calls that have raised."),
    ("cancelled_calls", "cancelled", "Submitted calls that were cancelled before anybody began them."),
    ("queue_seconds", "queue_seconds", "Seconds that submitted calls waited until somebody began them."),
    ("run_seconds", "run_seconds", "Seconds that submitted calls took."),
    ("items", "items", "Items that calls over items have finished."),
    ("failed_items", "failed_items", "Items that failed for good."),
    ("retries", "retried", "Attempts at items that were made again."),
    ("throttled", "throttled", "How often a limiter held up a call over items."),
)


def _pools(pools: Mapping[str, PoolStatistics]) -> Iterator[Metric]:
    for name, attribute, text in GAUGES:
        yield _family(GaugeMetricFamily(f"lightwork_{name}", text, labels=["pool"]), attribute, pools)
    for name, attribute, text in COUNTERS:
        yield _family(CounterMetricFamily(f"lightwork_{name}", text, labels=["pool"]), attribute, pools)


def _family(family: Family, attribute: str, pools: Mapping[str, PoolStatistics]) -> Family:
    for name, statistics in pools.items():
        family.add_metric([name], getattr(statistics, attribute))
    return family


def _functions(metrics: Metrics) -> Iterator[Metric]:
    calls = SummaryMetricFamily("lightwork_call_seconds", "Calls of a function, and the seconds that they took together.", labels=["function"])
    failures = CounterMetricFamily("lightwork_call_failures", "Calls of a function that raised.", labels=["function"])
    quantiles = GaugeMetricFamily("lightwork_call_quantile_seconds", "Within which a share of its calls ended.", labels=["function", "quantile"])
    for name, measured in metrics.functions().items():
        calls.add_metric([name], measured.total, measured.seconds)
        failures.add_metric([name], measured.failed)
        for share, seconds in measured.quantiles.items():
            quantiles.add_metric([name, str(share)], seconds)
    yield from (calls, failures, quantiles)
