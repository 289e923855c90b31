"""A launch that nothing but a Kafka cluster takes the record of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.projects.launching import until
from tests.kafka_cluster import ClusterLog
from trackstream import projects
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_schemas import codec, topics

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration


def test_a_launch_on_kafka(kafka_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TRACKSTREAM"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    log = ClusterLog(kafka_stack.kafka)
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.sh").write_text('echo "logging to $TRACKSTREAM_URI"\n')
    submitted = projects.run(str(project), "main.sh", tracking_uri=log.uri)
    assert f"logging to {log.uri}" in submitted.folder.output.read_text()
    assert submitted.folder.is_recorded()
    reader = KafkaLogReader(log.uri, [topics.LAUNCHES])
    found: list[str] = []

    def ended() -> bool:
        found.extend(type(codec.decode(record.value).body).__name__ for record in reader.poll(100, 1.0))
        return "LaunchEnded" in found

    until("the launch's end on the log", ended)
    reader.close()
    assert found == ["LaunchRequested", "LaunchClaimed", "LaunchPrepared", "LaunchStarted", "LaunchEnded"]
