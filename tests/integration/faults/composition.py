"""What a case runs on: API replicas and consumers as processes, and producers that log through them."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import clickhouse_connect
import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.faults import journal
from tests.integration.processes import START_LIMIT_S, TRACKSTREAM, Process, free_port
from trackstream_api.distributed_store import PROJECTORS
from trackstream_api.kafka_admin import create_topics
from trackstream_consumers.log.kafka_watch import KafkaLogWatch
from trackstream_schemas.blobs import MinioBlobStore
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from clickhouse_connect.driver import Client

    from tests.integration.faults.journal import LoggedRun
    from trackstream_api.native.stack import Stack

PARTITIONS = 4
CONSUMERS = ("entities", "metrics", "artifacts", "all")
"""Two of each kind: one by itself, and one that does all. What stands behind a hyphen tells two apart."""
PATIENCE_S = 240.0
_SESSION_MS = "6000"
"""After which a group gives a dead member's partitions away; Kafka's default would be 45 s."""
_FILES = {"TRACKSTREAM_ARTIFACT_INLINE_LIMIT": "131072", "TRACKSTREAM_ARTIFACT_CHUNK_BYTES": "8192"}
"""Files of up to 128 KiB travel on the log, in several pieces; larger ones go to MinIO first."""


class Composition:
    """The product on a stack, as far as processes of its own go; on a log and in a database of its own."""

    def __init__(
        self,
        stack: Stack,
        root: Path,
        name: str = "trackstream",
        consumers: Sequence[str] = CONSUMERS,
        replicas: int = 0,
        front: str = "",
        database: str = "",
    ) -> None:
        """`front` is a relay's address: consumers of a single kind speak to ClickHouse through it.
        `database` is another one than that of the log's name: the same log, projected anew."""
        self.stack = stack
        self.name = name
        self.database = database or name
        self.folder = root / self.database
        self.folder.mkdir(parents=True)
        self.kafka_uri = f"kafka://{stack.kafka}?topic.prefix={name}."
        self._variables = {
            **stack.environment(),
            "TRACKSTREAM_KAFKA": self.kafka_uri,
            "TRACKSTREAM_CLICKHOUSE": f"{stack.clickhouse}/{self.database}",
        }
        self._relayed = {"TRACKSTREAM_CLICKHOUSE": f"{front}/{self.database}"} if front else {}
        self._started = 0
        self.consumers: dict[str, Process] = {}
        self.replicas: list[Process] = []
        self._ports = [free_port() for _ in range(replicas)]
        create_topics(self.kafka_uri, PARTITIONS, environ={})
        self._topics = [topic for kind in PROJECTORS for topic in kind.topics]
        try:
            for kind in consumers:
                self.start_consumer(kind.partition("-")[0], kind)
            self.replicas = [self._start_replica(number) for number in range(replicas)]
            for process in self.consumers.values():
                process.wait_for("consuming ", 1)
            for number in range(replicas):
                self.wait_for_replica(number)
        except BaseException:
            self.close()
            raise

    # Processes.

    def spawn(self, what: str, command: Sequence[str], **variables: str) -> Process:
        """Start a program in the composition's environment."""
        self._started += 1
        log = self.folder / f"{self._started:02}-{what}.log"
        return Process(log, command, {**self._variables, **variables})

    def start_consumer(self, kind: str, name: str | None = None, *options: str) -> Process:
        """Start `trackstream consume`; it is known as `name` (default: its kind)."""
        relayed = self._relayed if kind != "all" else {}
        started = self.spawn(
            f"consume-{kind}",
            [str(TRACKSTREAM), "consume", kind, "--health-port", "0", *options],
            TRACKSTREAM_KAFKA_SESSION_TIMEOUT_MS=_SESSION_MS,
            **relayed,
        )
        self.consumers[name or kind] = started
        return started

    def url(self, replica: int) -> str:
        """Return a replica's address; it stays the same over restarts."""
        return f"http://127.0.0.1:{self._ports[replica]}"

    def restart_replica(self, number: int) -> None:
        """Start a replica that was killed again, on its port."""
        self.replicas[number] = self._start_replica(number)
        self.wait_for_replica(number)

    def _start_replica(self, number: int) -> Process:
        port = str(self._ports[number])
        return self.spawn(f"server-{number}", [str(TRACKSTREAM), "server", "--port", port])

    def wait_for_replica(self, number: int) -> None:
        """Wait until a replica answers."""

        def answers() -> bool:
            assert self.replicas[number].running, self.replicas[number].output()
            try:
                return httpx.get(f"{self.url(number)}/health", timeout=10).status_code == 200
            except httpx.TransportError:
                return False

        wait_until(answers, "the API answers", START_LIMIT_S)

    def metric(self, name: str, projector: str) -> float:
        """Return what a projector's consumers count under a metric's name, all of them together."""
        total = 0.0
        for process in self.consumers.values():
            address = process.wait_for("health and metrics at ", 1).strip()
            for family in text_string_to_metric_families(httpx.get(f"{address}/metrics", timeout=60).text):
                for sample in family.samples:
                    if sample.name == name and sample.labels.get("projector") == projector:
                        total += sample.value
        return total

    def dead_letters(self) -> list[tuple[object, ...]]:
        """Return which records were given up, and why."""
        with self.store() as store:
            query = "SELECT projector, topic, partition, offset, error_message FROM dead_letters FINAL"
            return [tuple(row) for row in store.query(query).result_rows]

    def close(self) -> None:
        """Stop all processes as an orchestrator does, and see that they end well."""
        left = [*self.consumers.values(), *self.replicas]
        for process in left:
            process.ask_to_stop()
        failed = [process.output() for process in left if process.wait()]
        assert not failed, failed

    # What is stored.

    @contextmanager
    def store(self) -> Iterator[Client]:
        """Connect to ClickHouse, past the product."""
        client = clickhouse_connect.get_client(
            dsn=f"{self.stack.clickhouse}/{self.database}", autogenerate_session_id=False
        )
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def blobs(self) -> Iterator[MinioBlobStore]:
        """Connect to MinIO."""
        where = self.stack.minio
        store = MinioBlobStore(where.endpoint, where.bucket, where.access_key, where.secret_key, secure=False)
        try:
            yield store
        finally:
            store.close()

    def wait_until_projected(self, seconds: float = PATIENCE_S) -> None:
        """Wait until the stored positions are those of the log's end, as it is now."""
        watch = KafkaLogWatch(self.kafka_uri, self._topics, {})
        try:
            ends = watch.ends()
        finally:
            watch.close()
        wanted = {
            (kind.name, at): end
            for kind in PROJECTORS
            for at, end in ends.items()
            if at.topic in kind.topics and end
        }
        wait_until(
            lambda: not self._behind(wanted),
            lambda: f"projected: {self._behind(wanted)} are missing",
            seconds,
        )

    def _behind(self, wanted: Mapping[tuple[str, TopicPartition], int]) -> list[str]:
        for process in self.consumers.values():
            assert process.code in (None, 0, -9), f"a consumer has failed:\n{process.output()}"
        with self.store() as store:
            rows = store.query("SELECT projector, topic, partition, next_offset FROM positions FINAL")
        reached = {(row[0], TopicPartition(row[1], row[2])): row[3] for row in rows.result_rows}
        return [
            f"{projector} of {at}: {reached.get((projector, at), 0)} of {end}"
            for (projector, at), end in wanted.items()
            if reached.get((projector, at), 0) < end
        ]


