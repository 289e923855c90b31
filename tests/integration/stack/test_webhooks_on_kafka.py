"""`trackstream webhooks deliver`: what happens on a cluster is told over a kill, by one process at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.faults.composition import Composition
from tests.integration.processes import TRACKSTREAM
from tests.integration.webhook_receiver import SECRET, Receiver
from trackstream.log.kafka import KafkaLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration

START = 1_700_000_000_000
_STARTED = "delivering what happens on "


def test_runs_on_a_cluster_are_told_over_a_kill_of_the_deliverer(stack: Stack, tmp_path: Path) -> None:
    receiver = Receiver()
    running = Composition(stack, tmp_path, "webhooks", consumers=("entities",), replicas=0)
    (tmp_path / "secret").write_text(SECRET)
    config = tmp_path / "webhooks.toml"
    config.write_text(
        f"""
        [[webhook]]
        name = "all"
        url = "{receiver.url}/all"
        events = ["run.*"]
        secret_file = "{tmp_path}/secret"
        allow_private_addresses = true
        max_attempts = 100
        retry_first_s = 0.05
        retry_longest_s = 0.5
        """
    )
    command = [str(TRACKSTREAM), "webhooks", "deliver", "--config", str(config)]
    command += ["--state", str(tmp_path / "webhooks.db")]
    writer = KafkaLogWriter(running.kafka_uri)
    producer = Producer(writer, Settings())
    ids: list[str] = []

    def happens() -> None:
        some = [new_id() for _ in range(5)]
        ids.extend(some)
        started = [e.RunStarted(run_id, "0", "told", START) for run_id in some]
        producer.emit_and_wait([*started, *(e.RunUpdated(run_id, "FINISHED", START + 1) for run_id in some)])

    def all_told() -> bool:
        found = {(item["type"], item["data"]["run_id"]) for item in receiver.taken}
        return found == {(name, run_id) for name in ("run.created", "run.finished") for run_id in ids}

    try:
        first = running.spawn("deliver-1", command)
        first.wait_for(_STARTED, 1)
        second = running.spawn("deliver-2", command)
        assert second.wait() == 4, second.output()
        assert "another process delivers" in second.output()
        happens()
        receiver.wait_for(all_told)
        receiver.status = 503
        happens()
        receiver.wait_for(lambda: receiver.refused > 0)
        first.kill()
        happens()
        receiver.status = 204
        third = running.spawn("deliver-3", command)
        receiver.wait_for(all_told)
        third.ask_to_stop()
        assert third.wait() == 0, third.output()
    finally:
        producer.close(5)
        writer.close()
        running.close()
        receiver.close()
