"""Rebuilding a part: the tables of some topics, what was touched since, and what a killed replay has left."""

from __future__ import annotations

import hashlib
import io
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.consumers import story
from tests.consumers.crashes import Killed
from tests.consumers.tables import scalar, visible
from trackstream_consumers.consumer import ConsumerSettings
from trackstream_consumers.errors import ReplayRefused
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.pipeline import Pipeline
from trackstream_consumers.rebuild import replay as replay_module
from trackstream_consumers.rebuild.replay import ReplayProgress, replay, shadow_database
from trackstream_consumers.rebuild.replay_plan import EVERYTHING, PROJECTORS, plan_of
from trackstream_consumers.rebuild.replay_tables import BOOKKEEPING, tables_of, topics_of
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.consumers.direct_log import DirectLog
    from trackstream_consumers.engine import Engine
    from trackstream_schemas.position import TopicPartition

BREAK_ALL = tuple(
    f"DELETE FROM {table} WHERE run_id = 'run-b'" for table in ("metric_points", "runs", "artifacts")
)


@pytest.fixture
def pipeline(engine: Engine, log: DirectLog, tmp_path: Path) -> Iterator[Pipeline]:
    """Projectors that are to be started, with small batches."""
    made = Pipeline(
        engine,
        lambda names: SqliteLogReader(log.path, names),
        DirectoryBlobStore(tmp_path / "blobs"),
        tmp_path / "uploads",
        log.dead_letters,
        ConsumerSettings(poll_records=5, max_rows=40),
    )
    yield made
    made.close()


def command(engine: Engine, *statements: str) -> None:
    with engine.client() as client:
        for statement in statements:
            client.command(statement)


def databases(engine: Engine) -> list[str]:
    names: list[str] = scalar(engine, "SELECT groupArray(name) FROM system.databases")
    return names


def test_every_table_is_of_a_projector_and_tells_whose_its_rows_are(engine: Engine) -> None:
    for table in tables_of(engine):
        if table.name not in BOOKKEEPING | {"dead_letters", "dead_letter_resolutions"}:
            assert len(table.ids) == 1, table
    assert sorted(topic for name in PROJECTORS for topic in topics_of(name)) == sorted(topics.EVENT_TOPICS)


@pytest.mark.parametrize(
    ("topic", "table"),
    [(topics.RUNS, "runs"), (topics.METRICS, "metric_points"), (topics.ARTIFACTS, "artifacts")],
)
def test_only_the_tables_of_a_topics_projector_are_rebuilt(
    engine: Engine, log: DirectLog, pipeline: Pipeline, topic: str, table: str
) -> None:
    log.log(*story.bodies())
    pipeline.catch_up()
    before = visible(engine)
    command(engine, *BREAK_ALL)
    broken = visible(engine)
    replay(pipeline, plan=plan_of([topic]))
    after = visible(engine)
    for name in before:
        mended = name == table or name not in ("runs", "metric_points", "artifacts")
        assert after[name] == (before[name] if mended else broken[name]), name


def test_what_is_kept_goes_on_behind_a_partial_replay(
    engine: Engine, log: DirectLog, pipeline: Pipeline, tmp_path: Path
) -> None:
    content = bytes(range(250)) * 10
    pieces = story.chunks("half", content, 1000)
    log.log(*story.bodies(), *pieces[:2])
    pipeline.catch_up()
    replay(pipeline, plan=plan_of([topics.METRICS]))
    log.log(*pieces[2:], story.metrics("run-a", 500), e.TagsSet("run-a", {"later": "1"}))
    pipeline.catch_up()
    stored = DirectoryBlobStore(tmp_path / "blobs").open(hashlib.sha256(content).hexdigest())
    assert b"".join(stored) == content
    found = visible(engine)
    replay(pipeline)
    assert visible(engine) == found


def test_events_that_were_lost_from_what_is_kept_stay_lost_and_those_rebuilt_are_counted(
    engine: Engine, log: DirectLog, pipeline: Pipeline
) -> None:
    log.log(*story.bodies())
    pipeline.catch_up()
    before = visible(engine)["events"]
    command(engine, "TRUNCATE TABLE events")
    replay(pipeline, plan=plan_of([topics.RUNS]))
    half = visible(engine)["events"]
    assert 0 < len(half) < len(before)
    replay(pipeline, plan=plan_of([topics.ARTIFACTS]))
    assert visible(engine)["events"] == before


def ends(pipeline: Pipeline) -> dict[TopicPartition, int]:
    return dict(pipeline.ends())


def test_since_rebuilds_whole_what_was_touched_and_nothing_else(
    engine: Engine, log: DirectLog, pipeline: Pipeline
) -> None:
    log.log(*story.bodies())
    since = ends(pipeline)
    log.log(e.TagsSet("run-a", {"touched": "1"}), story.metrics("run-a", 900))
    pipeline.catch_up()
    before = visible(engine)
    command(
        engine,
        "DELETE FROM run_params WHERE run_id IN ('run-a', 'run-b')",
        "DELETE FROM metric_points WHERE run_id IN ('run-a', 'run-b') AND step < 5",
        "DELETE FROM artifacts WHERE run_id = 'run-a'",
        "DELETE FROM registered_models WHERE 1",
    )
    broken = visible(engine)
    replay(pipeline, plan=plan_of([], since))
    after = visible(engine)

    def of(rows: list[tuple[Any, ...]], run_id: str) -> list[tuple[Any, ...]]:
        return [row for row in rows if run_id in row]

    for table in ("run_params", "metric_points", "artifacts"):
        assert of(after[table], "run-a") == of(before[table], "run-a"), table
        assert of(after[table], "run-b") == of(broken[table], "run-b"), table
    # A model's name depends on the other models: they are rebuilt together.
    assert after["registered_models"] == before["registered_models"]
    command(engine, "DELETE FROM run_params WHERE run_id = 'run-a'")
    replay(pipeline, plan=plan_of([]))
    assert visible(engine) == before


