"""The entity tables hold what the pure folds say, for any history, interleaving, batches and repeats."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.consumers.folds.histories import (
    GAP,
    events_of,
    experiment_bodies,
    positioned,
    run_bodies,
    with_repeats,
)
from trackstream_consumers import store
from trackstream_consumers.aggregates import experiments, runs
from trackstream_consumers.errors import DeadLetter
from trackstream_consumers.folds import experiment, run
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_consumers.records import Record
from trackstream_schemas import codec, routing, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

    History = list[tuple[Position, e.Event]]


def apply(projector: EntityProjector, history: History) -> None:
    """Apply as one batch."""
    records = [
        Record(position, routing.key_of(event.body), event, codec.encode(event))
        for position, event in history
    ]
    reached = {position.topic_partition: position.offset + 1 for position, _ in history}
    projector.apply(records, reached)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_tables_hold_what_the_folds_say(engine: Engine, data: st.DataObject) -> None:
    run_id, experiment_id = new_id(), new_id()
    run_history = positioned(topics.RUNS, data.draw(events_of(run_bodies(run_id))))
    experiment_history = positioned(
        topics.EXPERIMENTS, data.draw(events_of(experiment_bodies(experiment_id), 6))
    )
    left = [data.draw(with_repeats(run_history)), data.draw(with_repeats(experiment_history))]
    order: History = []
    while any(left):
        order.append(data.draw(st.sampled_from([one for one in left if one])).pop(0))
    projector = EntityProjector(engine)
    while order:
        size = data.draw(st.integers(1, len(order)))
        apply(projector, order[:size])
        # A kill before the position is noted: the same records again, or at least the first of them.
        apply(projector, order[: data.draw(st.integers(1, size))])
        order = order[size:]
    wanted_run: Any = reduce(lambda state, item: run.fold(state, item[1], item[0]), run_history, None)
    wanted: Any = reduce(
        lambda state, item: experiment.fold(state, item[1], item[0]), experiment_history, None
    )
    assert load_runs(engine, run_id) == ([wanted_run] if wanted_run else [])
    found = store.select_by_ids(engine, experiments.SELECT, [experiment_id])
    assert [experiments.state_of(row) for row in found] == ([wanted] if wanted else [])
    if wanted_run:
        assert values(engine, "run_params", run_id) == wanted_run.params
        assert values(engine, "run_tags", run_id) == wanted_run.tags
    with engine.client() as client:
        kept = client.query(
            "SELECT offset FROM events FINAL WHERE entity_id = {id:String} ORDER BY offset",
            parameters={"id": run_id},
        ).result_rows
    assert [row[0] for row in kept if row[0] % GAP == 0] == [position.offset for position, _ in run_history]


def load_runs(engine: Engine, run_id: str) -> list[run.RunState]:
    return [runs.state_of(row) for row in store.select_by_ids(engine, runs.SELECT, [run_id])]


def values(engine: Engine, table: str, run_id: str) -> dict[str, str]:
    with engine.client() as client:
        query = f"SELECT key, value FROM {table} FINAL WHERE run_id = {{id:String}}"
        return dict(client.query(query, parameters={"id": run_id}).result_rows)


def log_of(*bodies: e.Body) -> History:
    return [
        (
            Position(routing.topic_of(body), 0, number),
            e.Event(e.Envelope(f"e{number}", 1000 + number, "p", number), body),
        )
        for number, body in enumerate(bodies)
    ]


def test_views_show_what_people_may_see(engine: Engine) -> None:
    apply(
        EntityProjector(engine),
        log_of(
            e.ExperimentCreated("1", "vision"),
            e.ExperimentTagsSet("2", {"stray": "1"}),
            e.RunStarted("shown", "1", "fox", 1000),
            e.RunUpdated("shown", "FINISHED", 3500),
            e.ParamsLogged("shown", {"lr": "1"}),
            e.TagsSet("stray", {"a": "1"}),
            e.RunStarted("purged", "1", "gone", 1000),
            e.ParamsLogged("purged", {"lr": "1"}),
            e.RunPurged("purged"),
        ),
    )
    with engine.client() as client:
        runs = client.query("SELECT run_id, status, duration_seconds FROM v_runs").result_rows
        experiments = client.query("SELECT experiment_id, name FROM v_experiments").result_rows
        params = client.query("SELECT run_id, key, value FROM v_params").result_rows
        tags = client.query("SELECT run_id FROM v_tags WHERE run_id = 'purged'").result_rows
    assert runs == [("shown", "FINISHED", 2.5)]
    assert experiments == [("1", "vision")]
    assert params == [("shown", "lr", "1")]
    assert tags == []


def test_every_column_of_every_table_and_view_is_described(engine: Engine) -> None:
    with engine.client() as client:
        bare = client.query(
            "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = ''"
            " AND table != 'migrations'"
        ).result_rows
    assert bare == []


def test_a_purge_takes_points_and_files_out_of_sight_whenever_they_come(engine: Engine) -> None:
    def put() -> None:
        with engine.client() as client:
            client.command("INSERT INTO metric_points (run_id, key) VALUES ('r', 'loss')")
            client.command("INSERT INTO latest_metrics (run_id, key) VALUES ('r', 'loss')")
            client.command("INSERT INTO artifacts (run_id, path) VALUES ('r', 'a.txt')")

    def seen(*tables: str) -> list[int]:
        with engine.client() as client:
            return [client.query(f"SELECT count() FROM {table}").result_rows[0][0] for table in tables]

    put()
    apply(EntityProjector(engine), log_of(e.RunStarted("r", "1", "x", 1), e.RunPurged("r")))
    assert seen("metric_points", "latest_metrics", "artifacts") == [0, 0, 0]
    put()
    assert seen("v_metrics", "v_latest_metrics", "v_artifacts") == [0, 0, 0]


def test_a_view_stands_any_timestamp(engine: Engine) -> None:
    with engine.client() as client:
        for number in (-(2**63), 2**63 - 1):
            client.command(f"INSERT INTO metric_points (run_id, key, timestamp) VALUES ('r', 'k', {number})")
        years = client.query("SELECT timestamp FROM v_metrics ORDER BY timestamp").result_rows
    assert [row[0].year for row in years] == [1, 9999]


def test_an_event_of_another_partition_is_a_dead_letter(engine: Engine) -> None:
    projector = EntityProjector(engine)
    apply(projector, log_of(e.RunStarted("r", "1", "x", 1)))
    event = e.Event(e.Envelope("e", 1, "q", 0), e.RunDeleted("r"))
    with pytest.raises(DeadLetter) as caught:
        apply(projector, [(Position(topics.RUNS, 5, 0), event)])
    assert caught.value.position == Position(topics.RUNS, 5, 0)
    assert projector.positions() == {TopicPartition(topics.RUNS, 0): 1}
