"""The database that a replay fills beside the live one, and what survives a kill of the replay in it.

Beside the tables it holds the plan, once all that is taken over from the live tables is in, and the records
that were given up. A later replay of the same plan goes on from the positions in it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trackstream_consumers.engine import Engine
from trackstream_consumers.epoch import FixedEpoch, fence_tables
from trackstream_consumers.errors import ReplayRefused
from trackstream_consumers.migrate import known_migrations, migrate
from trackstream_consumers.rebuild.replay_plan import Selection, touched_since
from trackstream_consumers.rebuild.replay_tables import copy_rows, tables_of
from trackstream_consumers.store import POSITIONS, engine_errors, insert
from trackstream_schemas.errors import Unavailable
from trackstream_schemas.events import DeadLettered
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trackstream_consumers.log.port import LogReader
    from trackstream_consumers.rebuild.replay_plan import ReplayPlan

_BUILDING, _SWAPPING = "building", "swapping"
_IDS_AT_ONCE = 10_000
_OWN_TABLES = (
    "replay_state (plan String, state String)",
    "touched (id String)",
    "given_up (projector String, topic String, partition UInt16, offset UInt64, key String, value String,"
    " error_type String, error_message String)",
)


@dataclass(frozen=True)
class Source:
    """What a shadow is filled from."""

    live: Engine
    open_reader: Callable[[Sequence[str]], LogReader]
    ends: Callable[[], Mapping[TopicPartition, int]]
    """Tells how far the log reaches now."""


class Shadow:
    """The shadow of one replay. Made by `open_shadow`."""

    def __init__(self, engine: Engine, plan: ReplayPlan, resumed: bool, selection: Selection | None) -> None:
        self.engine = engine
        self.plan = plan
        self.resumed = resumed
        """Whether an earlier replay has begun it."""
        self.selection = selection
        """What is projected again where it is not all; None: all."""

    def give_up(self, letter: DeadLettered) -> None:
        """Remember a record that could not be projected. What a consumer is given for dead letters."""
        row = [
            letter.projector,
            letter.source_topic,
            letter.source_partition,
            letter.source_offset,
            letter.key,
            b64encode(letter.value).decode(),
            letter.error_type,
            letter.error_message,
        ]
        with engine_errors(), self.engine.client() as client:
            client.insert("given_up", [row])

    def given_up(self) -> list[DeadLettered]:
        """Return the records that were given up, each once, also by lives of this replay before this one."""
        with engine_errors(), self.engine.client() as client:
            rows = client.query("SELECT DISTINCT * FROM given_up ORDER BY ALL").result_rows
        found: dict[tuple[Any, ...], DeadLettered] = {}
        for projector, topic, partition, offset, key, value, kind, message in rows:
            letter = DeadLettered(projector, topic, partition, offset, key, b64decode(value), kind, message)
            found[projector, topic, partition, offset] = letter
        return list(found.values())

    def begin_swap(self) -> None:
        """Note that from now on tables here may be those that were live: nobody may go on with them."""
        with engine_errors(), self.engine.client() as client:
            client.insert("replay_state", [["", _SWAPPING]])


def shadow_database(engine: Engine) -> str:
    """Return the name of the database that a replay of `engine`'s database builds."""
    return f"{engine.database}_shadow"


def drop_shadow(engine: Engine) -> None:
    """Remove what a replay that was killed has left behind. Not while one runs."""
    drop_database(engine, shadow_database(engine))


def drop_database(engine: Engine, database: str) -> None:
    """Remove a database of the same store, if it is there."""
    with engine.client() as client:
        client.command(f"DROP DATABASE IF EXISTS {database} SYNC")


def is_resumable(live: Engine, plan: ReplayPlan, epoch: int) -> bool:
    """Whether a shadow is there that a replay of this plan can go on with."""
    database = shadow_database(live)
    if plan.since is not None or not _has_table(live, database, "replay_state"):
        return False
    with engine_errors(), live.client() as client:
        states = client.query(f"SELECT plan, state FROM {database}.replay_state").result_rows
        applied = {row[0] for row in client.query(f"SELECT number FROM {database}.migrations").result_rows}
    known = {migration.number for migration in known_migrations()}
    return states == [(plan.text(epoch), _BUILDING)] and applied == known


