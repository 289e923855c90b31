"""Making and checking topics on a real cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.kafka_cluster import ClusterLog
from trackstream_api.cli.root import cli
from trackstream_api.kafka_admin import check_topics, create_topics
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput, Unavailable
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration


def fresh(stack: Stack) -> str:
    return f"kafka://{stack.kafka}?topic.prefix=t{new_id()[-12:]}."


def test_topics_are_made_once(kafka_stack: Stack) -> None:
    uri = fresh(kafka_stack)
    assert {finding.severity for finding in check_topics(uri, environ={})} == {"fail"}
    made = create_topics(uri, 2, environ={})
    assert [outcome.result for outcome in made] == ["created"] * len(topics.ALL_TOPICS)
    again = create_topics(uri, 8, environ={})
    assert [outcome.result for outcome in again] == ["exists"] * len(topics.ALL_TOPICS)
    assert [outcome.partitions for outcome in again] == [outcome.partitions for outcome in made]
    assert check_topics(uri, 2, environ={}) == []


def test_too_few_partitions_are_told(kafka_stack: Stack) -> None:
    uri = fresh(kafka_stack)
    create_topics(uri, 2, environ={})
    found = check_topics(uri, 3, environ={})
    assert {finding.severity for finding in found} == {"warn"}
    assert all("2 partitions, fewer than 3" in finding.problem for finding in found)


@pytest.mark.parametrize(
    ("topic", "setting", "value", "severity"),
    [
        (topics.RUNS, "retention.ms", "3600000", "fail"),
        (topics.METRICS, "retention.bytes", "1000000", "fail"),
        (topics.METRICS, "cleanup.policy", "compact", "fail"),
        (topics.METRICS, "max.message.bytes", "1000", "fail"),
        (topics.RUNS, "message.timestamp.type", "CreateTime", "warn"),
        (topics.ARTIFACT_BYTES, "retention.ms", "1000", "warn"),
        (topics.ARTIFACT_BYTES, "retention.ms", "-1", None),
        (topics.RUNS, "max.message.bytes", "33554432", None),
    ],
)
def test_settings_that_differ_are_told(
    kafka_stack: Stack, topic: str, setting: str, value: str, severity: str | None
) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    cluster.set_config(topic, setting, value)
    found = check_topics(cluster.uri, environ={})
    if severity is None:
        assert found == []
    else:
        [finding] = found
        assert (finding.topic, finding.severity) == (cluster.prefix + topic, severity)
        assert setting in finding.problem
        assert setting in finding.remedy


def test_more_copies_than_brokers_are_refused(kafka_stack: Stack) -> None:
    with pytest.raises(InvalidInput, match="replication: got 3"):
        create_topics(fresh(kafka_stack), replication=3, environ={})


def test_a_cluster_that_is_away() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        check_topics("kafka://127.0.0.1:1", environ={}, timeout=0.5)


def test_the_commands(kafka_stack: Stack) -> None:
    uri = fresh(kafka_stack)
    runner = CliRunner()
    failing = runner.invoke(cli, ["topics", "check", "--uri", uri])
    assert failing.exit_code != 0
    assert "topics create" in failing.output
    made = runner.invoke(cli, ["topics", "create", "--uri", uri, "--partitions", "2", "-o", "json"])
    assert made.exit_code == 0, made.output
    assert {row["topic"].partition(".")[2]: row["partitions"] for row in json.loads(made.stdout)} == {
        name: 1 if name in (topics.SCHEMAS, topics.DEAD_LETTERS, topics.REGISTRY) else 2
        for name in topics.ALL_TOPICS
    }
    assert runner.invoke(cli, ["topics", "check", "--uri", uri]).exit_code == 0
