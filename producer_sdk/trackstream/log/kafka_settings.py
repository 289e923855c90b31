"""librdkafka's settings for the writer, and why each is what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_schemas.kafka_topics import MAX_RECORD_BYTES

if TYPE_CHECKING:
    from trackstream_schemas.kafka_connection import KafkaConnection


def writer_settings(connection: KafkaConnection) -> dict[str, object]:
    """Return the settings of the writer's producer; what the user gave wins, as far as it may be given."""
    own: dict[str, object] = {
        # An event is acknowledged once all in-sync replicas have it, once, and behind the earlier ones.
        "acks": "all",
        "enable.idempotence": True,
        # An error that leaves a hole in a partition ends this client, instead of letting what was
        # appended later overtake; see `KafkaLogWriter`.
        "enable.gapless.guarantee": True,
        # 0: for ever. An event that gave up while later ones go on would be such a hole.
        "message.timeout.ms": 0,
        # What the Java clients do, so that another tool's record of a key lands beside ours.
        "partitioner": "murmur2_random",
        "message.max.bytes": MAX_RECORD_BYTES,
        # The writer bounds its own memory: librdkafka's bounds would cut an append in two.
        "queue.buffering.max.messages": 0,
        "queue.buffering.max.kbytes": 2_097_151,
        "allow.auto.create.topics": False,
        # Events are gathered before they come here: to wait for more would only delay the answer.
        "linger.ms": 0,
        "compression.type": "lz4",
        "reconnect.backoff.max.ms": 2_000,
        "retry.backoff.max.ms": 1_000,
        "log.connection.close": False,
    }
    return connection.client_settings(own, without=("group.instance.id",))
