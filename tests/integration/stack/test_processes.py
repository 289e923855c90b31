"""Processes of the real stack: what they report, a worker that is replaced, a consumer that gives up, an
artifact whose consumer is killed in the middle."""

from __future__ import annotations

import hashlib
import urllib.request
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from confluent_kafka import Producer as KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.faults.composition import Composition, wait_until
from tests.integration.processes import TRACKSTREAM, free_port
from trackstream.log.kafka import KafkaLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    made = Composition(
        stack, tmp_path_factory.mktemp("processes"), "processes", consumers=("entities",), replicas=1
    )
    yield made
    made.close()


@pytest.fixture
def producer(running: Composition) -> Iterator[Producer]:
    writer = KafkaLogWriter(running.kafka_uri)
    made = Producer(writer, Settings())
    yield made
    made.close(5)
    writer.close()


def test_prometheus_scrapes_a_consumer_process(running: Composition, producer: Producer) -> None:
    address = running.consumers["entities"].wait_for("health and metrics at ", 1).strip()

    def scraped() -> dict[str, dict[tuple[str, str], float]]:
        with urllib.request.urlopen(f"{address}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return {
            family.name: {
                (sample.labels.get("topic", ""), sample.labels.get("partition", "")): sample.value
                for sample in family.samples
            }
            for family in text_string_to_metric_families(text)
        }

    producer.emit_and_wait([e.RunStarted(new_id(), "0", "scraped", 1_700_000_000_000) for _ in range(20)])
    wait_until(lambda: scraped()["trackstream_records_projected"][("", "")] >= 20, "20 records projected")
    wait_until(lambda: sum(scraped()["trackstream_partition_lag_records"].values()) == 0, "no lag")
    found = scraped()
    of_runs = {at for at in found["trackstream_partition_lag_records"] if at[0] == topics.RUNS}
    assert of_runs == {(topics.RUNS, str(number)) for number in range(4)}
    assert sum(found["trackstream_partition_position"][at] for at in of_runs) >= 20
    assert found["trackstream_consumer_up"] == {("", ""): 1}


def test_a_worker_that_dies_is_replaced(running: Composition) -> None:
    port = free_port()
    server = running.spawn("workers", [str(TRACKSTREAM), "server", "--port", str(port), "--workers", "2"])
    try:
        server.wait_for(" at ", 1)
        supervisor = psutil.Process(server.pid)

        def workers() -> set[int]:
            return {
                child.pid
                for child in supervisor.children()
                if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline())
            }

        wait_until(lambda: len(workers()) == 2, "two workers")
        before = workers()
        victim = min(before)
        psutil.Process(victim).kill()
        wait_until(lambda: len(workers()) == 2 and victim not in workers(), "the worker is replaced")
        [new] = workers() - before
        # The other one answers throughout; the new one does as soon as it alone is left.
        psutil.Process(next(iter(before - {victim}))).suspend()
        try:
            wait_until(lambda: answers(port), f"worker {new} answers")
        finally:
            psutil.Process(next(iter(before - {victim}))).resume()
    finally:
        server.ask_to_stop()
        assert server.wait() == 0, server.output()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_a_consumer_that_gives_up_ends_and_the_api_goes_on(stack: Stack, tmp_path: Path) -> None:
    running = Composition(stack, tmp_path, "givenup", consumers=("metrics",), replicas=1)
    try:
        consumer = running.consumers.pop("metrics")
        raw = KafkaProducer({"bootstrap.servers": stack.kafka})
        for _ in range(300):
            # As if written by code of later times.
            raw.produce(f"givenup.{topics.METRICS}", codec.MARKER + b"a message of later times", "key")
        assert raw.flush(60) == 0
        wait_until(lambda: not consumer.running, consumer.output)
        assert consumer.wait() not in (0, -9), consumer.output()
        assert "101 records in a row" in consumer.output()
        url = running.url(0)
        assert httpx.get(f"{url}/health", timeout=60).json()["status"] == "ok"
        status = httpx.get(f"{url}/api/v1/status?consistency=eventual", timeout=60).json()
        assert status["records_behind"] >= 100
    finally:
        running.close()


def test_an_artifact_whose_consumer_is_killed_in_the_middle_is_stored_whole_and_once(
    running: Composition, producer: Producer, tmp_path: Path
) -> None:
    content = hashlib.sha256(b"chunks").digest() * 40_000
    digest, size = hashlib.sha256(content).hexdigest(), 64_000
    run_id, upload = new_id(), new_id()
    chunks = [
        e.ArtifactChunk(upload, at, len(content), digest, content[at : at + size])
        for at in range(0, len(content), size)
    ]
    spools = [tmp_path / name for name in ("first", "second")]

    def consume(spool: Path) -> None:
        command = [str(TRACKSTREAM), "consume", "artifacts", "--spool", str(spool)]
        running.consumers["artifacts"] = running.spawn(
            "artifacts", command, TRACKSTREAM_KAFKA_SESSION_TIMEOUT_MS="6000"
        )

    def gathered(spool: Path) -> int:
        return sum(part.stat().st_size for part in spool.rglob("*.part"))

    consume(spools[0])
    producer.emit_and_wait([e.RunStarted(run_id, "0", "killed", 1_700_000_000_000), *chunks[:10]])
    wait_until(lambda: gathered(spools[0]) == 10 * size, running.consumers["artifacts"].output)
    running.consumers["artifacts"].kill()
    logged = e.ArtifactLogged(run_id, "model.bin", len(content), digest, "", upload)
    producer.emit_and_wait([*chunks[10:], logged])
    consume(spools[1])
    url = f"{running.url(0)}/api/v1/runs/{run_id}/artifacts"
    wait_until(
        lambda: (
            httpx.get(f"{url}/content?path=model.bin&consistency=eventual", timeout=60).content == content
        ),
        running.consumers["artifacts"].output,
    )
    [file] = httpx.get(f"{url}?consistency=eventual", timeout=60).json()["artifacts"]
    assert (file["path"], file["sha256"], file["size"]) == ("model.bin", digest, len(content))
    with running.store() as store, running.blobs() as blobs:
        counted = store.query("SELECT count() FROM artifacts FINAL WHERE run_id = {r:String}", {"r": run_id})
        assert counted.result_rows == [(1,)]
        assert [blob.size for blob in blobs.all() if blob.sha256 == digest] == [len(content)]
    wait_until(lambda: gathered(spools[1]) == 0, "the spool is empty")
