"""The log's topics on a Kafka cluster: making them, and finding what is wrong with them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trackstream_api.partition_checks import NO_CURE, more_than_others, moved_keys
from trackstream_schemas.errors import InvalidInput, TrackstreamError, Unavailable
from trackstream_schemas.kafka_connection import KafkaConnection, parse_kafka
from trackstream_schemas.kafka_errors import error_of, error_of_exception, needs_a_hand, setting_error
from trackstream_schemas.kafka_log import logger
from trackstream_schemas.kafka_topics import (
    DEFAULT_PARTITIONS,
    DEFAULT_RETENTION_MS,
    LIMITED_RETENTION,
    SINGLE_PARTITION,
    KafkaTopic,
    kafka_topics,
    min_insync_replicas,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from confluent_kafka import KafkaError
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._metadata import TopicMetadata

_LONGEST_REPLICATION = 3
_SHORT_RETENTION_MS = 24 * 3600 * 1000
_LOSES_RECORDS = ("cleanup.policy", "retention.ms", "retention.bytes")


@dataclass(frozen=True, slots=True)
class TopicOutcome:
    """What became of one topic."""

    topic: str
    """Its name on the cluster."""
    result: Literal["created", "exists"]
    partitions: int
    replication: int


@dataclass(frozen=True, slots=True)
class TopicFinding:
    """Something about a topic that is not as it should be."""

    topic: str
    severity: Literal["warn", "fail"]
    """`fail`: events are lost or refused like that."""
    problem: str
    remedy: str


def create_topics(
    uri: str,
    partitions: int = DEFAULT_PARTITIONS,
    replication: int | None = None,
    artifact_retention_ms: int = DEFAULT_RETENTION_MS,
    environ: Mapping[str, str] | None = None,
    timeout: float = 30.0,
) -> list[TopicOutcome]:
    """Make the topics that are missing, and wait until every one can be written; others stay as they are.

    `replication` is the number of copies (default: three, or as many as there are brokers). Raises
    InvalidInput for what the cluster cannot do, Unavailable where it does not answer within `timeout`
    seconds, StorageFailed where it refuses.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.cimpl import NewTopic

    connection = parse_kafka(uri, environ)
    wanted = kafka_topics(partitions, artifact_retention_ms)
    deadline = time.monotonic() + timeout
    cluster = _Cluster(connection)
    brokers = cluster.brokers(deadline)
    copies = min(_LONGEST_REPLICATION, brokers) if replication is None else replication
    if not 1 <= copies <= brokers:
        raise InvalidInput("replication", copies, f"a number from 1 to {brokers}, the number of brokers")
    new = [
        NewTopic(
            connection.on_cluster(topic.name),
            num_partitions=topic.partitions,
            replication_factor=copies,
            config=topic.configs(copies),
        )
        for topic in wanted
    ]
    created = set()
    for name, future in cluster.client.create_topics(new, operation_timeout=timeout).items():
        try:
            future.result(timeout)
            created.add(name)
        except KafkaException as error:
            if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise error_of_exception(error, f"making the topic {name}") from error
        except TimeoutError:
            raise Unavailable(f"making the topic {name} took longer than {timeout} s") from None
    outcomes = []
    for topic in wanted:
        name = connection.on_cluster(topic.name)
        found = cluster.topic(name, deadline)
        if found is None:
            raise Unavailable(f"the topic {name} was made, but is not known to the cluster yet")
        outcomes.append(
            TopicOutcome(
                name,
                "created" if name in created else "exists",
                len(found.partitions),
                _copies(found),
            )
        )
    return outcomes


