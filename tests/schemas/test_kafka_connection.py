"""Kafka addresses and settings."""

from __future__ import annotations

import pytest

from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.kafka_connection import CONFLUENT, SINGLE_OBJECT, is_kafka, parse_kafka


@pytest.mark.parametrize(
    ("uri", "servers"),
    [
        ("kafka://broker:9092", "broker:9092"),
        ("kafka://broker", "broker:9092"),
        ("kafka://a:1,b:2,c", "a:1,b:2,c:9092"),
        ("kafka://[::1]:9093,10.0.0.1:9094/", "[::1]:9093,10.0.0.1:9094"),
        ("KAFKA://Broker:9092", "Broker:9092"),
    ],
)
def test_servers(uri: str, servers: str) -> None:
    assert is_kafka(uri)
    assert parse_kafka(uri, {}).servers == servers


@pytest.mark.parametrize(
    "uri",
    [
        "kafka://",
        "kafka://a,,b",
        "kafka://a:0",
        "kafka://a:99999",
        "kafka://a/topic",
        "kafka://a#x",
        "kafka://a b",
        "kafka://a?novalue",
        "http://a",
    ],
)
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput):
        parse_kafka(uri, {})


def test_settings_come_from_the_environment_and_the_address_wins() -> None:
    environ = {
        "TRACKSTREAM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "TRACKSTREAM_KAFKA_SASL_PASSWORD": "hush",
        "TRACKSTREAM_KAFKA_LINGER_MS": "5",
        "TRACKSTREAM_KAFKA_SSL_CA_LOCATION": "",
        "TRACKSTREAM_KAFKA": "elsewhere:9092",
        "TRACKSTREAM_URI": "kafka://elsewhere",
    }
    connection = parse_kafka("kafka://a?linger.ms=7&client.id=me", environ)
    settings = connection.client_settings({"acks": "all", "linger.ms": 0})
    assert settings == {
        "bootstrap.servers": "a:9092",
        "acks": "all",
        "client.id": "me",
        "linger.ms": "7",
        "sasl.password": "hush",
        "security.protocol": "SASL_SSL",
    }
    assert "hush" not in repr(connection)


@pytest.mark.parametrize("option", ["sasl.password=hush", "ssl.key.password=hush", "ssl.key.pem=hush"])
def test_a_secret_in_an_address_is_refused_and_not_repeated(option: str) -> None:
    with pytest.raises(InvalidInput, match="TRACKSTREAM_KAFKA_S") as refused:
        parse_kafka(f"kafka://a?{option}", {})
    assert "hush" not in str(refused.value)


def test_a_user_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidInput, match="TRACKSTREAM_KAFKA_SASL_USERNAME") as refused:
        parse_kafka("kafka://me:hush@a:9092", {})
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["acks", "enable.idempotence", "message.timeout.ms", "auto.offset.reset", "group.id"]
)
def test_what_the_promises_rest_on_cannot_be_set(name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        parse_kafka(f"kafka://a?{name}=1", {})
    with pytest.raises(InvalidInput, match=name):
        parse_kafka("kafka://a", {"TRACKSTREAM_KAFKA_" + name.replace(".", "_").upper(): "1"})


def test_names_on_the_cluster_have_the_prefix() -> None:
    connection = parse_kafka("kafka://a?topic.prefix=team.", {})
    assert connection.on_cluster("trackstream.runs") == "team.trackstream.runs"
    assert connection.topic_of("team.trackstream.runs") == "trackstream.runs"
    with pytest.raises(InvalidInput, match=r"topic\.prefix"):
        parse_kafka("kafka://a?topic.prefix=a/b", {})


def test_the_confluent_format_needs_a_registry() -> None:
    assert parse_kafka("kafka://a", {}).value_format == SINGLE_OBJECT
    registry = {"TRACKSTREAM_KAFKA_SCHEMA_REGISTRY_URL": "http://registry:8081"}
    connection = parse_kafka("kafka://a?value.format=confluent", registry)
    assert (connection.value_format, connection.registry_url) == (CONFLUENT, "http://registry:8081")
    assert connection.settings == {}
    with pytest.raises(InvalidInput, match=r"schema\.registry\.url"):
        parse_kafka("kafka://a?value.format=confluent", {})
    with pytest.raises(InvalidInput, match=r"value\.format"):
        parse_kafka("kafka://a?value.format=json", {})
    with pytest.raises(InvalidInput, match=r"schema\.registry\.url") as refused:
        parse_kafka("kafka://a", {"TRACKSTREAM_KAFKA_SCHEMA_REGISTRY_URL": "http://me:hush@registry"})
    assert "hush" not in str(refused.value)