class Load:
    """Producers that log until they are told to stop."""

    def __init__(self, composition: Composition, case: str, seed: int) -> None:
        self._composition = composition
        self._case = case
        self._seed = seed
        self.folder = composition.folder / case
        self.folder.mkdir()
        self._stop = self.folder / "stop"
        self.producers: dict[str, Process] = {}
        self.expected_conflicts: set[str] = set()
        """Runs that the case itself has given a conflict."""
        self.excused: set[tuple[str, int]] = set()
        """Points (run id, index) of which the product has said that they are lost."""
        self.expects_letters = False
        """Whether the case itself brings about dead letters."""

    def start(self, uri: str = "", clock_offset: float = 0.0) -> Process:
        """Start another producer, on Kafka if nothing else is said."""
        number = len(self.producers)
        name = f"{self._case}-{number}"
        command = [
            sys.executable,
            *("-m", "tests.integration.faults.producer_process"),
            *(uri or self._composition.kafka_uri, name, str(self._seed + number)),
            *(str(self.folder / f"{name}.journal"), str(self._stop), str(clock_offset)),
        ]
        self.producers[name] = self._composition.spawn(name, command, **_FILES)
        return self.producers[name]

    def runs(self) -> dict[str, LoggedRun]:
        """Return what all of them have written down so far."""
        return {
            run_id: run
            for name in self.producers
            for run_id, run in journal.read(self.folder / f"{name}.journal").items()
        }

    def wait_until_logged(self, since: float) -> None:
        """Wait until each living producer has an acknowledgement for points that it logged after `since`."""
        for name, process in self.producers.items():
            if process.running:
                path = self.folder / f"{name}.journal"
                wait_until(partial(self._gets_on, process, path, since), f"{name} gets on")

    def wait_until_flowing(self, since: float = 0.0) -> float:
        """Wait until each living producer has an acknowledgement for points that it logged after `since`, and
        all that is on the log by then is projected.

        Returns how long after `since` that was, in seconds.
        """
        self.wait_until_logged(since)
        self._composition.wait_until_projected()
        return time.monotonic() - since

    def _gets_on(self, process: Process, path: Path, since: float) -> bool:
        assert process.running, process.output()
        return any(
            portion.acknowledged and portion.at >= since
            for run in journal.read(path).values()
            for portion in run.portions
        )

    def stop(self) -> None:
        """Have the producers end their runs; returns once all that they logged is acknowledged."""
        self._stop.touch()
        failed = [p.output() for p in self.producers.values() if p.wait(PATIENCE_S) not in (0, -9)]
        assert not failed, failed

    def kill(self) -> None:
        """End what is left of them."""
        for process in self.producers.values():
            process.kill()


def wait_until(true: Callable[[], bool], what: str | Callable[[], str], seconds: float = PATIENCE_S) -> None:
    """Wait for something that must come."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.1)
