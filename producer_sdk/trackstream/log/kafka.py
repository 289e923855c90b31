"""The distributed log: topics of a Kafka cluster."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from trackstream.after_fork import call_in_child
from trackstream.errors import Rejected
from trackstream.log.kafka_client import KafkaClient, PendingAppend
from trackstream_schemas import codec, topics
from trackstream_schemas.confluent_frame import to_frame
from trackstream_schemas.errors import TrackstreamError, Unavailable
from trackstream_schemas.kafka_connection import CONFLUENT, parse_kafka
from trackstream_schemas.kafka_topics import MAX_RECORD_BYTES
from trackstream_schemas.schema_registry import SchemaRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream.log.port import EncodedEvent
    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position

_RECORD_OVERHEAD = 512
"""Bytes that a record may need beside its value and key."""


class KafkaLogWriter:
    """Appends to the topics of the cluster at `uri` (kafka://host:9092[,…][?option=value]).

    An append resolves once all in-sync replicas have all its events. It is not a transaction: after an
    error some of them may be on the log, which repeating the append makes good.

    **Order.** The folds know a repeated event by the highest sequence they have applied of its producer,
    so the events of one key must appear on the log in the order of the appends, at least where each
    appears first: an event that overtook one that was never acknowledged would make the latter's repeat
    look like a repeat. Hence the writer gives up no event by itself: librdkafka tries without end
    (`message.timeout.ms=0`), idempotently, so that retries neither double nor reorder. Where a broker
    refuses an event for good, the client with all that it still holds is ended (`enable.gapless.guarantee`
    keeps later batches of that partition from being stored), all appends that are not acknowledged fail,
    and the next append begins with a new client. So what a client stores of a partition is always a
    beginning of what was appended, and repeats, whichever way they interleave, keep the first
    appearances in order.

    While the cluster is away, appends wait (their futures are pending) up to `max_pending_bytes`; beyond,
    or where a topic is seen for the first time, `append` waits up to `append_timeout` seconds and then
    fails with Unavailable. A topic that does not exist, or a refused log-in, is StorageFailed; an event
    of more than 16 MiB is Rejected.

    Nothing waits for the cluster before the first append. Thread-safe; a forked child connects anew. Raises
    InvalidInput for an address or a setting that is not understood.
    """

    def __init__(
        self,
        uri: str,
        environ: Mapping[str, str] | None = None,
        append_timeout: float = 10.0,
        close_timeout: float = 5.0,
        max_pending_bytes: int = 64 << 20,
    ) -> None:
        """`environ` holds the settings TRACKSTREAM_KAFKA_… (default: this process's environment)."""
        connection = self._connection = parse_kafka(uri, environ)
        self._append_timeout = append_timeout
        self._close_timeout = close_timeout
        self._max_pending_bytes = max_pending_bytes
        self._registry: SchemaRegistry | None = None
        if connection.value_format == CONFLUENT and connection.registry_url is not None:
            self._registry = SchemaRegistry(connection.registry_url, connection.registry_user)
        self._client: KafkaClient | None = None
        self._begin()
        # A wrong setting is told now, not when the first event is logged.
        self._client = self._new_client()
        call_in_child(self._forget)

    def _begin(self) -> None:
        self._turn = threading.Lock()
        self._changed = threading.Condition()
        self._pending_bytes = 0
        self._known_schemas: set[bytes] = set()
        self._closed = False

    def append(self, events: Sequence[EncodedEvent]) -> Future[list[Position]]:
        future: Future[list[Position]] = Future()
        future.set_running_or_notify_cancel()
        deadline = time.monotonic() + self._append_timeout
        try:
            if not events:
                future.set_result([])
            elif not self._turn.acquire(timeout=self._append_timeout):
                raise Unavailable(f"other appends held the log for {self._append_timeout} s")
            else:
                try:
                    self._append(events, future, deadline)
                finally:
                    self._turn.release()
        except TrackstreamError as error:
            future.set_exception(error)
        return future

    def history(self, topic: str, key: str) -> list[Event] | None:
        return None

    def close(self) -> None:
        """Wait up to `close_timeout` seconds for what is pending; the rest resolves to Unavailable."""
        with self._turn:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close(self._close_timeout)
        if self._registry is not None:
            self._registry.close()

    def _append(
        self, events: Sequence[EncodedEvent], future: Future[list[Position]], deadline: float
    ) -> None:
        """Hand the events over; raises only before the first of them is."""
        if self._closed:
            raise Unavailable("the writer of the Kafka log is closed")
        size = 0
        for event in events:
            length = len(event.value) + len(event.key) + _RECORD_OVERHEAD
            if length > MAX_RECORD_BYTES:
                right = f"at most {MAX_RECORD_BYTES - _RECORD_OVERHEAD} bytes with its key"
                raise Rejected(f"event for {event.topic}", f"{len(event.value)} bytes", right)
            size += length
        schemas = self._unseen_schemas(events)
        client = self._ready_client(deadline)
        wanted = {event.topic for event in events} | ({topics.SCHEMAS} if schemas else set())
        client.check_topics(wanted, deadline)
        values = [self._framed(event.value) for event in events]
        self._make_room(size, deadline)
        pending = PendingAppend(future, len(events), size)
        for fingerprint, text in schemas.items():
            client.send(pending, -1, topics.SCHEMAS, fingerprint.hex(), text)
        for index, (event, value) in enumerate(zip(events, values, strict=True)):
            client.send(pending, index, event.topic, event.key, value)
        self._known_schemas.update(schemas)
        if pending.handed_over():
            self._on_concluded(pending)

    def _ready_client(self, deadline: float) -> KafkaClient:
        """Return a client that has not failed; the failed one has first told of all that it held."""
        client = self._client
        if client is not None and client.failure is not None:
            if not client.ended.wait(deadline - time.monotonic()):
                raise Unavailable(f"the failed Kafka client does not end: {client.failure}")
            client = None
        if client is None:
            client = self._client = self._new_client()
            # Whether the last client's schema records are on the log is not known.
            self._known_schemas.clear()
        return client

    def _new_client(self) -> KafkaClient:
        return KafkaClient(self._connection, self._on_concluded)

    def _make_room(self, size: int, deadline: float) -> None:
        with self._changed:
            fits = self._changed.wait_for(
                lambda: not self._pending_bytes or self._pending_bytes + size <= self._max_pending_bytes,
                max(0.0, deadline - time.monotonic()),
            )
            if not fits:
                raise Unavailable(
                    f"the log has still to acknowledge {self._pending_bytes} bytes of earlier events,"
                    f" and took no more within {self._append_timeout} s"
                )
            self._pending_bytes += size

    def _on_concluded(self, append: PendingAppend) -> None:
        with self._changed:
            self._pending_bytes -= append.size
            self._changed.notify_all()
        append.conclude()

    def _unseen_schemas(self, events: Sequence[EncodedEvent]) -> dict[bytes, bytes]:
        """Return by fingerprint the text of the schemas that this client has not yet put on the log."""
        texts: dict[bytes, bytes] = {}
        for event in events:
            fingerprint = event.value[2 : codec.HEADER_SIZE]
            if fingerprint not in self._known_schemas and fingerprint not in texts:
                texts[fingerprint] = codec.schema_of(event.value).text.encode()
        return texts

    def _framed(self, message: bytes) -> bytes:
        if self._registry is None:
            return message
        return to_frame(message, self._registry.id_of(codec.schema_of(message)))

    def _forget(self) -> None:
        # What the parent has handed over is the parent's to send.
        client, self._client = self._client, None
        closed = self._closed
        if client is not None:
            client.abandon()
        if self._registry is not None:
            self._registry = self._registry.after_fork()
        self._begin()
        self._closed = closed
