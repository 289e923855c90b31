"""Rebuilding beside the live tables and swapping."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

import pytest

from tests.consumers import story
from tests.consumers.crashes import Killed, SwapCutEngine
from tests.consumers.tables import TABLES, rows_of, scalar, visible
from trackstream_consumers.consumer import ConsumerSettings
from trackstream_consumers.dead_letters import DeadLetterLimits
from trackstream_consumers.errors import ReplayRefused, TooManyDeadLetters
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.pipeline import Pipeline
from trackstream_consumers.rebuild import replay as replay_module
from trackstream_consumers.rebuild.replay import ReplayProgress, replay, shadow_database
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.blobs import DirectoryBlobStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.consumers.direct_log import DirectLog
    from trackstream_consumers.engine import Engine

    Make = Callable[..., Pipeline]


@pytest.fixture
def make(engine: Engine, log: DirectLog, tmp_path: Path) -> Iterator[Make]:
    """Makes pipelines, which are closed after the test."""
    made: list[Pipeline] = []

    def make_it(**options: object) -> Pipeline:
        made.append(
            Pipeline(
                engine,
                lambda names: SqliteLogReader(log.path, names),
                DirectoryBlobStore(tmp_path / "blobs"),
                tmp_path / "uploads",
                log.dead_letters,
                **options,  # type: ignore[arg-type]
            )
        )
        return made[-1]

    yield make_it
    for pipeline in made:
        pipeline.close()


def databases(engine: Engine) -> list[str]:
    names: list[str] = scalar(engine, "SELECT groupArray(name) FROM system.databases")
    return names


def test_the_result_equals_what_was_there(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(*story.bodies())
    pipeline = make()
    pipeline.catch_up()
    before = visible(engine)
    reports: list[ReplayProgress] = []
    done = replay(pipeline, reports.append)
    assert visible(engine) == before
    assert done.records_done == done.records_total == sum(pipeline.ends().values())
    assert [report.records_done for report in reports] == sorted(report.records_done for report in reports)
    assert shadow_database(engine) not in databases(engine)


def test_small_polls_that_hold_one_topic_each_are_counted_right(
    engine: Engine, log: DirectLog, make: Make
) -> None:
    log.log(*story.bodies())
    pipeline = make(settings=ConsumerSettings(poll_records=2))
    pipeline.catch_up()
    before = visible(engine)
    done = replay(pipeline)
    assert done.records_done == sum(pipeline.ends().values())
    assert visible(engine) == before


def test_it_mends_what_is_broken(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(*story.bodies())
    pipeline = make()
    pipeline.catch_up()
    before = visible(engine)
    with engine.client() as client:
        client.command("TRUNCATE TABLE runs")
        client.command("DELETE FROM metric_points WHERE run_id = 'run-a'")
        client.command("INSERT INTO positions VALUES ('entities', 'trackstream.runs', 0, 1000000)")
    replay(pipeline)
    assert visible(engine) == before


def test_views_follow_the_swap(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(*story.bodies())
    replay(make())
    assert scalar(engine, "SELECT count() FROM v_runs") == 2
    log.log(e.RunStarted("later", "1", "x", 1))
    make().catch_up()
    assert scalar(engine, "SELECT count() FROM v_runs") == 3


def test_live_consumers_go_on_behind_the_swap(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(*story.bodies())
    pipeline = make()
    pipeline.start()
    stop = threading.Event()
    lock = threading.Lock()
    written = 0

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            with lock:
                log.log(story.metrics("busy", 20 * written), producer="busy")
                written += 1
            stop.wait(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    replay(pipeline)
    stop.set()
    writer.join()
    assert pipeline.wait_until_current(60)
    assert written > 0
    query = "SELECT (count(), uniqExact(sequence, point)) FROM metric_points FINAL WHERE run_id = 'busy'"
    assert scalar(engine, query) == (20 * written, 20 * written)


def test_an_upload_in_the_middle_is_completed_behind_the_swap(
    log: DirectLog, make: Make, tmp_path: Path
) -> None:
    content = bytes(range(250)) * 10
    pieces = story.chunks("half", content, 1000)
    log.log(*pieces[:2])
    pipeline = make()
    replay(pipeline)
    log.log(*pieces[2:])
    pipeline.catch_up()
    stored = DirectoryBlobStore(tmp_path / "blobs").open(hashlib.sha256(content).hexdigest())
    assert b"".join(stored) == content
    assert list((tmp_path / "uploads").glob("*.part")) == []


def test_dead_letters_are_not_told_twice(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(*story.bodies())
    log.append_raw((topics.RUNS, "r", b"bad"))
    pipeline = make()
    for _ in range(2):
        pipeline.catch_up()
    ends = pipeline.ends()
    before = visible(engine)
    replay(pipeline)
    assert pipeline.ends() == ends
    assert visible(engine) == before


def test_a_new_dead_letter_is_told(engine: Engine, log: DirectLog, make: Make) -> None:
    log.append_raw((topics.RUNS, "r", b"bad"))
    pipeline = make()
    replay(pipeline)
    pipeline.catch_up()
    assert [row[1] for row in rows_of(engine, "dead_letters")] == [topics.RUNS]


def test_a_result_that_lacks_records_is_refused(
    engine: Engine, log: DirectLog, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.log(*story.bodies())
    pipeline = make()
    pipeline.catch_up()
    before = visible(engine)
    check = replay_module.check_counts

    def lose_some(shadow: Engine, *rest: object) -> None:
        with shadow.client() as client:
            client.command("DELETE FROM events WHERE entity_id = 'run-a'")
        check(shadow, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(replay_module, "check_counts", lose_some)
    with pytest.raises(ReplayRefused, match="entity events were read from the log"):
        replay(pipeline)
    assert visible(engine) == before
    assert shadow_database(engine) not in databases(engine)


def test_a_projection_that_stops_stops_the_replay(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(*story.bodies())
    make().catch_up()
    before = visible(engine)
    log.append_raw(*[(topics.RUNS, "r", b"\xc3\x01 of later times")] * 5)
    with pytest.raises(TooManyDeadLetters):
        replay(make(limits=DeadLetterLimits(in_a_row=2)))
    assert visible(engine) == before


@pytest.mark.parametrize("swapped", range(len(TABLES) + 2))
def test_a_kill_between_two_swaps_leaves_what_the_consumers_complete(
    engine: Engine, log: DirectLog, make: Make, monkeypatch: pytest.MonkeyPatch, swapped: int
) -> None:
    """The pairs of one EXCHANGE are swapped one by one: cut it behind any of them."""
    log.log(*story.bodies()[:25])
    behind = make()
    behind.catch_up()
    log.log(*story.bodies()[25:])

    swap = replay_module.swap_tables

    def dying_swap(live: Engine, shadow: Engine) -> None:
        swap(SwapCutEngine(live, swapped), shadow)

    monkeypatch.setattr(replay_module, "swap_tables", dying_swap)
    with pytest.raises(Killed):
        replay(behind)
    make().catch_up()
    found = visible(engine)
    monkeypatch.setattr(replay_module, "swap_tables", swap)
    replay(make())
    assert found == visible(engine)
