"""Rebuild projections from the log, beside the live ones, and swap.

The shadow is a second database in the same engine. Readers see the live tables until the swap and the
new ones after it; a kill at any moment leaves live tables that the consumers complete by themselves, and,
before the swap, a shadow that the next replay goes on with.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trackstream_consumers.consumer import Consumer
from trackstream_consumers.errors import ReplayRefused
from trackstream_consumers.pipeline import projectors
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_consumers.purge import forget_purged
from trackstream_consumers.rebuild.replay_contents import MissingContent, named_without_content, still_missing
from trackstream_consumers.rebuild.replay_plan import EVERYTHING, SelectedProjector
from trackstream_consumers.rebuild.replay_shadow import (
    Shadow,
    Source,
    drop_shadow,
    open_shadow,
    shadow_database,
)
from trackstream_consumers.rebuild.replay_tables import IN_EVENTS, REFOLDED_WHOLE, at_or_behind, swap_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.pipeline import Pipeline
    from trackstream_consumers.projectors.port import Projector
    from trackstream_consumers.rebuild.replay_plan import ReplayPlan
    from trackstream_schemas.events import DeadLettered
    from trackstream_schemas.position import TopicPartition

__all__ = [
    "ReplayProgress",
    "ReplayRun",
    "check_counts",
    "drop_shadow",
    "replay",
    "selected",
    "shadow_database",
    "swap_tables",
    "tell_new",
]

_REPORT_EVERY = 0.2


@dataclass(frozen=True)
class ReplayProgress:
    """How far a replay is. `records_total` grows with the log while it runs."""

    records_done: int
    records_total: int
    rows: int
    """Rows written, mostly metric points."""
    seconds: float
    resumed: bool = False
    """Whether it goes on with what an earlier replay has built; `rows` and `seconds` are of this one."""
    missing: tuple[MissingContent, ...] = ()
    """In the end: files whose content neither the blob store nor the log has."""


def replay(
    pipeline: Pipeline,
    report: Callable[[ReplayProgress], None] | None = None,
    plan: ReplayPlan = EVERYTHING,
    *,
    from_start: bool = False,
) -> ReplayProgress:
    """Project the log anew and put the result in the place of the live tables.

    The live consumers go on meanwhile and are paused for the last stretch. Blobs are only added. What a
    replay of the same plan has built before it was killed is gone on with, unless `from_start`. Raises
    ReplayRefused, the live tables untouched, where the result does not hold as many records as the log; and
    whatever stopped a projection (for example TooManyDeadLetters).
    """
    folder = pipeline.uploads / "replay"
    gathering = UploadSink(folder, pipeline.blobs)

    def seed() -> None:
        if "artifacts" not in plan.projectors:
            # Read behind the positions: what is here is as far as these, or further.
            folder.mkdir(parents=True, exist_ok=True)
            for part in pipeline.uploads.glob("*.part"):
                shutil.copy2(part, folder / part.name)

    source = Source(pipeline.engine, pipeline.open_reader, pipeline.ends)
    consumers: list[Consumer] = []
    opened = open_shadow(
        source, plan, 0, fenced=False, from_start=from_start, seed=seed, forget=gathering.clear
    )
    with opened as shadow:
        try:
            for projector in selected(shadow, projectors(shadow.engine, gathering)):
                reader = pipeline.open_reader(projector.topics)
                consumers.append(
                    Consumer(reader, projector, shadow.give_up, pipeline.settings, pipeline.limits)
                )
            run = ReplayRun(consumers, report, resumed=shadow.resumed)
            for consumer in consumers:
                consumer.start()
            run.wait_for(pipeline.ends())
            told = tell_new(shadow.engine, shadow.given_up(), pipeline.dead_letters)
            missing = named_without_content(shadow.engine, pipeline.blobs)
            with pipeline.paused():
                run.wait_for(pipeline.ends())
                for consumer in consumers:
                    consumer.stop()
                letters = shadow.given_up()
                tell_new(shadow.engine, letters, pipeline.dead_letters, told)
                check_counts(shadow.engine, consumers, letters, shadow)
                forget_purged(shadow.engine)
                live = UploadSink(pipeline.uploads, pipeline.blobs)
                partial = gathering.names()
                live.adopt(folder)
                shadow.begin_swap()
                swap_tables(pipeline.engine, shadow.engine)
                live.keep_only(partial)
            return replace(run.progress(), missing=still_missing(missing, pipeline.blobs))
        finally:
            for consumer in consumers:
                consumer.close()


class ReplayRun:
    """Waits for the shadow's consumers and reports meanwhile."""

    def __init__(
        self,
        consumers: Sequence[Consumer],
        report: Callable[[ReplayProgress], None] | None,
        resumed: bool = False,
    ) -> None:
        """`report` is called several times a second while it waits."""
        self._consumers = consumers
        self._report = report
        self._resumed = resumed
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
        total = max(done, self._total)
        return ReplayProgress(done, total, rows, time.monotonic() - self._began, self._resumed)

    def _tell(self) -> None:
        if self._report is not None:
            self._report(self.progress())


