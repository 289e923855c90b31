"""One librdkafka producer with the thread that hears from it; it is used until its first failure."""

from __future__ import annotations

import ctypes
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from trackstream.log.kafka_settings import writer_settings
from trackstream_schemas.errors import StorageFailed, TrackstreamError, Unavailable
from trackstream_schemas.kafka_errors import error_of, error_of_exception, needs_a_hand, setting_error
from trackstream_schemas.kafka_log import logger
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from confluent_kafka import KafkaError, Message

    from trackstream_schemas.kafka_connection import KafkaConnection

_LOOK_S = 0.25
_WARN_EVERY_S = 10.0


class PendingAppend:
    """Events that were handed over together, until librdkafka has told of each of them."""

    def __init__(self, future: Future[list[Position]], events: int, size: int) -> None:
        self.size = size
        self._future = future
        self._positions = [Position("", 0, -1)] * events
        self._missing = 0
        self._handed_over = False
        self._failure: TrackstreamError | None = None
        self._lock = threading.Lock()

    def expect(self) -> None:
        """One more record is on its way."""
        with self._lock:
            self._missing += 1

    def stored(self, index: int, position: Position) -> None:
        """Record `index` is acknowledged; the index is negative for one that is no event."""
        if index >= 0:
            self._positions[index] = position

    def failed(self, failure: TrackstreamError) -> None:
        """One of the records will not be acknowledged; the first failure that tells why is kept."""
        with self._lock:
            if self._failure is None or not isinstance(self._failure, StorageFailed):
                self._failure = failure

    def heard(self) -> bool:
        """One record less is on its way; returns whether the append is concluded by that."""
        with self._lock:
            self._missing -= 1
            return self._handed_over and self._missing == 0

    def handed_over(self) -> bool:
        """No further record will come; returns whether the append is concluded by that."""
        with self._lock:
            self._handed_over = True
            return self._missing == 0

    def conclude(self) -> None:
        """Tell who waits."""
        if self._failure is None:
            self._future.set_result(self._positions)
        else:
            self._future.set_exception(self._failure)


class KafkaClient:
    """A producer that ends with its first failure: what it still held fails, in order, and it is `ended`.

    `concluded` is called, from the client's thread, with each append that all was heard of. Raises
    InvalidInput where librdkafka does not like a setting.
    """

    def __init__(self, connection: KafkaConnection, concluded: Callable[[PendingAppend], None]) -> None:
        from confluent_kafka import KafkaException, Producer

        self._connection = connection
        self._concluded = concluded
        self.failure: TrackstreamError | None = None
        """Why nothing more can be appended with this client."""
        self.ended = threading.Event()
        self._refused: TrackstreamError | None = None
        self._known_topics: set[str] = set()
        self._handing_over = threading.Lock()
        self._warned_at = float("-inf")
        try:
            self._producer = Producer(
                {**writer_settings(connection), "error_cb": self._on_error, "logger": logger}
            )
        except KafkaException as error:
            raise setting_error(error) from None
        self._thread = threading.Thread(target=self._listen, name="trackstream-kafka", daemon=True)
        self._thread.start()

    def check_topics(self, topics: set[str], deadline: float) -> None:
        """Make sure that the topics exist. Raises StorageFailed where one does not, or the cluster does not
        let us in, and Unavailable where it does not answer before `deadline`."""
        from confluent_kafka import KafkaException

        for ours in topics - self._known_topics:
            topic = self._connection.on_cluster(ours)
            patience = _LOOK_S
            while True:
                self._refused = None
                left = deadline - time.monotonic()
                try:
                    found = self._producer.list_topics(topic, timeout=max(0.01, min(patience, left)))
                    error = found.topics[topic].error
                except KafkaException as failure:
                    error = failure.args[0]
                if error is None:
                    break
                if needs_a_hand(error):
                    raise error_of(error, f"the log's topic {topic}")
                if self._refused is not None:
                    raise self._refused
                if time.monotonic() >= deadline:
                    raise error_of(error, "the log cannot be reached")
                time.sleep(0.02)
                patience *= 2
            self._known_topics.add(ours)

    def send(self, append: PendingAppend, index: int, topic: str, key: str, value: bytes) -> None:
        """Hand a record over; it is heard of later, in any case."""
        from confluent_kafka import KafkaException

        append.expect()
        with self._handing_over:
            failure = self.failure
            if failure is None:
                try:
                    heard = partial(self._on_delivery, append, index)
                    name = self._connection.on_cluster(topic)
                    self._producer.produce(name, value, key, on_delivery=heard)
                    return
                except (KafkaException, BufferError) as error:
                    failure = error_of_exception(error, f"a record for the topic {topic}")
                    self._fail(failure)
        append.failed(failure)
        append.heard()

    def close(self, timeout: float) -> None:
        """Let what is on its way arrive, for up to `timeout` seconds; the rest fails with Unavailable."""
        deadline = time.monotonic() + timeout
        while len(self._producer) and self.failure is None and time.monotonic() < deadline:
            time.sleep(0.005)
        self._fail(Unavailable(f"the log did not acknowledge the events within {timeout} s of the closing"))
        self.ended.wait()

    def abandon(self) -> None:
        """Leave the client to the parent process, after a fork: its threads do not exist here, so that
        even giving its memory back would wait for them for ever."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._producer))

    def _listen(self) -> None:
        while self.failure is None:
            self._poll(_LOOK_S)
        # Behind this nothing more is handed over: who comes later sees the failure.
        with self._handing_over:
            pass
        while len(self._producer):
            self._producer.purge()
            self._poll(0.05)
        self.ended.set()

    def _poll(self, seconds: float) -> None:
        from confluent_kafka import KafkaException

        try:
            self._producer.poll(seconds)
        except KafkaException as error:
            # A fatal error is told like this too; it may come before those of the records.
            self._fail(error_of_exception(error, "the Kafka client failed"))

    def _fail(self, failure: TrackstreamError) -> None:
        if self.failure is None:
            self.failure = failure

    # What follows is called within `poll`, so by the client's thread.

    def _on_delivery(
        self, append: PendingAppend, index: int, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            topic = self._connection.topic_of(message.topic() or "")
            append.stored(index, Position(topic, message.partition() or 0, _offset_of(message)))
        elif error.name() in ("_PURGE_QUEUE", "_PURGE_INFLIGHT") or error.name() == "_FATAL":
            append.failed(Unavailable(f"the append was broken off: {self.failure or error.str()}"))
            self._fail(Unavailable(f"the Kafka client failed: {error.str()}"))
        else:
            failure = error_of(error, f"a record for the topic {message.topic()}")
            append.failed(failure)
            self._fail(failure)
        if append.heard():
            self._concluded(append)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fail(Unavailable(f"the Kafka client failed: {error.str()}"))
        if needs_a_hand(error):
            self._refused = error_of(error, "the log does not let us in")
        moment = time.monotonic()
        if moment - self._warned_at >= _WARN_EVERY_S:
            self._warned_at = moment
            logger.warning("%s", error_of(error, "the log, which is tried again until it answers"))


def _offset_of(message: Message) -> int:
    # -1 where the broker knew the record for a repeat but no longer where it stands.
    offset = message.offset()
    return -1 if offset is None else max(offset, -1)
