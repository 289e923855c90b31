"""From `kafka://host:9092[,…][?option=value]` and the environment to librdkafka's settings.

Every setting of librdkafka can be given as TRACKSTREAM_KAFKA_<NAME> with `_` for `.`, for example
TRACKSTREAM_KAFKA_SECURITY_PROTOCOL for `security.protocol`, or, where it is no secret, as an option of
the address, which wins. Values never appear in a log or an error. Beside librdkafka's own names:

    schema.registry.url                    address of a Confluent Schema Registry
    schema.registry.basic.auth.user.info   user:password for it
    value.format                           `single-object` (the default) or `confluent`, for writers
    topic.prefix                           put before every topic's and group's name, so that several
                                           stores can share a cluster
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "TRACKSTREAM_KAFKA_"
SCHEME = "kafka"
SINGLE_OBJECT = "single-object"
CONFLUENT = "confluent"

REGISTRY_URL = "schema.registry.url"
REGISTRY_USER = "schema.registry.basic.auth.user.info"
VALUE_FORMAT = "value.format"
TOPIC_PREFIX = "topic.prefix"

_DEFAULT_PORT = 9092
_RIGHT = "kafka://host:9092[,host:9092…][?option=value]"
_SERVER = re.compile(r"(?P<host>[A-Za-z0-9_.\-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?")
_PREFIX = re.compile(r"[A-Za-z0-9._\-]{0,100}")
_SECRET = re.compile(r"password|passphrase|secret|key\.pem|user\.info|oauthbearer\.config|credential")

_PROMISED = {
    "bootstrap.servers": "the servers in the address itself",
    "acks": "nothing: an event is acknowledged once all in-sync replicas have it",
    "request.required.acks": "nothing: an event is acknowledged once all in-sync replicas have it",
    "enable.idempotence": "nothing: the writer needs it, or the order of events would break",
    "enable.gapless.guarantee": "nothing: the writer needs it, or the order of events would break",
    "message.timeout.ms": "nothing: the writer tries without end, or the order of events would break",
    "delivery.timeout.ms": "nothing: the writer tries without end, or the order of events would break",
    "partitioner": "nothing: the writer needs one that keeps a key in its partition",
    "transactional.id": "nothing: the writer uses no transactions",
    "queue.buffering.max.messages": "nothing: the writer bounds its own memory",
    "queue.buffering.max.kbytes": "nothing: the writer bounds its own memory",
    "message.max.bytes": "nothing: the topics are made for this writer's size",
    "group.id": "nothing: every projector has a group of its own",
    "enable.auto.commit": "nothing: positions are kept in ClickHouse",
    "enable.auto.offset.store": "nothing: positions are kept in ClickHouse",
    "auto.offset.reset": "nothing: records that were lost are told, never skipped",
    "enable.partition.eof": "nothing: the reader needs it",
    "partition.assignment.strategy": "nothing: the reader needs cooperative-sticky",
    "allow.auto.create.topics": "nothing: `trackstream topics create` makes the topics",
}


@dataclass(frozen=True)
class KafkaConnection:
    """Where a Kafka cluster is and how to speak to it."""

    servers: str
    """host:port, separated by commas."""
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    """librdkafka's settings that the user gave."""
    value_format: str = SINGLE_OBJECT
    registry_url: str | None = None
    registry_user: str | None = field(default=None, repr=False)
    topic_prefix: str = ""

    def on_cluster(self, name: str) -> str:
        """Return what one of our topics, or a consumer group, is called on the cluster."""
        return self.topic_prefix + name

    def topic_of(self, name: str) -> str:
        """Return which of our topics is called `name` on the cluster."""
        return name.removeprefix(self.topic_prefix)

    def client_settings(self, own: Mapping[str, object], without: tuple[str, ...] = ()) -> dict[str, object]:
        """Return the settings of a client: `own` ones, with what the user gave over them."""
        given = {name: value for name, value in self.settings.items() if name not in without}
        return {"client.id": "trackstream", **own, **given, "bootstrap.servers": self.servers}