def test_since_with_a_topic_and_logging_going_on(engine: Engine, log: DirectLog, pipeline: Pipeline) -> None:
    log.log(*story.bodies())
    since = ends(pipeline)
    log.log(*story.rewinding("run-b"), story.metrics("new", 0))
    pipeline.start()
    for number in range(20):
        log.log(story.metrics("run-b", 1000 + 20 * number), producer="busy")
    replay(pipeline, plan=plan_of([topics.METRICS], since))
    assert pipeline.wait_until_current(60)
    pipeline.stop()
    found = visible(engine)
    replay(pipeline)
    assert visible(engine) == found


def test_since_before_anything_was_projected(engine: Engine, log: DirectLog, pipeline: Pipeline) -> None:
    log.log(*story.bodies())
    replay(pipeline, plan=plan_of([topics.RUNS], ends(pipeline)))
    pipeline.catch_up()
    found = visible(engine)
    assert found["runs"]
    replay(pipeline)
    assert visible(engine) == found


def test_a_topic_that_is_unknown_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"topics: got 'trackstream\.schemas'"):
        plan_of(["trackstream.schemas"])


def test_tables_of_an_earlier_version_cannot_be_taken_over(
    engine: Engine, log: DirectLog, pipeline: Pipeline
) -> None:
    log.log(*story.bodies())
    pipeline.catch_up()
    command(engine, "ALTER TABLE metric_points DROP COLUMN offset, DROP COLUMN partition")
    with pytest.raises(ReplayRefused, match="without --topic and --since"):
        replay(pipeline, plan=plan_of([topics.RUNS]))
    assert shadow_database(engine) not in databases(engine)


class _Stop(BaseException):
    """Stands for a kill of the process that replays."""


def interrupted(pipeline: Pipeline, at: int, error: type[BaseException], **options: Any) -> None:
    """Replay until so many records are projected."""

    def stop(progress: ReplayProgress) -> None:
        if progress.records_done >= at:
            raise error("enough")

    with pytest.raises(error):
        replay(pipeline, stop, **options)


@pytest.mark.parametrize("error", [_Stop, Unavailable])
def test_a_replay_that_was_cut_off_is_gone_on_with(
    engine: Engine, log: DirectLog, pipeline: Pipeline, error: type[BaseException], tmp_path: Path
) -> None:
    log.log(*story.bodies())
    log.append_raw((topics.RUNS, "r", b"bad"))
    pipeline.catch_up()
    pipeline.catch_up()
    before = visible(engine)
    shutil.rmtree(tmp_path / "blobs")
    interrupted(pipeline, 1, error)
    assert visible(engine) == before
    assert shadow_database(engine) in databases(engine)
    shadow_events = f"SELECT count() FROM {shadow_database(engine)}.events"
    assert scalar(engine, shadow_events) > 0
    log.log(e.TagsSet("run-a", {"meanwhile": "1"}))
    first: list[ReplayProgress] = []
    done = replay(pipeline, first.append)
    assert done.resumed
    assert first[0].resumed
    pipeline.catch_up()
    found = visible(engine)
    assert shadow_database(engine) not in databases(engine)
    assert not replay(pipeline).resumed
    assert visible(engine) == found
    contents = {b"".join(pipeline.blobs.open(blob.sha256)) for blob in pipeline.blobs.all()}
    assert contents == set(story.CONTENTS)


def test_what_is_left_of_another_plan_or_level_or_of_a_cut_swap_is_thrown_away(
    engine: Engine, log: DirectLog, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.log(*story.bodies())
    pipeline.catch_up()
    before = visible(engine)
    interrupted(pipeline, 1, Unavailable)
    assert not replay(pipeline, from_start=True).resumed
    interrupted(pipeline, 1, Unavailable)
    assert not replay(pipeline, plan=plan_of([topics.METRICS])).resumed
    interrupted(pipeline, 1, Unavailable)
    command(engine, f"DELETE FROM {shadow_database(engine)}.migrations WHERE number = 1")
    assert not replay(pipeline).resumed

    def die(live: Engine, shadow: Engine) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(replay_module, "swap_tables", die)
        with pytest.raises(Killed):
            replay(pipeline)
    assert not replay(pipeline).resumed
    assert visible(engine) == before


def test_an_empty_blob_store_is_filled_from_the_log_and_what_is_gone_is_named(
    log: DirectLog, pipeline: Pipeline, tmp_path: Path
) -> None:
    blob = pipeline.blobs.put(io.BytesIO(b"uploaded beside the log"))
    log.log(*story.bodies(), e.ArtifactLogged("run-a", "big.bin", blob.size, blob.sha256, None, None))
    pipeline.catch_up()
    assert replay(pipeline).missing == ()
    shutil.rmtree(tmp_path / "blobs")
    done = replay(pipeline, plan=EVERYTHING)
    assert [tuple(file) for file in done.missing] == [("run-a", "big.bin", blob.sha256, blob.size)]
    contents = {b"".join(pipeline.blobs.open(found.sha256)) for found in pipeline.blobs.all()}
    assert contents == set(story.CONTENTS)
