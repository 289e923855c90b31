"""Points come out of the table as they went onto the log, bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.consumers.tables import rows_of
from tests.schemas.strategies import metric_batches
from trackstream_consumers.projectors.metrics import MetricProjector
from trackstream_consumers.records import Record
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.ids import new_id
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

TP = TopicPartition(topics.METRICS, 0)


def record(offset: int, event: e.Event) -> Record:
    body = event.body
    assert isinstance(body, e.MetricsLogged)
    return Record(Position(*TP, offset), body.run_id, event, b"")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(metric_batches(), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
    cut=st.integers(0, 5),
)
def test_any_batches_in_any_order_with_repeats(
    engine: Engine, batches: list[e.MetricsLogged], order: object, cut: int
) -> None:
    producer = new_id()
    events = [e.Event(e.Envelope(new_id(), 1, producer, n), batch) for n, batch in enumerate(batches)]
    records = [record(offset, event) for offset, event in enumerate([*events, *events])]
    order.shuffle(records)  # type: ignore[attr-defined]
    projector = MetricProjector(engine)
    projector.apply(records[:cut], {TP: 1})
    projector.apply(records[cut:], {TP: 2})
    wanted = []
    for sequence, batch in enumerate(batches):
        columns = (batch.steps, batch.timestamps, batch.values.view(np.uint64))
        for point, (step, timestamp, value) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
            key = batch.keys[batch.key_index[point]]
            identity = (batch.run_id, key, step, timestamp, value, batch.writer, producer, sequence, point)
            # Of its two appends the first counts, whichever was projected first.
            wanted.append((*identity, 0, 2**64 - 1 - sequence))
    # The last column says how it is rolled up.
    found = [row[:-1] for row in rows_of(engine, "metric_points") if row[6] == producer]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)


def test_the_latest_value_does_not_depend_on_the_order_of_arrival(engine: Engine) -> None:
    def batch(step: int, timestamp: int, value: float) -> e.MetricsLogged:
        one = np.array([0], dtype=np.int32), np.array([step]), np.array([timestamp]), np.array([value])
        return e.MetricsLogged("r", "", ("loss",), *one)

    points = [(3, 10, 0.5), (3, 10, float("nan")), (3, 9, 9.0), (-5, 99, 7.0), (3, 10, -0.5)]
    projector = MetricProjector(engine)
    for offset, point in enumerate(points):
        event = e.Event(e.Envelope(new_id(), 1, "p", offset), batch(*point))
        projector.apply([record(offset, event)], {TP: offset + 1})
    with engine.client() as client:
        query = "SELECT key, run_id, value, step, timestamp FROM latest_metrics FINAL"
        assert client.query(query).result_rows == [("loss", "r", 0.5, 3, 10)]


def test_an_empty_batch_only_moves_the_position(engine: Engine) -> None:
    none = np.array([], dtype=np.int64)
    empty = e.MetricsLogged("r", "", ("loss",), none.astype(np.int32), none, none, none.astype(np.float64))
    projector = MetricProjector(engine)
    assert projector.apply([record(0, e.Event(e.Envelope(new_id(), 1, "p", 0), empty))], {TP: 1}) == 0
    assert projector.positions() == {TP: 1}


def test_what_writers_say_of_themselves_only_moves_the_position(engine: Engine) -> None:
    one = np.array([0], np.int32), np.array([3]), np.array([7]), np.array([0.5])
    bodies = [
        e.WriterReported("r", "w", "attached", 1, 30.0),
        e.MetricsLogged("r", "w", ("loss",), *one),
        e.RunRewound("another", "w", 2),
    ]
    records = [
        Record(Position(*TP, offset), body.run_id, e.Event(e.Envelope(new_id(), 1, "p", offset), body), b"")
        for offset, body in enumerate(bodies)
    ]
    projector = MetricProjector(engine)
    assert projector.apply(records[:1], {TP: 1}) == 0
    assert projector.apply(records[1:], {TP: 3}) == 1
    assert projector.positions() == {TP: 3}
