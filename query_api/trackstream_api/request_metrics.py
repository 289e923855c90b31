"""What Prometheus sees of the API: requests, and at each scrape the store's freshness."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from trackstream_api.store import Store

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Exposition:
    """The metrics of one app."""

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self.durations = Histogram(
            "trackstream_request_duration_seconds",
            "Time from a request's arrival to the end of its answer",
            ["method", "route"],
            buckets=_BOUNDS,
            registry=self.registry,
        )
        self.answers = Counter(
            "trackstream_requests", "Answers by status", ["method", "route", "status"], registry=self.registry
        )
        self.registry.register(_StoreCollector(store))

    def text(self) -> bytes:
        """Return the exposition in Prometheus's text format."""
        return generate_latest(self.registry)


class _StoreCollector:
    """Asks the store when scraped."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> Iterable[Metric]:
        # Without this the registry would scrape the store when the collector is registered.
        return ()

    def collect(self) -> Iterable[Metric]:
        behind = GaugeMetricFamily(
            "trackstream_records_behind",
            "Records on the log that a projector has not projected",
            labels=["projector", "topic", "partition"],
        )
        reached = GaugeMetricFamily(
            "trackstream_projected_offset",
            "First offset that a projector has not projected",
            labels=["projector", "topic", "partition"],
        )
        lost = GaugeMetricFamily(
            "trackstream_lost_records",
            "Records that a projector has not projected and the log no longer has",
            labels=["projector", "topic", "partition"],
        )
        for at in self._store.positions():
            labels = [at.projector, at.topic, str(at.partition)]
            behind.add_metric(labels, max(0, at.end - at.next_offset))
            reached.add_metric(labels, at.next_offset)
            lost.add_metric(labels, at.lost)
        yield behind
        yield reached
        yield lost
        lag = GaugeMetricFamily("trackstream_lag_seconds", "Age of the oldest record not yet projected")
        lag.add_metric([], self._store.lag_ms() / 1000)
        yield lag
        with self._store.gate.reading():
            counts = self._store.counts()
        rows = GaugeMetricFamily("trackstream_rows", "Rows as readers see them", labels=["kind"])
        for kind, count in counts._asdict().items():
            rows.add_metric([kind], count)
        yield rows


class RequestMetrics:
    """ASGI middleware that counts and times every request under its route, not its path."""

    def __init__(self, app: ASGIApp, exposition: Exposition) -> None:
        self._app = app
        self._exposition = exposition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            taken = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if route != "unmatched" else "ANY"
            self._exposition.durations.labels(method, route).observe(taken)
            self._exposition.answers.labels(method, route, str(status)).inc()
