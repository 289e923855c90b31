"""A topic that is given partitions while consumers and API run: read, counted, and told by doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from confluent_kafka import Producer as KafkaProducer
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.integration.faults.composition import Composition, wait_until
from tests.integration.processes import TRACKSTREAM
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration

PATIENCE_S = 120.0
ADDED = 6


def test_running_processes_read_them_and_doctor_says_what_they_mean(stack: Stack, tmp_path: Path) -> None:
    running = Composition(stack, tmp_path, "grown", consumers=("entities",), replicas=1)
    try:
        url, name = running.url(0), f"grown.{topics.RUNS}"
        admin = AdminClient({"bootstrap.servers": stack.kafka})
        for future in admin.create_partitions([NewPartitions(name, ADDED + 1)]).values():
            future.result(PATIENCE_S)
        wait_until(
            lambda: len(admin.list_topics(name, timeout=PATIENCE_S).topics[name].partitions) == ADDED + 1,
            "the partitions are there",
        )
        run_id = new_id()
        body = e.RunStarted(run_id, "0", "in a new one", 1_700_000_000_000)
        message = codec.encode(e.Event(e.Envelope(new_id(), 1_700_000_000_000, new_id(), 0), body))
        raw = KafkaProducer({"bootstrap.servers": stack.kafka})
        raw.produce(name, message, run_id, ADDED)
        assert raw.flush(PATIENCE_S) == 0

        def status() -> int:
            return httpx.get(f"{url}/api/v1/runs/{run_id}", timeout=PATIENCE_S).status_code

        # 404 for up to 2 s, then 503 until the group has shared the new partitions out.
        wait_until(lambda: status() == 200, "the run can be read", PATIENCE_S)
        positions = httpx.get(f"{url}/api/v1/status", timeout=PATIENCE_S).json()["positions"]
        [found] = [at for at in positions if (at["topic"], at["partition"]) == (topics.RUNS, ADDED)]
        assert (found["next_offset"], found["end"]) == (1, 1)
        doctor = running.spawn("doctor", [str(TRACKSTREAM), "doctor"])
        doctor.wait(PATIENCE_S)
        [line] = [line for line in doctor.output().splitlines() if name in line]
        assert f"has {ADDED + 1} partitions" in line
        assert "partitions are chosen once" in line
    finally:
        running.close()
