"""Kafka's errors as ours: what may pass by itself is Unavailable, what needs a hand is StorageFailed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trackstream_schemas.errors import InvalidInput, StorageFailed, TrackstreamError, Unavailable
from trackstream_schemas.kafka_connection import environment_name

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

_CREDENTIALS = (
    f"check {environment_name('security.protocol')}, {environment_name('sasl.mechanism')},"
    f" {environment_name('sasl.username')} and {environment_name('sasl.password')}"
)
_NEEDS_A_HAND = {
    "_AUTHENTICATION": _CREDENTIALS,
    "SASL_AUTHENTICATION_FAILED": _CREDENTIALS,
    "UNSUPPORTED_SASL_MECHANISM": f"check {environment_name('sasl.mechanism')}",
    "ILLEGAL_SASL_STATE": _CREDENTIALS,
    "_SSL": f"check {environment_name('security.protocol')} and {environment_name('ssl.ca.location')}",
    "TOPIC_AUTHORIZATION_FAILED": "grant the user of this client access to the topic",
    "GROUP_AUTHORIZATION_FAILED": "grant the user of this client access to the consumer group",
    "CLUSTER_AUTHORIZATION_FAILED": "grant the user of this client access to the cluster (IdempotentWrite)",
    "UNKNOWN_TOPIC_OR_PART": "`trackstream topics create` makes the topics",
    "_UNKNOWN_TOPIC": "`trackstream topics create` makes the topics",
    "_UNKNOWN_PARTITION": "`trackstream topics check` tells what is wrong with the topics",
    "MSG_SIZE_TOO_LARGE": "the topic's max.message.bytes is too small; `trackstream topics check` tells",
    "RECORD_LIST_TOO_LARGE": "the topic's segment.bytes is too small",
    "POLICY_VIOLATION": "a policy of the cluster forbids it",
    "INVALID_RECORD": "`trackstream topics check` tells what is wrong with the topics",
    "KAFKA_STORAGE_ERROR": "a disk of a broker has failed",
    "UNSUPPORTED_VERSION": "the brokers are too old",
    "FENCED_INSTANCE_ID": f"another consumer has the same {environment_name('group.instance.id')}",
    "UNRELEASED_INSTANCE_ID": f"another consumer has the same {environment_name('group.instance.id')}",
    "INVALID_CONFIG": "a setting of the topic is wrong",
    "INVALID_REPLICATION_FACTOR": "there are not so many brokers",
}
_SETTING = re.compile(r'configuration property:? "([^"]+)"')


def error_of(error: KafkaError, what: str) -> TrackstreamError:
    """Return our error for one of Kafka's; `what` was being done."""
    text = f"{what}: {error.str()} ({error.name()})"
    hint = _NEEDS_A_HAND.get(error.name())
    if hint is not None:
        return StorageFailed(f"{text}; {hint}")
    return Unavailable(text)


def needs_a_hand(error: KafkaError) -> bool:
    """Tell whether trying again without somebody changing something is in vain."""
    return error.name() in _NEEDS_A_HAND


def error_of_exception(error: Exception, what: str) -> TrackstreamError:
    """Return our error for an exception of confluent_kafka (KafkaException, whose argument tells)."""
    from confluent_kafka import KafkaError

    cause = error.args[0] if error.args else None
    if isinstance(cause, KafkaError):
        return error_of(cause, what)
    return Unavailable(f"{what}: {error}")


def setting_error(error: Exception) -> InvalidInput:
    """Return our error for a client that cannot be made because of a setting; shows no value."""
    cause = error.args[0] if error.args else error
    text = cause.str() if hasattr(cause, "str") else str(cause)
    # librdkafka quotes the value that it does not like: it could be a secret in the wrong place.
    text = re.sub(r'Invalid value "[^"]*" for', "Invalid value for", text)
    found = _SETTING.search(text)
    if found is None:
        return InvalidInput("Kafka settings", "…", f"settings that work together ({text})")
    name = f"{found[1]} ({environment_name(found[1])})"
    if text.startswith("No such"):
        return InvalidInput(name, "…", "a setting that librdkafka has")
    return InvalidInput(name, "…", f"what librdkafka accepts ({text})")
