"""The barrier's view of projectors that run elsewhere."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from trackstream_api.stored_positions import StoredPositions, StoredProjection
from trackstream_consumers import store
from trackstream_consumers.migrate import migrate_together
from trackstream_schemas import topics
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

FIRST, SECOND = (TopicPartition(topics.METRICS, number) for number in (0, 1))


def test_positions_of_each_projector_and_only_the_highest(engine: Engine) -> None:
    store.save_positions(engine, "metrics", {FIRST: 5, SECOND: 9})
    # What a member that was stalled writes late.
    store.save_positions(engine, "metrics", {FIRST: 3})
    store.save_positions(engine, "entities", {TopicPartition(topics.RUNS, 0): 2})
    found = StoredPositions(engine).since(time.monotonic())
    assert found == {"metrics": {FIRST: 5, SECOND: 9}, "entities": {TopicPartition(topics.RUNS, 0): 2}}


def test_waiting_ends_when_another_process_gets_there(engine: Engine) -> None:
    projection = StoredProjection("metrics", (topics.METRICS,), StoredPositions(engine))
    assert projection.positions() == {}
    assert projection.wait_for({FIRST: 0}, 0)
    assert not projection.wait_for({FIRST: 1}, 0)
    other = threading.Timer(0.1, lambda: store.save_positions(engine, "metrics", {FIRST: 1}))
    other.start()
    assert projection.wait_for({FIRST: 1}, 60)
    other.join()


def test_an_answer_is_never_older_than_asked_for(engine: Engine) -> None:
    stored = StoredPositions(engine)
    stored.since(time.monotonic())
    store.save_positions(engine, "metrics", {FIRST: 7})
    assert stored.since(time.monotonic()) == {"metrics": {FIRST: 7}}


def test_processes_that_start_together_make_the_tables_together(engine: Engine) -> None:
    with engine.client() as client:
        client.command(f"DROP DATABASE {engine.database} SYNC")
        client.command(f"CREATE DATABASE {engine.database}")
    failures: list[BaseException] = []

    def start() -> None:
        try:
            migrate_together(engine)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    store.save_positions(engine, "metrics", {FIRST: 1})
    assert store.positions(engine, "metrics") == {FIRST: 1}
