"""Logs on a Kafka cluster, filled and read by plain client code, without any of our adapters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from trackstream_api.kafka_admin import create_topics
from trackstream_schemas.ids import new_id
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

_PATIENCE_S = 60.0


class Stored(NamedTuple):
    """A record as the cluster holds it."""

    position: Position
    key: str
    value: bytes


class ClusterLog:
    """An empty log of its own on the cluster: the topics under a new prefix."""

    def __init__(self, servers: str, partitions: int = 1, replication: int | None = None) -> None:
        self.servers = servers
        self.prefix = f"t{new_id()[-12:]}."
        self.uri = f"kafka://{servers}?topic.prefix={self.prefix}"
        create_topics(self.uri, partitions, replication, environ={})
        self._producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True})

    def append_raw(self, *records: tuple[str, str, bytes]) -> list[Position]:
        """Append (topic, key, value) records."""
        positions = {}

        def delivered(number: int, error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            topic = (message.topic() or "").removeprefix(self.prefix)
            positions[number] = Position(topic, message.partition() or 0, message.offset() or 0)

        for number, (topic, key, value) in enumerate(records):
            self._producer.produce(
                self.prefix + topic,
                value,
                key,
                on_delivery=lambda error, message, number=number: delivered(number, error, message),
            )
        assert self._producer.flush(_PATIENCE_S) == 0
        return [positions[number] for number in range(len(records))]

    def remove(self, topic: str, below: int, partition: int = 0) -> None:
        """Remove the first records of a partition, as a retention rule does."""
        admin = AdminClient({"bootstrap.servers": self.servers})
        at = TopicPartition(self.prefix + topic, partition, below)
        for future in admin.delete_records([at]).values():
            future.result(_PATIENCE_S)

    def set_config(self, topic: str, name: str, value: str) -> None:
        """Change a setting of a topic."""
        from confluent_kafka.admin import (
            AlterConfigOpType,
            ConfigEntry,
            ConfigResource,
            ResourceType,
        )

        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, self.prefix + topic, incremental_configs=[entry])
        admin = AdminClient({"bootstrap.servers": self.servers})
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(_PATIENCE_S)
        # The broker answers once the change is in its metadata's log, which it applies a moment later.
        asked = ConfigResource(ResourceType.TOPIC, self.prefix + topic)
        until = time.monotonic() + _PATIENCE_S
        while True:
            [described] = admin.describe_configs([asked]).values()
            if described.result(_PATIENCE_S)[name].value == value:
                return
            assert time.monotonic() < until, f"{name} of {self.prefix + topic} is not {value}"
            time.sleep(0.05)

    def add_partitions(self, topic: str, total: int) -> None:
        """Give a topic more partitions, so that it has `total`."""
        admin = AdminClient({"bootstrap.servers": self.servers})
        name = self.prefix + topic
        for future in admin.create_partitions([NewPartitions(name, total)]).values():
            future.result(_PATIENCE_S)
        # The broker answers before it tells others of them.
        until = time.monotonic() + _PATIENCE_S
        while True:
            found = admin.list_topics(name, timeout=_PATIENCE_S).topics[name].partitions.values()
            if len(found) == total and all(partition.leader >= 0 for partition in found):
                return
            assert time.monotonic() < until, f"{name} has not got {total} partitions"
            time.sleep(0.05)

    def append_to(self, at: Position, value: bytes = b"x") -> None:
        """Append a record to a partition, whatever its key says; its offset must be that of `at`."""
        told: list[Message] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            told.append(message)

        # A new one: the other may not have heard of the partition yet.
        producer = Producer({"bootstrap.servers": self.servers, "allow.auto.create.topics": False})
        producer.produce(self.prefix + at.topic, value, "key", at.partition, on_delivery=delivered)
        assert producer.flush(_PATIENCE_S) == 0
        assert [message.offset() for message in told] == [at.offset]

    def delete(self, topic: str) -> None:
        """Delete a topic."""
        admin = AdminClient({"bootstrap.servers": self.servers})
        for future in admin.delete_topics([self.prefix + topic]).values():
            future.result(_PATIENCE_S)

    def stored(self, topic: str) -> list[Stored]:
        """Return all records of a topic, partition by partition."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": "tests",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 10,
            }
        )
        name = self.prefix + topic
        found = []
        try:
            partitions = consumer.list_topics(name, timeout=_PATIENCE_S).topics[name].partitions
            consumer.assign([TopicPartition(name, number, 0) for number in partitions])
            unfinished = set(partitions)
            while unfinished:
                message = consumer.poll(_PATIENCE_S)
                assert message is not None, f"{name} does not answer"
                error = message.error()
                if error is None:
                    at = Position(topic, message.partition() or 0, message.offset() or 0)
                    found.append(Stored(at, (message.key() or b"").decode(), message.value() or b""))
                else:
                    assert error.name() == "_PARTITION_EOF", error
                    unfinished.discard(message.partition() or 0)
        finally:
            consumer.close()
        return sorted(found)