def selected(shadow: Shadow, found: Sequence[Projector]) -> list[Projector]:
    """Return the projectors that fill a shadow: those that are rebuilt go over what is not selected."""
    selection = shadow.selection
    if selection is None:
        return list(found)
    rebuilt = shadow.plan.projectors
    return [SelectedProjector(one, selection) if one.name in rebuilt else one for one in found]


def tell_new(
    shadow: Engine,
    letters: Sequence[DeadLettered],
    dead_letters: Callable[[DeadLettered], None],
    told: frozenset[tuple[str, str, int, int]] = frozenset(),
) -> frozenset[tuple[str, str, int, int]]:
    """Put on the log the dead letters of this replay that are neither on it nor `told`; return all."""
    given_up = {
        (letter.projector, letter.source_topic, letter.source_partition, letter.source_offset): letter
        for letter in letters
    }
    if given_up:
        with shadow.client() as client:
            rows = client.query("SELECT projector, topic, partition, offset FROM dead_letters").result_rows
        known = told.union(tuple(row) for row in rows)
        for place, letter in given_up.items():
            if place not in known:
                dead_letters(letter)
    return told.union(given_up)


def check_counts(
    shadow: Engine, consumers: Sequence[Consumer], letters: Sequence[DeadLettered], of: Shadow
) -> None:
    """Raise ReplayRefused where the shadow does not account for every record that was read."""
    for consumer in consumers:
        state = consumer.progress.snapshot()
        read = sum(state.positions[key] - first for key, first in state.first.items())
        if state.records != read:
            raise ReplayRefused(
                f"{consumer.projector.name}: {read} records are on the log and {state.records} were projected"
            )
    kept = sorted(IN_EVENTS.intersection(of.plan.topics))
    rows = f"topic IN ({', '.join(map(repr, kept))})"
    if of.selection is None:
        wanted = sum(
            offset
            for consumer in consumers
            for key, offset in consumer.progress.snapshot().positions.items()
            if key.topic in kept
        )
        wanted -= sum(letter.source_topic in kept for letter in letters)
    else:
        wanted = sum(count for topic, count in of.selection.applied.items() if topic in kept)
        whole = ", ".join(map(repr, sorted(REFOLDED_WHOLE)))
        rows += (
            f" AND (topic IN ({whole}) OR entity_id IN (SELECT id FROM touched)"
            f" OR {at_or_behind(of.selection.taken_over)})"
        )
    with shadow.client() as client:
        found = int(client.query(f"SELECT count() FROM events FINAL WHERE {rows}").result_rows[0][0])
    if kept and found != wanted:
        raise ReplayRefused(f"{wanted} entity events were read from the log and {found} are in the new table")