def is_kafka(uri: str) -> bool:
    """Tell whether `uri` is meant as a Kafka address."""
    return uri.lower().startswith(f"{SCHEME}://")


def parse_kafka(uri: str, environ: Mapping[str, str] | None = None) -> KafkaConnection:
    """Return the connection that `uri` and the environment (default: this process's) describe.

    Raises InvalidInput for an address that is not understood, a secret within it, or a setting that the
    log's promises rest on. Whether librdkafka knows a setting turns out when a client is made.
    """
    servers, options = _split(uri)
    settings = _from_environment(os.environ if environ is None else environ)
    for name, value in options:
        settings[name] = value
    for name, right in _PROMISED.items():
        if name in settings:
            raise InvalidInput(_spelling(name), settings[name], right)
    value_format = settings.pop(VALUE_FORMAT, SINGLE_OBJECT)
    if value_format not in (SINGLE_OBJECT, CONFLUENT):
        raise InvalidInput(_spelling(VALUE_FORMAT), value_format, f"{SINGLE_OBJECT} or {CONFLUENT}")
    topic_prefix = settings.pop(TOPIC_PREFIX, "")
    if not _PREFIX.fullmatch(topic_prefix):
        raise InvalidInput(_spelling(TOPIC_PREFIX), topic_prefix, "up to 100 of A-Z a-z 0-9 . _ -")
    registry_url = settings.pop(REGISTRY_URL, None)
    registry_user = settings.pop(REGISTRY_USER, None)
    if registry_url is not None and not re.fullmatch(r"https?://[^@\s]+", registry_url):
        raise InvalidInput(_spelling(REGISTRY_URL), "…", "http(s)://host:port, without a password in it")
    if value_format == CONFLUENT and registry_url is None:
        raise InvalidInput(_spelling(REGISTRY_URL), None, f"a registry's address, for the format {CONFLUENT}")
    return KafkaConnection(servers, settings, value_format, registry_url, registry_user, topic_prefix)


def environment_name(setting: str) -> str:
    """Return the environment variable that sets a setting of librdkafka's."""
    return PREFIX + setting.replace(".", "_").upper()


def _spelling(setting: str) -> str:
    return f"{setting} ({environment_name(setting)})"


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower().replace("_", "."): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and value and name != PREFIX
    }


def _split(uri: str) -> tuple[str, list[tuple[str, str]]]:
    if not is_kafka(uri):
        raise InvalidInput("Kafka address", uri, _RIGHT)
    parts = urlsplit(uri)
    if "@" in parts.netloc:
        # Not shown: what stands before the @ is a password.
        raise InvalidInput(
            "Kafka address",
            f"{SCHEME}://…@{parts.netloc.rpartition('@')[2]}",
            f"no user in it, but {environment_name('sasl.username')} and {environment_name('sasl.password')}",
        )
    try:
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise InvalidInput("options of the Kafka address", "…", "name=value, joined by &") from None
    for name, _ in options:
        if _SECRET.search(name):
            raise InvalidInput(
                "Kafka address",
                f"the option {name}",
                f"no secret in an address, but {environment_name(name)} in the environment",
            )
    found = [_SERVER.fullmatch(server.strip()) for server in parts.netloc.split(",")]
    if parts.path not in ("", "/") or parts.fragment or None in found:
        raise InvalidInput("Kafka address", uri.partition("?")[0], _RIGHT)
    servers = []
    for match in found:
        assert match is not None
        port = int(match["port"] or _DEFAULT_PORT)
        if not 0 < port < 65536:
            raise InvalidInput("Kafka address", uri.partition("?")[0], "ports from 1 to 65535")
        servers.append(f"{match['host']}:{port}")
    return ",".join(servers), [(name.lower().replace("_", "."), value) for name, value in options]
