"""What a server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The figures of one server; no label holds anything that a client may choose.

    `queue` gives how many requests run and how many wait, `cache` how many tokens were looked for in the prefix cache
    and how many found.
    """

    def __init__(
        self, model: str, queue: Callable[[], tuple[int, int]], cache: Callable[[], tuple[int, int]] | None
    ) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge("cwm_model_info", "The model that is served.", ["model"], registry=registry).labels(model).set(1)
        self._requests = Counter(
            "cwm_requests", "Requests, by route and status of the answer.", ["route", "status"], registry=registry
        )
        self._latency = Histogram(
            "cwm_request_seconds", "From header to answer.", ["route"], buckets=_SECONDS, registry=registry
        )
        self._queued = Histogram(
            "cwm_queue_seconds", "What completions waited for a free place.", buckets=_SECONDS, registry=registry
        )
        self._worked = Histogram(
            "cwm_engine_seconds",
            "From a completion's place to its answer, other requests' turns included.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._read = Counter("cwm_prompt_tokens", "Tokens of prompts, cached ones included.", registry=registry)
        self._written = Counter("cwm_generated_tokens", "Tokens that were generated.", registry=registry)
        self._cancelled = Counter("cwm_cancelled_requests", "Requests whose client went away.", registry=registry)
        registry.register(_Live(queue, cache))

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def completed(self, read: int, written: int, waited: float, worked: float) -> None:
        """Count a completion's tokens and seconds."""
        self._read.inc(read)
        self._written.inc(written)
        self._queued.observe(waited)
        self._worked.observe(worked)

    def cancelled(self) -> None:
        """Count a client that went away."""
        self._cancelled.inc()

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Live(Collector):
    """What is asked for when somebody looks."""

    def __init__(self, queue: Callable[[], tuple[int, int]], cache: Callable[[], tuple[int, int]] | None) -> None:
        self._queue = queue
        self._cache = cache

    def collect(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        """See `Collector`."""
        running, waiting = self._queue()
        found: list[GaugeMetricFamily | CounterMetricFamily] = [
            GaugeMetricFamily("cwm_requests_running", "Requests that share the engine.", value=running),
            GaugeMetricFamily("cwm_requests_waiting", "Requests in the queue.", value=waiting),
        ]
        if self._cache is not None:
            asked, hit = self._cache()
            found.append(
                CounterMetricFamily("cwm_prefix_cache_queries", "Tokens looked for in the prefix cache.", value=asked)
            )
            found.append(CounterMetricFamily("cwm_prefix_cache_hits", "Tokens found in the prefix cache.", value=hit))
        return found
