"""Metrics and statistics for Prometheus, by way of ``prometheus-client``."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from lightwork._core import items, pool
from lightwork._core.statistics import PoolStatistics
from lightwork.tasks.metrics import Metrics

__all__ = ["MetricsCollector"]


class MetricsCollector(Collector):
    """
    Tells Prometheus what the default pools did and, if it is given some metrics, how the functions do that are measured by them.

    Nothing is counted for its sake: it reads what is there when it is asked.

    Parameters
    ----------
    metrics : Metrics, optional
        What measures functions.

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

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._metrics = metrics

    def describe(self) -> Iterator[Metric]:
        """Say nothing: what there will be depends on the functions."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield what there is."""
        yield from _pools({"arrays": pool.statistics(), "items": items.statistics()})
        if self._metrics is not None:
            yield from _functions(self._metrics)


def _pools(pools: dict[str, PoolStatistics]) -> Iterator[Metric]:
    threads = GaugeMetricFamily("lightwork_threads", "Threads that there are.", labels=["pool"])
    chunks = CounterMetricFamily("lightwork_chunks", "Chunks run.", labels=["pool"])
    stolen = CounterMetricFamily("lightwork_stolen_chunks", "Chunks that were stolen.", labels=["pool"])
    tasks = CounterMetricFamily("lightwork_tasks", "Tasks begun.", labels=["pool"])
    busy = CounterMetricFamily("lightwork_busy_seconds", "Seconds that workers spent in jobs and tasks.", labels=["pool"])
    idle = CounterMetricFamily("lightwork_idle_seconds", "Seconds that workers spent without.", labels=["pool"])
    for name, statistics in pools.items():
        threads.add_metric([name], statistics.n_threads)
        chunks.add_metric([name], statistics.chunks)
        stolen.add_metric([name], statistics.stolen)
        tasks.add_metric([name], statistics.tasks)
        busy.add_metric([name], sum(worker.busy_seconds for worker in statistics.workers))
        idle.add_metric([name], sum(worker.idle_seconds for worker in statistics.workers))
    yield from (threads, chunks, stolen, tasks, busy, idle)


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
