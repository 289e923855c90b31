"""Workers that have nothing but a Kafka cluster in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.projects.launching import Launcher, until
from tests.integration.projects.queueing import Counting, Worker
from tests.kafka_cluster import ClusterLog
from trackstream import projects
from trackstream_consumers.folds.launch import fold
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.projects.launching import Waiting
    from trackstream_api.native.stack import Stack
    from trackstream_consumers.folds.launch import LaunchState

pytestmark = pytest.mark.integration


class Followed:
    """The launches of a log, as far as it was read."""

    def __init__(self, uri: str) -> None:
        self._reader = KafkaLogReader(uri, [topics.LAUNCHES])
        self.states: dict[str, LaunchState] = {}

    def are(self, state: str, launches: list[str]) -> bool:
        """Read on, and tell whether these launches are in this state."""
        for record in self._reader.poll(1000, 0.5):
            event = codec.decode(record.value)
            assert isinstance(event.body, e.LaunchBody)
            self.states[record.key] = fold(self.states.get(record.key), event, record.position)
        return all(launch in self.states and self.states[launch].state == state for launch in launches)

    def close(self) -> None:
        self._reader.close()


def test_each_launch_is_executed_once(
    kafka_stack: Stack, tmp_path: Path, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "asking"))
    log = ClusterLog(kafka_stack.kafka, partitions=3)
    counting = Counting(tmp_path)

    def ask(uri: str, **parameters: object) -> str:
        return projects.run(
            uri,
            parameters={"place": tmp_path, **parameters},
            env_manager="local",
            queue="many",
            synchronous=False,
            tracking_uri=log.uri,
        ).launch_id

    asked = [ask(counting.path.as_uri(), number=number) for number in range(12)]
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()
    workers = [
        Worker(Launcher(tmp_path, home, TRACKSTREAM_URI=log.uri), "--queue", "many", "-j", "2")
        for home in homes
    ]
    followed = Followed(log.uri)
    until("the end of all", lambda: followed.are("finished", asked))
    assert counting.done() == list(range(12))
    assert {followed.states[launch].attempts for launch in asked} == {1}
    # What runs is cancelled by the worker, which reads the log; the launcher cannot ask Kafka for one launch.
    running = ask(waiting.path.as_uri())
    waiting.started()
    from trackstream.client import Client

    client = Client(log.uri)
    client.producer.emit_and_wait([e.LaunchCancelRequested(running, "not needed")])
    client.close()
    until("the end", lambda: followed.are("cancelled", [running]))
    assert followed.states[running].reason == "not needed"
    followed.close()
    for worker in workers:
        worker.ask_to_stop()
    assert [worker.wait(120) for worker in workers] == [0, 0], [worker.output() for worker in workers]
    ended = [launch for worker in workers for launch in worker.said("ended")]
    assert sorted(ended) == sorted([*asked, running])
