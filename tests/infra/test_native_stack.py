"""The native stack with real servers: up, broken, mended, down, up again."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import clickhouse_connect
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from minio import Minio

from tests.native_stack import native_stack
from trackstream_api.native.stack import Stack, attach, up
from trackstream_schemas.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

QUIET = {"log_level": 0}
TRACKSTREAM = Path(sys.executable).parent / "trackstream"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with native_stack(tmp_path_factory.mktemp("whole")) as stack:
        yield stack


def make_topic(servers: str, name: str, copies: int) -> None:
    admin = AdminClient({"bootstrap.servers": servers, **QUIET})
    for future in admin.create_topics([NewTopic(name, 1, copies)]).values():
        future.result(60)


def write(servers: str, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": servers, "acks": "all", "enable.idempotence": True, **QUIET})
    failed: list[object] = []
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(90) == 0
    assert failed == []


def read(servers: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "x", **QUIET})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        found: list[bytes | None] = []
        while len(found) < count:
            messages = consumer.consume(count - len(found), timeout=60)
            assert messages, f"only {len(found)} of {count}"
            found += [message.value() for message in messages]
        return found
    finally:
        consumer.close()


def objects(stack: Stack) -> Minio:
    where = stack.minio
    return Minio(where.endpoint, access_key=where.access_key, secret_key=where.secret_key, secure=False)


def test_kafka_keeps_what_it_acknowledged_through_a_kill(whole: Stack) -> None:
    make_topic(whole.kafka, "kept", 1)
    write(whole.kafka, "kept", b"1", b"2")
    before = whole.pid("kafka")
    whole.kill("kafka")
    assert not whole.running("kafka")
    whole.restart("kafka")
    assert whole.pid("kafka") != before
    write(whole.kafka, "kept", b"3")
    assert read(whole.kafka, "kept", 3) == [b"1", b"2", b"3"]


def test_topics_are_not_made_by_accident(whole: Stack) -> None:
    admin = AdminClient({"bootstrap.servers": whole.kafka, **QUIET})
    asked = admin.list_topics("nobody-made-me", timeout=30).topics["nobody-made-me"]
    assert asked.error is not None
    assert "nobody-made-me" not in admin.list_topics(timeout=30).topics


def test_minio_keeps_objects_through_a_kill(whole: Stack) -> None:
    client = objects(whole)
    client.put_object(whole.minio.bucket, "a", io.BytesIO(b"content"), 7)
    whole.kill("minio")
    whole.restart("minio")
    with client.get_object(whole.minio.bucket, "a") as answer:
        assert answer.read() == b"content"


def test_clickhouse_keeps_rows_through_a_kill(whole: Stack) -> None:
    client = clickhouse_connect.get_client(dsn=whole.clickhouse)
    client.command("CREATE TABLE default.kept (a Int64) ENGINE = MergeTree ORDER BY a")
    client.insert("kept", [[number] for number in range(1000)], column_names=["a"], database="default")
    whole.kill("clickhouse")
    whole.restart("clickhouse")
    again = clickhouse_connect.get_client(dsn=whole.clickhouse)
    assert again.command("SELECT sum(a) FROM default.kept") == 499_500


def test_a_paused_part_runs_on(whole: Stack) -> None:
    whole.pause("clickhouse")
    assert [part.healthy for part in whole.status() if part.part == "clickhouse"] == [False]
    whole.resume("clickhouse")
    assert clickhouse_connect.get_client(dsn=whole.clickhouse).command("SELECT 1") == 1


def test_another_up_finds_what_runs(whole: Stack) -> None:
    pids = [part.pid for part in whole.status()]
    again = up(whole.data)
    assert [part.pid for part in again.status()] == pids
    assert [part.pid for part in attach(whole.data).status()] == pids
    with pytest.raises(InvalidInput, match="brokers"):
        up(whole.data, brokers=3)
    with pytest.raises(Conflict, match="already runs"):
        up(whole.data, ports={"minio": 1})


def test_the_command_line(tmp_path: Path) -> None:
    def dev(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(TRACKSTREAM), "dev", *arguments, "--data", str(tmp_path / "stack")]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert dev("status").returncode == 3
    try:
        first = dev("up", "--only", "clickhouse")
        assert first.returncode == 0, first.stderr
        name, _, url = first.stdout.strip().removeprefix("export ").partition("=")
        assert name == "TRACKSTREAM_CLICKHOUSE"
        assert clickhouse_connect.get_client(dsn=url).command("SELECT 1") == 1
        (part,) = json.loads(dev("status", "--json").stdout)
        assert part["healthy"] is True
    finally:
        down = dev("down")
    assert down.returncode == 0, down.stderr
    assert dev("status").returncode == 5
    try:
        assert dev("up", "--only", "clickhouse").stdout == first.stdout
    finally:
        assert dev("down").returncode == 0


def test_three_brokers_go_on_without_one(tmp_path: Path) -> None:
    with native_stack(tmp_path / "stack", brokers=3, parts=("kafka",)) as stack:
        assert len(stack.kafka.split(",")) == 3
        make_topic(stack.kafka, "copied", 3)
        write(stack.kafka, "copied", b"1")
        stack.kill("kafka-2")
        write(stack.kafka, "copied", b"2")
        stack.restart("kafka-2")
        stack.kill("kafka-1")
        write(stack.kafka, "copied", b"3")
        assert read(stack.kafka, "copied", 3) == [b"1", b"2", b"3"]
        assert [part.running for part in stack.status()] == [False, True, True]
        stack.restart("kafka-1")
    assert not any(part.running for part in attach(tmp_path / "stack").status())
