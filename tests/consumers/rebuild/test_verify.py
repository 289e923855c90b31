"""Comparing the live tables with a fold of the log."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.consumers import story
from tests.consumers.tables import scalar
from trackstream_consumers.consumer import ConsumerSettings
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.pipeline import Pipeline
from trackstream_consumers.rebuild.replay_tables import BOOKKEEPING, tables_of
from trackstream_consumers.rebuild.verify import Verification, VerifyResult, verify
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.consumers.direct_log import DirectLog
    from trackstream_consumers.engine import Engine


@pytest.fixture
def pipeline(engine: Engine, log: DirectLog, tmp_path: Path) -> Iterator[Pipeline]:
    """Projectors that are to be started, with small batches."""
    made = Pipeline(
        engine,
        lambda names: SqliteLogReader(log.path, names),
        DirectoryBlobStore(tmp_path / "blobs"),
        tmp_path / "uploads",
        log.dead_letters,
        ConsumerSettings(poll_records=7),
    )
    yield made
    made.close()


def verified(pipeline: Pipeline, names: Sequence[str] = (), *, elsewhere: bool = False) -> VerifyResult:
    halted = None if elsewhere else lambda: Pipeline.paused(pipeline)
    what = Verification(pipeline.engine, pipeline.open_reader, halted)
    return verify(what, pipeline.blobs, pipeline.uploads / "verify", names)


def test_what_was_projected_is_equal(engine: Engine, log: DirectLog, pipeline: Pipeline) -> None:
    log.log(*story.bodies())
    pipeline.catch_up()
    result = verified(pipeline)
    assert result.equal
    rows = {table.table: table.rows for table in result.tables}
    assert set(rows) == {table.name for table in tables_of(engine)} - BOOKKEEPING
    assert all(rows.values()), rows
    assert not any(table.unsettled for table in result.tables)
    databases: list[str] = scalar(engine, "SELECT groupArray(name) FROM system.databases")
    assert not [name for name in databases if name.startswith(f"{engine.database}_")]


CORRUPTIONS = {
    "metric_points": (
        "ALTER TABLE metric_points UPDATE value = value + 1 WHERE run_id = 'run-b' AND step = 15"
        " SETTINGS mutations_sync = 1",
        "value",
    ),
    "run_params": (
        "INSERT INTO run_params SELECT key, run_id, 'other', version, 0 FROM run_params FINAL"
        " WHERE run_id = 'run-a' AND key = 'lr'",
        "value",
    ),
    "latest_metrics": ("DELETE FROM latest_metrics WHERE run_id = 'run-b'", None),
    "artifacts": (
        "INSERT INTO artifacts (run_id, path, size, version) VALUES ('run-a', 'made-up', 1, 1)",
        None,
    ),
    "runs": ("DELETE FROM runs WHERE run_id = 'run-a'", None),
}


def test_rows_that_are_not_what_the_log_says_are_named(
    engine: Engine, log: DirectLog, pipeline: Pipeline
) -> None:
    log.log(*story.bodies())
    pipeline.catch_up()
    with engine.client() as client:
        for statement, _ in CORRUPTIONS.values():
            client.command(statement)
    result = verified(pipeline)
    differing = {found.table: found for found in result.tables if found.different}
    assert set(differing) == set(CORRUPTIONS)
    for table, (_, column) in CORRUPTIONS.items():
        first = differing[table].first
        assert first is not None
        assert (first.column, first.identity["run_id"][:4]) == (column, "run-")
        assert first.live != first.log
    run_params = differing["run_params"].first
    assert run_params is not None
    assert (run_params.identity["key"], run_params.live, run_params.log) == ("lr", "other", "0.1")
    made_up, lost = differing["artifacts"].first, differing["runs"].first
    assert made_up is not None
    assert lost is not None
    assert (made_up.log, lost.live) == (None, None)


def test_positions_behind_the_logs_end_are_named(engine: Engine, log: DirectLog, pipeline: Pipeline) -> None:
    log.log(*story.bodies())
    pipeline.catch_up()
    with engine.client() as client:
        client.command("INSERT INTO positions VALUES ('entities', 'trackstream.runs', 0, 1000000)")
    [found] = [table for table in verified(pipeline).tables if table.different]
    assert (found.table, found.first and found.first.live) == ("positions", "1000000")


def test_only_the_tables_of_a_topic_are_compared(engine: Engine, log: DirectLog, pipeline: Pipeline) -> None:
    log.log(*story.bodies())
    pipeline.catch_up()
    with engine.client() as client:
        client.command("TRUNCATE TABLE metric_points")
    result = verified(pipeline, [topics.ARTIFACTS])
    assert result.equal
    assert {table.table for table in result.tables} == {"artifacts", "events"}
    assert not verified(pipeline, [topics.METRICS]).equal
    with pytest.raises(InvalidInput, match="topics"):
        verified(pipeline, ["trackstream.schemas"])


@pytest.mark.parametrize("elsewhere", [False, True])
def test_it_is_sound_while_rows_are_written(
    engine: Engine, log: DirectLog, pipeline: Pipeline, elsewhere: bool
) -> None:
    """Also where the projectors cannot be halted: what they are at is told apart from what is wrong."""
    log.log(*story.bodies())
    pipeline.start()
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            tags = e.TagsSet("tagged", {"number": str(number)})
            log.log(story.metrics("busy", 20 * number), tags, producer="busy")
            number += 1
            stop.wait(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        result = verified(pipeline, elsewhere=elsewhere)
        assert result.equal, [table for table in result.tables if table.different]
        assert elsewhere or not any(table.unsettled for table in result.tables)
        with engine.client() as client:
            client.command("DELETE FROM run_tags WHERE run_id = 'run-a'")
            client.command("DELETE FROM metric_points WHERE run_id = 'busy' AND step < 100")
        found = {table.table for table in verified(pipeline, elsewhere=elsewhere).tables if table.different}
        assert found == {"run_tags", "metric_points"}
    finally:
        stop.set()
        writer.join()


def test_consumers_that_do_not_come_near_the_logs_end_are_told(
    log: DirectLog, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackstream_consumers.rebuild.verify._NEAR", 3)
    monkeypatch.setattr("trackstream_consumers.rebuild.verify._CATCH_UP_SECONDS", 0.1)
    log.log(*story.bodies())
    with pytest.raises(Unavailable, match="records behind"):
        verified(pipeline, elsewhere=True)
