"""/health, /ready and Prometheus's /metrics of a consumer process."""

from __future__ import annotations

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from trackstream_api.listening import AddressInUse, url_of
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client.core import Metric

    from trackstream_api.log_watch import LogWatch
    from trackstream_consumers.consumer import Consumer
    from trackstream_consumers.metric_defs import MetricName, PartitionMetricName

logger = logging.getLogger(__name__)

_PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_ABOUT: dict[MetricName, str] = {
    "trackstream_records_projected_total": "Records taken off the log and projected or given up",
    "trackstream_rows_projected_total": "Rows written by way of them",
    "trackstream_flushes_total": "Batches written",
    "trackstream_flush_seconds_total": "Seconds spent writing them",
    "trackstream_last_flush_seconds": "Seconds that the last batch took to write",
    "trackstream_batch_records": "Records in the last batch",
    "trackstream_dead_letters_total": "Records given up",
    "trackstream_records_lost_total": "Records removed from the log unprojected, gone over on request",
    "trackstream_retries_total": "Attempts that failed because a store or the log could not be reached",
    "trackstream_lag_seconds": "Age of the oldest record that was read and is not yet projected",
    "trackstream_consumer_up": "1 while the consumer runs",
}
_LAG: PartitionMetricName = "trackstream_partition_lag_records"
_POSITION: PartitionMetricName = "trackstream_partition_position"


class ConsumerHealth:
    """Serves from a thread of its own until `close`. Raises AddressInUse where the port is taken.

    /health answers 200 while every consumer runs, whether or not its stores can be reached (it waits for
    them, and `status` is then "degraded"), and 503 once one has failed. /ready answers 503 then too.
    """

    def __init__(self, consumers: Sequence[Consumer], watch: LogWatch, host: str, port: int) -> None:
        self._consumers = consumers
        registry = CollectorRegistry()
        registry.register(_ProgressCollector(consumers, watch))
        health = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path in ("/health", "/ready"):
                    status, body = health.report(ready=self.path == "/ready")
                    self._answer(status, "application/json", json.dumps(body).encode())
                elif self.path == "/metrics":
                    self._answer(200, _PROMETHEUS_TEXT, generate_latest(registry))
                else:
                    self._answer(404, "text/plain", b"there are /health, /ready and /metrics\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                logger.debug(format, *arguments)

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise AddressInUse(f"cannot listen on {host} port {port}: {error.strerror}") from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="trackstream-health", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return url_of(self._server.socket)

    def report(self, ready: bool = False) -> tuple[int, dict[str, object]]:
        """Return the status and the body of /health, or of /ready."""
        states = {}
        for consumer in self._consumers:
            now = consumer.progress.snapshot()
            states[consumer.projector.name] = {
                "state": now.state,
                "partitions": len(now.positions),
                "failure": str(now.failure) if now.failure else None,
                "waits_for": now.trouble,
                "last_error": now.last_error,
            }
        failed = any(state["state"] == "failed" for state in states.values())
        waits = any(state["waits_for"] for state in states.values())
        status = "failed" if failed else "degraded" if waits else "ok"
        return (503 if failed or (ready and waits) else 200), {"status": status, "projectors": states}

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _ProgressCollector:
    """Asks the consumers when scraped."""

    def __init__(self, consumers: Sequence[Consumer], watch: LogWatch) -> None:
        self._consumers = consumers
        self._watch = watch

    def describe(self) -> Iterable[Metric]:
        # Without this the registry would ask the log when the collector is registered.
        return ()

    def collect(self) -> Iterable[Metric]:
        now = {consumer.projector.name: consumer.progress.snapshot() for consumer in self._consumers}
        for name, about in _ABOUT.items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(name.removesuffix("_total"), about, labels=["projector"])
            for projector, snapshot in now.items():
                family.add_metric([projector], snapshot.metrics()[name])
            yield family
        labels = ["projector", "topic", "partition"]
        lag = GaugeMetricFamily(_LAG, "Records on the log that are not projected", labels=labels)
        position = GaugeMetricFamily(_POSITION, "First offset that is not projected", labels=labels)
        try:
            ends = self._watch.ends()
        except TrackstreamError as error:
            logger.warning("the log's ends are not known: %s", error)
            ends = {}
        for projector, snapshot in now.items():
            for at, offset in snapshot.positions.items():
                where = [projector, at.topic, str(at.partition)]
                position.add_metric(where, offset)
                if at in ends:
                    lag.add_metric(where, max(0, ends[at] - offset))
        yield lag
        yield position
