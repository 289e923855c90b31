"""The two compositions as a user starts them, each with the story logged to it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import httpx

from tests.integration.processes import (
    START_LIMIT_S,
    TRACKSTREAM,
    Process,
    Server,
    environment,
    finish,
    trainer,
)
from trackstream_consumers.projectors.artifacts import ArtifactProjector
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_consumers.projectors.metrics import MetricProjector
from trackstream_schemas.kafka_topics import SINGLE_PARTITION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trackstream_api.native.stack import Stack

PARTITIONS = 4
PROJECTORS = {"entities": EntityProjector, "metrics": MetricProjector, "artifacts": ArtifactProjector}


def _partitions_of(read: Sequence[str]) -> int:
    return sum(1 if topic in SINGLE_PARTITION else PARTITIONS for topic in read)


class EmbeddedComposition:
    """One server on a directory."""

    def __init__(self, root: Path) -> None:
        self._server = Server(root / "store").start()
        self.apis = [self._server.client]
        self.uris = (str(root / "store"), self._server.url)
        self.variables: dict[str, str] = {}

    def close(self) -> None:
        code = self._server.stop()
        self._server.close()
        assert code == 0, self._server.output()


class NativeComposition:
    """Kafka, MinIO and ClickHouse's protocol; two API processes and two consumers of each kind."""

    def __init__(self, stack: Stack, root: Path) -> None:
        self.variables = stack.environment()
        self._processes: list[Process] = []
        self.apis: list[httpx.Client] = []
        done = subprocess.run(
            [str(TRACKSTREAM), "topics", "create", "--partitions", str(PARTITIONS)],
            env=environment(**self.variables),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        try:
            servers = [self._start(root, "server", "--port", "0", "--workers", workers) for workers in "12"]
            # One of each kind by itself, and one that does all.
            self.consumers = [
                self._start(root, "consume", kind, "--health-port", "0") for kind in (*PROJECTORS, "all")
            ]
            urls = [server.wait_for(" at ", 1).split()[0] for server in servers]
            self.apis = [httpx.Client(base_url=url, timeout=60) for url in urls]
            self.uris = (f"kafka://{stack.kafka}", urls[1])
            self.health = [
                consumer.wait_for("health and metrics at ", 1).strip() for consumer in self.consumers
            ]
            self.wait_until_shared()
        except BaseException:
            self.close()
            raise

    def wait_until_shared(self) -> None:
        """Return once both members of each group have some of the partitions, and all are given out."""
        until = time.monotonic() + START_LIMIT_S
        while True:
            shares: dict[str, list[int]] = {kind: [] for kind in PROJECTORS}
            for address in self.health:
                with urllib.request.urlopen(f"{address}/health") as answer:
                    for kind, state in json.load(answer)["projectors"].items():
                        shares[kind].append(state["partitions"])
            if all(
                len(found) == 2 and min(found) > 0 and sum(found) == _partitions_of(PROJECTORS[kind].topics)
                for kind, found in shares.items()
            ):
                return
            assert time.monotonic() < until, f"the groups do not share the partitions: {shares}"
            time.sleep(0.1)

    def _start(self, root: Path, *arguments: str) -> Process:
        log = root / f"process-{len(self._processes)}.log"
        started = Process(log, [str(TRACKSTREAM), *arguments], self.variables)
        self._processes.append(started)
        return started

    def close(self) -> None:
        """Stop all processes as an orchestrator does, and see that they end well."""
        for api in self.apis:
            api.close()
        for process in self._processes:
            process.ask_to_stop()
        codes = [process.wait() for process in self._processes]
        assert not any(codes), [process.output() for process in self._processes]


def tell(composition: EmbeddedComposition | NativeComposition) -> None:
    """Log the story: one part straight to the log, the other one through the API."""
    parts = [
        trainer("acceptance.story", uri, part, **composition.variables)
        for uri, part in zip(composition.uris, ("search", "artifacts"), strict=True)
    ]
    for part in parts:
        finish(part)


def as_json(answer: httpx.Response) -> Any:
    """Return a response as something to compare: the status with the body."""
    return {"status": answer.status_code, "body": answer.json()}