@contextmanager
def open_shadow(
    source: Source,
    plan: ReplayPlan,
    epoch: int,
    *,
    fenced: bool,
    from_start: bool,
    seed: Callable[[], None],
    forget: Callable[[], None],
) -> Iterator[Shadow]:
    """Give the shadow for a plan: the one that was left behind where that will do, else a new one.

    `fenced`: its tables take only rows of the epoch after `epoch`. `seed` is called once it is known from
    where the projectors go on, for what they keep outside of the database, and `forget` where that is not
    needed any more. The shadow is removed in the end, but kept where the replay was interrupted: by a kill,
    by Unavailable, or by what is no Exception.
    """
    live = source.live
    resumed = not from_start and is_resumable(live, plan, epoch)
    if not resumed:
        forget()
        drop_shadow(live)
        with live.client() as client:
            # Without IF NOT EXISTS: of two replays that begin at once, one fails here.
            client.command(f"CREATE DATABASE {shadow_database(live)}")
    unfenced = Engine(live.target, shadow_database(live))
    engine = unfenced.fenced(FixedEpoch(epoch + 1)) if fenced else unfenced
    keep = False
    try:
        selection = None
        if not resumed:
            migrate(unfenced, views=False)
            if fenced:
                fence_tables(unfenced, epoch + 1)
            selection = _fill(source, engine, plan, epoch, seed)
        yield Shadow(engine, plan, resumed, selection)
    except BaseException as error:
        keep = isinstance(error, Unavailable) or not isinstance(error, Exception)
        raise
    finally:
        unfenced.close()
        if not keep:
            drop_shadow(live)
            forget()


def _fill(
    source: Source, engine: Engine, plan: ReplayPlan, epoch: int, seed: Callable[[], None]
) -> Selection | None:
    """Make the tables of the replay's own, and take over what the plan keeps."""
    with engine_errors(), engine.client() as client:
        for table in _OWN_TABLES:
            client.command(f"CREATE TABLE {table} ENGINE = Log")
    selection = None
    if not plan.is_whole:
        _check_same_make(source.live, engine)
        reached = _positions(source.live)
        kept = {
            at: offset for at, offset in reached.items() if at[0].partition(".")[0] not in plan.projectors
        }
        rows = [
            {"projector": name, "topic": topic, "partition": partition, "next_offset": offset}
            for (name, topic, partition), offset in kept.items()
        ]
        insert(engine, "positions", pa.Table.from_pylist(rows, schema=POSITIONS))
        seed()
        if plan.since is not None:
            selection = _select(source, engine, plan, plan.since, reached)
        copy_rows(source.live, engine, plan.kept)
    with engine_errors(), engine.client() as client:
        client.insert("replay_state", [[plan.text(epoch), _BUILDING]])
    return selection


def _select(
    source: Source,
    engine: Engine,
    plan: ReplayPlan,
    since: Mapping[TopicPartition, int],
    reached: Mapping[tuple[str, str, int], int],
) -> Selection:
    """Note which entities are projected again."""
    by_partition = {
        TopicPartition(topic, partition): offset
        for (name, topic, partition), offset in reached.items()
        if name in plan.projectors
    }
    taken_over = {
        at: min(by_partition.get(at, 0), end) for at, end in source.ends().items() if at.topic in plan.topics
    }
    touched = sorted(touched_since(source.open_reader, since, taken_over))
    with engine_errors(), engine.client() as client:
        for start in range(0, len(touched), _IDS_AT_ONCE):
            client.insert("touched", [[key] for key in touched[start : start + _IDS_AT_ONCE]])
    return Selection(frozenset(touched), taken_over)


def _positions(live: Engine) -> dict[tuple[str, str, int], int]:
    """Return all stored positions of projectors, by projector, topic and partition."""
    query = "SELECT projector, topic, partition, next_offset FROM positions FINAL WHERE topic != ''"
    with engine_errors(), live.client() as client:
        return {(row[0], row[1], row[2]): row[3] for row in client.query(query).result_rows}


def _check_same_make(live: Engine, shadow: Engine) -> None:
    """Raise ReplayRefused where live tables were made by a version whose rows say less."""
    there = {table.name: table for table in tables_of(live)}
    for table in tables_of(shadow):
        found = there.get(table.name)
        if found is None or found[1:3] != table[1:3] or set(found.columns) != set(table.columns):
            raise ReplayRefused(
                f"the live table {table.name} was made by an earlier version and cannot be taken over:"
                " run `trackstream replay` once without --topic and --since"
            )


def _has_table(engine: Engine, database: str, table: str) -> bool:
    query = "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table:String}"
    with engine_errors(), engine.client() as client:
        found = client.query(query, parameters={"database": database, "table": table}).result_rows
    return bool(found[0][0])
