"""Branches of a run: the fold against the rules told one by one, and the tables against the fold."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.consumers import story
from trackstream_consumers.metric_branches import Rewind, branches
from trackstream_consumers.projectors.metrics import MetricProjector
from trackstream_consumers.records import Record
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.ids import new_id
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

TP = TopicPartition(topics.METRICS, 0)
RUN = "rewound-run"


class Point(NamedTuple):
    producer: str
    sequence: int
    key: str
    step: int


@dataclass
class Model:
    """The rules, carried out one record at a time: for each branch the points that it shows."""

    shown: list[set[Point]] = field(default_factory=lambda: [set()])
    seen: set[tuple[str, int]] = field(default_factory=set)
    on: dict[str, int] = field(default_factory=dict)
    """Branch that each process is on."""
    steps: list[int] = field(default_factory=list)
    joined: set[str] = field(default_factory=set)

    def take(self, producer: str, sequence: int, body: e.Body) -> None:
        if (producer, sequence) in self.seen:
            return
        self.seen.add((producer, sequence))
        newest = len(self.steps)
        if isinstance(body, e.RunRewound):
            if self.steps and body.step == self.steps[-1] and body.writer not in self.joined:
                self.joined.add(body.writer)
            else:
                self.steps.append(body.step)
                self.shown.append({point for point in self.shown[-1] if point.step <= body.step})
                self.joined = {body.writer}
                newest += 1
            self.on[producer] = newest
        else:
            branch = self.on.setdefault(producer, newest)
            assert isinstance(body, e.MetricsLogged)
            for step in body.steps.tolist():
                for shown in range(branch, newest + 1):
                    if all(step <= limit for limit in self.steps[branch:shown]):
                        self.shown[shown].add(Point(producer, sequence, body.keys[0], step))


def told(chance: random.Random) -> list[tuple[str, int, e.Body]]:
    """A history of several processes in log order, with repeats: (producer, sequence, body)."""
    sequences: dict[str, int] = {}
    found: list[tuple[str, int, e.Body]] = []
    for _ in range(chance.randint(1, 40)):
        producer = f"p{chance.randint(0, 4)}"
        writer = f"rank{chance.randint(0, 2)}"
        if found and chance.random() < 0.15:
            found.append(chance.choice(found))
            continue
        sequence = sequences.get(producer, -1) + chance.choice((1, 1, 3))
        sequences[producer] = sequence
        body: e.Body
        if chance.random() < 0.25:
            body = e.RunRewound(RUN, writer, chance.choice((-1, 2, 2, 5)))
        else:
            steps = [chance.randint(-3, 9) for _ in range(chance.randint(0, 3))]
            body = story.points(RUN, chance.choice("ab"), *steps, writer=writer)
        found.append((producer, sequence, body))
    return found


def modelled(history: Sequence[tuple[str, int, e.Body]]) -> Model:
    model = Model()
    for producer, sequence, body in history:
        model.take(producer, sequence, body)
    return model


@given(st.integers(0, 2**32))
def test_the_fold_shows_on_each_branch_what_the_rules_say(seed: int) -> None:
    history = told(random.Random(seed))
    model = modelled(history)
    first: dict[str, int] = {}
    rewinds: dict[tuple[str, int], Rewind] = {}
    for offset, (producer, sequence, body) in enumerate(history):
        first.setdefault(producer, offset)
        if isinstance(body, e.RunRewound):
            at = (producer, sequence)
            rewinds.setdefault(at, Rewind(offset, producer, sequence, body.writer, body.step))
    found = branches(list(rewinds.values())[::-1], first)
    assert found.steps == tuple(model.steps)
    everything = {
        Point(producer, sequence, body.keys[0], step)
        for producer, sequence, body in history
        if isinstance(body, e.MetricsLogged)
        for step in body.steps.tolist()
    }
    for branch, wanted in enumerate(model.shown):
        hidden = found.hidden(branch)
        shown = {
            point
            for point in everything
            if not any(
                point.producer == item.producer_id
                and item.from_sequence <= point.sequence < item.below_sequence
                and point.step >= item.from_step
                for item in hidden
            )
        }
        assert shown == wanted, f"branch {branch}"


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_the_tables_show_what_the_rules_say_however_it_is_cut(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    history = told(chance)
    model = modelled(history)
    run_id = new_id()
    records = [
        Record(
            Position(*TP, offset),
            run_id,
            e.Event(e.Envelope(new_id(), 1, producer, sequence), of(body, run_id)),
            b"",
        )
        for offset, (producer, sequence, body) in enumerate(history)
    ]
    projector = MetricProjector(engine)
    at = 0
    while at < len(records):
        size = chance.randint(1, 8)
        # Once more from some way back, as after a kill, by this process or the next.
        if chance.random() < 0.4:
            at = max(0, at - chance.randint(0, 10))
            projector = chance.choice((projector, MetricProjector(engine)))
        projector.apply(records[at : at + size], {TP: at + size})
        at += size
    with engine.client() as client:
        parameters = {"run": run_id}
        rows = client.query(
            "SELECT producer_id, sequence, key, step FROM v_metrics WHERE run_id = {run:String}",
            parameters=parameters,
        ).result_rows
        latest = client.query(
            "SELECT key, step FROM latest_metrics FINAL WHERE run_id = {run:String}", parameters=parameters
        ).result_rows
    assert {Point(*row) for row in rows} == model.shown[-1]
    highest: dict[str, int] = {}
    for point in model.shown[-1]:
        highest[point.key] = max(point.step, highest.get(point.key, -100))
    assert dict(latest) == highest


def of(body: e.Body, run_id: str) -> e.Body:
    """The same body for another run, so that examples do not meet in the tables."""
    if isinstance(body, e.RunRewound):
        return e.RunRewound(run_id, body.writer, body.step)
    assert isinstance(body, e.MetricsLogged)
    return e.MetricsLogged(
        run_id, body.writer, body.keys, body.key_index, body.steps, body.timestamps, body.values
    )


def test_points_that_were_sent_twice_around_a_rewind_stay_on_their_branch(engine: Engine) -> None:
    history: list[tuple[str, int, e.Body]] = [
        ("p", 0, story.points("r", "loss", 1, 2, 3)),
        ("p", 1, e.RunRewound("r", "", 1)),
        ("p", 2, story.points("r", "loss", 2)),
        ("p", 0, story.points("r", "loss", 1, 2, 3)),
        ("p", 1, e.RunRewound("r", "", 1)),
    ]
    projector = MetricProjector(engine)
    for offset, (producer, sequence, body) in enumerate(history):
        event = e.Event(e.Envelope(new_id(), 1, producer, sequence), body)
        projector.apply([Record(Position(*TP, offset), "r", event, b"")], {TP: offset + 1})
    with engine.client() as client:
        found = client.query("SELECT step, sequence, offset FROM v_metrics ORDER BY step").result_rows
        latest = client.query("SELECT key, step FROM v_latest_metrics").result_rows
    assert found == [(1, 0, 0), (2, 2, 2)]
    assert latest == [("loss", 2)]