def check_topics(
    uri: str,
    partitions: int | None = None,
    environ: Mapping[str, str] | None = None,
    timeout: float = 10.0,
) -> list[TopicFinding]:
    """Return what is wrong with the topics; nothing where all is well.

    `partitions` is how many the consumers are meant to share, where that matters. Raises as
    `create_topics`.
    """
    connection = parse_kafka(uri, environ)
    deadline = time.monotonic() + timeout
    cluster = _Cluster(connection)
    brokers = cluster.brokers(deadline)
    findings = []
    counts: dict[str, int] = {}
    for topic in kafka_topics(partitions or 1):
        name = connection.on_cluster(topic.name)
        found = cluster.topic(name, deadline, patient=False)
        if found is None:
            remedy = "`trackstream topics create` makes it"
            findings.append(TopicFinding(name, "fail", "is missing", remedy))
            continue
        counts[topic.name] = len(found.partitions)
        findings += _partition_findings(topic, name, found, partitions is not None, brokers)
        configs = cluster.configs(name, timeout)
        findings += config_findings(topic, name, configs, _copies(found))
    findings += _added_partitions(uri, connection, counts, environ)
    return findings


def _added_partitions(
    uri: str, connection: KafkaConnection, counts: Mapping[str, int], environ: Mapping[str, str] | None
) -> Iterator[TopicFinding]:
    """Yield what tells of topics that have more partitions than they were made with."""
    single = {topic: count for topic, count in counts.items() if topic in SINGLE_PARTITION}
    for topic, count in single.items():
        if count > 1:
            problem = f"has {count} partitions, should have 1: its events have no common order"
            yield TopicFinding(connection.on_cluster(topic), "fail", problem, NO_CURE)
    shared = {topic: count for topic, count in counts.items() if topic not in single}
    moved = moved_keys(uri, shared, environ)
    for topic, (key, at, right) in moved.items():
        problem = (
            f"has {shared[topic]} partitions now, and was made with another number: events of key {key} are"
            f" in partition {at}, new ones go to partition {right}, so a key's events are not in order and"
            " some may not be applied"
        )
        yield TopicFinding(connection.on_cluster(topic), "fail", problem, NO_CURE)
    for topic, fewest in more_than_others(shared).items():
        if topic not in moved:
            problem = (
                f"has {shared[topic]} partitions where others have {fewest}: if some were added later, a"
                " key's new events may be in another partition than its old ones, out of order"
            )
            yield TopicFinding(connection.on_cluster(topic), "warn", problem, NO_CURE)


def config_findings(
    topic: KafkaTopic, name: str, configs: Mapping[str, str], copies: int
) -> Iterator[TopicFinding]:
    """Yield what is wrong with a topic's settings."""
    for setting, right in topic.configs(copies).items():
        found = configs.get(setting, "")
        severity: Literal["warn", "fail"] = "warn"
        if setting == "retention.ms" and topic.name in LIMITED_RETENTION:
            if int(found) == -1 or int(found) >= _SHORT_RETENTION_MS:
                continue
            right = f"at least {_SHORT_RETENTION_MS}, for consumers that are away for a while"
        elif setting == "retention.bytes" and topic.name in LIMITED_RETENTION:
            continue
        elif setting in ("max.message.bytes", "min.insync.replicas"):
            if int(found) >= int(right):
                continue
            severity = "fail" if setting == "max.message.bytes" else "warn"
        elif found == right:
            continue
        elif setting in _LOSES_RECORDS:
            severity = "fail"
        remedy = f"kafka-configs --alter --topic {name} --add-config {setting}={right}"
        yield TopicFinding(name, severity, f"{setting} is {found or 'not set'}, should be {right}", remedy)


def _partition_findings(
    topic: KafkaTopic, name: str, found: TopicMetadata, counted: bool, brokers: int
) -> Iterator[TopicFinding]:
    count = len(found.partitions)
    if counted and count < topic.partitions:
        yield TopicFinding(
            name,
            "warn",
            f"has {count} partitions, fewer than {topic.partitions}: as many consumers can share it",
            "partitions are chosen once: with more of them, a key's events would not stay in order",
        )
    leaderless = [number for number, part in found.partitions.items() if part.leader < 0]
    if leaderless:
        problem = f"the partitions {leaderless} have no leader"
        yield TopicFinding(name, "fail", problem, "bring their brokers back")
    behind = [number for number, part in found.partitions.items() if len(part.isrs) < len(part.replicas)]
    if behind:
        problem = f"the partitions {behind} have fewer copies in sync than they should"
        yield TopicFinding(name, "warn", problem, "bring the missing brokers back")
    copies = _copies(found)
    if copies < min(_LONGEST_REPLICATION, brokers):
        problem = f"has {copies} copies on {brokers} brokers"
        yield TopicFinding(name, "warn", problem, "kafka-reassign-partitions gives it more")
    too_few = [number for number, part in found.partitions.items() if len(part.isrs) < _needed(copies)]
    if too_few:
        problem = f"the partitions {too_few} have too few copies in sync to take events"
        yield TopicFinding(name, "fail", problem, "bring the missing brokers back")


