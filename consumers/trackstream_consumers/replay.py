"""Rebuild every projection from the log, beside the live ones, and swap.

The shadow is a second database in the same engine. Readers see the live tables until the swap and the
new ones after it; a kill at any moment leaves live tables that the consumers complete by themselves.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_consumers.consumer import Consumer
from trackstream_consumers.engine import Engine
from trackstream_consumers.errors import ReplayRefused
from trackstream_consumers.migrate import migrate
from trackstream_consumers.pipeline import projectors
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_consumers.purge import forget_purged
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream_consumers.pipeline import Pipeline
    from trackstream_schemas.events import DeadLettered
    from trackstream_schemas.position import TopicPartition

_REPORT_EVERY = 0.2
_KEPT_AS_EVENTS = (
    topics.EXPERIMENTS,
    topics.RUNS,
    topics.LOGGED_MODELS,
    topics.TRACES,
    topics.REGISTRY,
    topics.ARTIFACTS,
)


@dataclass(frozen=True)
class ReplayProgress:
    """How far a replay is. `records_total` grows with the log while it runs."""

    records_done: int
    records_total: int
    rows: int
    """Rows written, mostly metric points."""
    seconds: float


def shadow_database(engine: Engine) -> str:
    """Return the name of the database that a replay of `engine`'s database builds."""
    return f"{engine.database}_shadow"


def drop_shadow(engine: Engine) -> None:
    """Remove what a replay that was killed has left behind. Not while one runs."""
    with engine.client() as client:
        client.command(f"DROP DATABASE IF EXISTS {shadow_database(engine)} SYNC")


def replay(pipeline: Pipeline, report: Callable[[ReplayProgress], None] | None = None) -> ReplayProgress:
    """Project the whole log anew and put the result in the place of the live tables.

    The live consumers go on meanwhile and are paused for the last stretch. Blobs are only added. Raises
    ReplayRefused, the live tables untouched, where the result does not hold as many records as the log;
    and whatever stopped a projection (for example TooManyDeadLetters).
    """
    drop_shadow(pipeline.engine)
    gathering = UploadSink(pipeline.uploads / "replay", pipeline.blobs)
    gathering.clear()
    shadow = Engine(pipeline.engine.target, shadow_database(pipeline.engine))
    letters: list[DeadLettered] = []
    consumers: list[Consumer] = []
    try:
        migrate(shadow)
        for projector in projectors(shadow, gathering):
            reader = pipeline.open_reader(projector.topics)
            consumers.append(Consumer(reader, projector, letters.append, pipeline.settings, pipeline.limits))
        run = ReplayRun(consumers, report)
        for consumer in consumers:
            consumer.start()
        run.wait_for(pipeline.ends())
        told = tell_new(shadow, letters, pipeline.dead_letters)
        with pipeline.paused():
            run.wait_for(pipeline.ends())
            for consumer in consumers:
                consumer.stop()
            tell_new(shadow, letters[told:], pipeline.dead_letters)
            check_counts(shadow, consumers, letters)
            forget_purged(shadow)
            live = UploadSink(pipeline.uploads, pipeline.blobs)
            partial = gathering.names()
            live.adopt(pipeline.uploads / "replay")
            swap_tables(pipeline.engine, shadow)
            live.keep_only(partial)
        return run.progress()
    finally:
        for consumer in consumers:
            consumer.close()
        gathering.clear()
        shadow.close()
        drop_shadow(pipeline.engine)


class ReplayRun:
    """Waits for the shadow's consumers and reports meanwhile."""

    def __init__(
        self, consumers: Sequence[Consumer], report: Callable[[ReplayProgress], None] | None
    ) -> None:
        """`report` is called several times a second while it waits."""
        self._consumers = consumers
        self._report = report
        self._began = time.monotonic()
        self._total = 0

    def wait_for(self, ends: dict[TopicPartition, int]) -> None:
        """Wait until all before these offsets is projected. Raises what stopped a projection."""
        self._total = sum(ends.values())
        for consumer in self._consumers:
            wanted = {key: end for key, end in ends.items() if key.topic in consumer.projector.topics}
            consumer.nudge()
            while not consumer.progress.wait_for(wanted, _REPORT_EVERY):
                failure = consumer.progress.snapshot().failure
                if failure is not None:
                    raise failure
                self._tell()
        self._tell()

    def progress(self) -> ReplayProgress:
        """Return how far it is."""
        states = [consumer.progress.snapshot() for consumer in self._consumers]
        done = sum(sum(state.positions.values()) for state in states)
        rows = sum(state.rows for state in states)
        return ReplayProgress(done, max(done, self._total), rows, time.monotonic() - self._began)

    def _tell(self) -> None:
        if self._report is not None:
            self._report(self.progress())


def tell_new(
    shadow: Engine, letters: Sequence[DeadLettered], dead_letters: Callable[[DeadLettered], None]
) -> int:
    """Put on the log the dead letters of this replay that are not on it yet; returns how many there were."""
    if not letters:
        return 0
    with shadow.client() as client:
        known = set(client.query("SELECT projector, topic, partition, offset FROM dead_letters").result_rows)
    for letter in letters:
        if (
            letter.projector,
            letter.source_topic,
            letter.source_partition,
            letter.source_offset,
        ) not in known:
            dead_letters(letter)
    return len(letters)


def check_counts(shadow: Engine, consumers: Sequence[Consumer], letters: Sequence[DeadLettered]) -> None:
    """Raise ReplayRefused where the shadow does not account for every record that was read."""
    entity_records = 0
    for consumer in consumers:
        state = consumer.progress.snapshot()
        read = {key: state.positions[key] - first for key, first in state.first.items()}
        if state.records != sum(read.values()):
            raise ReplayRefused(
                f"{consumer.projector.name}: {sum(read.values())} records are on the log and {state.records}"
                " were projected"
            )
        entity_records += sum(count for key, count in read.items() if key.topic in _KEPT_AS_EVENTS)
    wanted = entity_records - sum(letter.source_topic in _KEPT_AS_EVENTS for letter in letters)
    with shadow.client() as client:
        found = int(client.query("SELECT count() FROM events FINAL").result_rows[0][0])
    if found != wanted:
        raise ReplayRefused(f"{wanted} entity events were read from the log and {found} are in the new table")


def swap_tables(live: Engine, shadow: Engine) -> None:
    """Exchange all tables. What is derived goes first and the positions last, as when they are written:

    cut anywhere, the consumers go on from the old positions and complete what is missing. Before all comes
    the epoch, for consumers in other processes.
    """
    with shadow.client() as client:
        rows = client.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        ).result_rows
    last = ("experiments", "runs", "logged_models", "traces", "registered_models", "positions")
    names = sorted(
        (row[0] for row in rows if row[0] != "migrations"),
        key=lambda name: (name != "epochs", last.index(name) if name in last else -1, name),
    )
    pairs = ", ".join(f"{live.database}.{name} AND {shadow.database}.{name}" for name in names)
    with live.client() as client:
        client.command(f"EXCHANGE TABLES {pairs}")