def _needed(copies: int) -> int:
    return min_insync_replicas(copies)


def _copies(found: TopicMetadata) -> int:
    return min((len(partition.replicas) for partition in found.partitions.values()), default=0)


class _Cluster:
    """An admin client, with Kafka's errors as ours."""

    def __init__(self, connection: KafkaConnection) -> None:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        self._refused: TrackstreamError | None = None
        own = {"log.connection.close": False}
        settings: dict[str, Any] = {**connection.client_settings(own, ("group.instance.id",))}
        settings |= {"error_cb": self._on_error, "logger": logger}
        try:
            self.client: AdminClient = AdminClient(settings)
        except KafkaException as error:
            raise setting_error(error) from None

    def brokers(self, deadline: float) -> int:
        """Return how many brokers there are. Raises as `metadata`, and Unavailable where there are none."""
        while not (found := len(self.metadata(deadline).brokers)):
            # A broker that has just begun answers before it has heard of any, itself included.
            if time.monotonic() > deadline:
                raise Unavailable("the Kafka cluster knows of no broker yet; try again in a moment")
            time.sleep(0.1)
        return found

    def metadata(self, deadline: float, topic: str | None = None) -> Any:
        """Return what the cluster tells of itself. Raises Unavailable or StorageFailed."""
        from confluent_kafka import KafkaException

        patience = 0.25
        while True:
            self.client.poll(0)
            left = deadline - time.monotonic()
            try:
                return self.client.list_topics(topic, timeout=max(0.01, min(patience, left)))
            except KafkaException as error:
                if self._refused is not None:
                    raise self._refused from error
                if needs_a_hand(error.args[0]) or left <= 0:
                    raise error_of_exception(error, "the Kafka cluster cannot be reached") from error
            time.sleep(0.02)
            patience *= 2

    def topic(self, name: str, deadline: float, patient: bool = True) -> TopicMetadata | None:
        """Return a topic, once all its partitions have a leader where `patient`; None where it is missing."""
        while True:
            found: TopicMetadata = self.metadata(deadline, name).topics[name]
            missing = found.error is not None and found.error.name() == "UNKNOWN_TOPIC_OR_PART"
            led = bool(found.partitions) and all(part.leader >= 0 for part in found.partitions.values())
            if found.error is None and (led or not patient):
                return found
            if missing and not patient:
                return None
            if found.error is not None and needs_a_hand(found.error) and not missing:
                raise error_of(found.error, f"the topic {name}")
            if time.monotonic() >= deadline:
                return None if missing else found
            time.sleep(0.05)

    def configs(self, name: str, timeout: float) -> dict[str, str]:
        """Return a topic's settings."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin._config import ConfigResource
        from confluent_kafka.admin._resource import ResourceType

        resource = ConfigResource(ResourceType.TOPIC, name)
        [future] = self.client.describe_configs([resource], request_timeout=timeout).values()
        try:
            found = future.result(timeout + 1)
        except KafkaException as error:
            raise error_of_exception(error, f"reading the settings of the topic {name}") from error
        except TimeoutError:
            raise Unavailable(f"reading the settings of the topic {name} took too long") from None
        return {setting: entry.value or "" for setting, entry in found.items()}

    def _on_error(self, error: KafkaError) -> None:
        if needs_a_hand(error):
            self._refused = error_of(error, "the Kafka cluster does not let us in")
