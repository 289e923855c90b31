"""What a snapshot consists of: the tables that queries read, each filled with what was in it at a cut.

Consumers go on writing to the live tables meanwhile. Each part is therefore copied first, and what has
changed since the cut is looked up afterwards and made anew from what came before it: whatever comes in
between is made anew as well.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from trackstream_api.as_of.past_points import fill_latest, fill_points
from trackstream_consumers import store
from trackstream_consumers.aggregates.experiments import EXPERIMENTS as EXPERIMENT_COLUMNS
from trackstream_consumers.aggregates.experiments import Experiments
from trackstream_consumers.aggregates.launches import LAUNCHES as LAUNCH_COLUMNS
from trackstream_consumers.aggregates.launches import Launches
from trackstream_consumers.aggregates.registered_models import (
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    RegisteredModels,
)
from trackstream_consumers.aggregates.runs import RUNS as RUN_COLUMNS
from trackstream_consumers.aggregates.runs import Runs
from trackstream_consumers.migrate import known_migrations
from trackstream_consumers.records import Record
from trackstream_schemas import codec, topics
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from trackstream_api.as_of.past import Past
    from trackstream_consumers.aggregates.port import Aggregate

_OF_A_TABLE = re.compile(r"(?:CREATE TABLE IF NOT EXISTS|ALTER TABLE)\s+(\w+)")
_RECORDS_AT_ONCE = 20_000
# Another version of a purged entity must not come back: a purge is for ever.
_STAYS = "lifecycle_stage != 'purged'"


@dataclass(frozen=True)
class Part:
    """Some tables of a snapshot that are filled together."""

    topic: str
    """What they are projected from."""
    tables: tuple[str, ...]
    """Made as the migrations make them. Views are made with the filling."""
    fill: Callable[[Past], None]
    """Fills the tables, which are empty. Raises SlowDown."""
    needs: tuple[Part, ...] = ()
    """What is to be filled before."""

    def make(self, past: Past) -> None:
        """Make the tables, empty."""
        for migration in known_migrations():
            for statement in migration.statements:
                found = _OF_A_TABLE.match(statement)
                if found and found[1] in self.tables:
                    past.run(statement)

    def empty(self, past: Past) -> None:
        """Empty the tables."""
        for table in self.tables:
            past.run(f"TRUNCATE TABLE {table}")


def in_order(parts: Collection[Part]) -> list[Part]:
    """Return these parts and all that they need, whatever is needed first."""
    found: dict[Part, None] = {}
    for part in parts:
        found |= dict.fromkeys((*in_order(part.needs), part))
    return list(found)


def parts_of_search(*terms: str) -> tuple[Part, ...]:
    """Return what a search for runs reads whose filter and order these are."""
    text = " ".join(terms).lower()
    laid_out = [part for word, part in (("param", PARAMS), ("tag", TAGS)) if word in text]
    return EXPERIMENTS, RUNS, LATEST, *laid_out


def _fill_experiments(past: Past) -> None:
    _copy(
        past,
        "experiments",
        EXPERIMENT_COLUMNS.names,
        f"{_version_is_in(past, topics.EXPERIMENTS)} AND {_STAYS}",
    )
    _fold_changed(past, Experiments(), "experiments", "experiment_id")


def _fill_runs(past: Past) -> None:
    _copy(past, "runs", RUN_COLUMNS.names, f"{_version_is_in(past, topics.RUNS)} AND {_STAYS}")
    _fold_changed(past, Runs(), "runs", "run_id")


def _fill_launches(past: Past) -> None:
    _copy(past, "launches", LAUNCH_COLUMNS.names, _version_is_in(past, topics.LAUNCHES))
    # Launches are not purged.
    _fold_changed(past, Launches(), "launches", "launch_id", "1")


def _fill_values(past: Past, column: str) -> None:
    # Not copied: a projector writes them before the run's row, so the live ones may be ahead of it.
    past.run(
        f"INSERT INTO run_{column} (key, run_id, value, version, is_deleted)"
        f" SELECT item.1, run_id, item.2, version, 0 FROM runs FINAL"
        f" ARRAY JOIN CAST({column}, 'Array(Tuple(String, String))') AS item"
    )


def _fill_registry(past: Past) -> None:
    """Copy all, or fold all: which model has a name depends on the other models."""
    is_in = _version_is_in(past, topics.REGISTRY)
    # All of the registry is in one partition.
    version_is_in = f"version <= arrayMax({past.ends(topics.REGISTRY)})"
    _copy(past, "registered_models", REGISTERED_MODELS.names, is_in)
    _copy(past, "model_versions", MODEL_VERSIONS.names, version_is_in)
    changed = past.select(
        f"SELECT (SELECT count() FROM {past.live}.registered_models FINAL WHERE NOT {is_in})"
        f" + (SELECT count() FROM {past.live}.model_versions FINAL WHERE NOT {version_is_in})"
    )[0][0]
    if changed:
        for table in ("registered_models", "model_versions"):
            past.run(f"TRUNCATE TABLE {table}")
        # In the order of the log, which decides between the models.
        records = sorted(_records(past, topics.REGISTRY, "1", {}), key=lambda record: record.position)
        for table, rows in RegisteredModels().project(past.engine, records).items():
            store.insert(past.engine, table, rows)


def _fill_files(past: Past) -> None:
    """Make a view of the events: there is a row for each, and few are asked for at once.

    As the projector does, it leaves out what a producer appended again.
    """
    past.run(
        f"""
        CREATE OR REPLACE VIEW artifacts AS
        SELECT run_id, path, size, sha256, content_type, logged_at, version, is_deleted
        FROM
        (
            SELECT *, row_number() OVER (PARTITION BY run_id, path ORDER BY version DESC) AS place
            FROM
            (
                SELECT
                    entity_id AS run_id,
                    JSONExtractString(payload, 'path') AS path,
                    JSONExtractUInt(payload, 'size') AS size,
                    JSONExtractString(payload, 'sha256') AS sha256,
                    JSONExtractString(payload, 'content_type') AS content_type,
                    occurred_at AS logged_at,
                    offset + 1 AS version,
                    toUInt8(event_type = 'ArtifactDeleted') AS is_deleted,
                    sequence,
                    max(sequence) OVER earlier AS applied,
                    count() OVER earlier AS appended
                FROM {past.live}.events FINAL
                WHERE topic = '{topics.ARTIFACTS}' AND {past.is_in(topics.ARTIFACTS)}
                WINDOW earlier AS (
                    PARTITION BY entity_id, producer_id ORDER BY offset
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                )
            )
            WHERE appended = 0 OR sequence > applied
        )
        WHERE place = 1 AND NOT is_deleted AND run_id NOT IN (SELECT owner FROM {past.live}.purged_owners)
        """
    )


def _version_is_in(past: Past, topic: str) -> str:
    # A version is the offset of the last event + 1.
    return past.is_in(topic, "version - 1")


def _copy(past: Past, table: str, columns: Sequence[str], condition: str) -> None:
    names = ", ".join(columns)
    past.run(f"INSERT INTO {table} ({names}) SELECT {names} FROM {past.live}.{table} FINAL WHERE {condition}")


def _fold_changed(past: Past, aggregate: Aggregate, table: str, id_column: str, stays: str = _STAYS) -> None:
    """Fold the entities that have changed since the cut, as far as they were there before."""
    is_in = _version_is_in(past, aggregate.topic)
    changed = f"SELECT {id_column} FROM {past.live}.{table} FINAL WHERE NOT ({is_in}) AND {stays}"
    behind = ""
    while True:
        found = _records(
            past,
            aggregate.topic,
            f"entity_id IN ({changed}) AND entity_id > {{behind:String}}",
            {"behind": behind},
            f"LIMIT {_RECORDS_AT_ONCE}",
        )
        if not found:
            return
        behind = found[-1].key
        if len(found) == _RECORDS_AT_ONCE:
            # The last entity may have more of them than these.
            found = [record for record in found if record.key != behind]
            found += _records(past, aggregate.topic, "entity_id = {id:String}", {"id": behind})
        store.insert(past.engine, table, aggregate.project(past.engine, found)[table])


def _records(
    past: Past, topic: str, condition: str, parameters: Mapping[str, str], limit: str = ""
) -> list[Record]:
    """Return records before the cut, by entity, those of each in log order."""
    found = past.select(
        # base64 in the engine: the driver would read the bytes of a String as text.
        f"SELECT partition, offset, entity_id, base64Encode(message) FROM {past.live}.events FINAL"
        f" WHERE topic = '{topic}' AND {past.is_in(topic)} AND {condition}"
        f" ORDER BY entity_id, partition, offset {limit}",
        parameters,
    )
    records = []
    for partition, offset, key, encoded in found:
        message = base64.b64decode(encoded)
        records.append(Record(Position(topic, partition, offset), key, codec.decode(message), message))
    return records


EXPERIMENTS = Part(topics.EXPERIMENTS, ("experiments",), _fill_experiments)
RUNS = Part(topics.RUNS, ("runs",), _fill_runs)
PARAMS = Part(topics.RUNS, ("run_params",), partial(_fill_values, column="params"), (RUNS,))
"""Params laid out for search."""
TAGS = Part(topics.RUNS, ("run_tags",), partial(_fill_values, column="tags"), (RUNS,))
"""Tags laid out for search."""
POINTS = Part(topics.METRICS, ("superseded",), fill_points)
"""Metric points, rewinds, and which points these have superseded."""
LATEST = Part(topics.METRICS, ("latest_metrics",), fill_latest, (POINTS,))
"""The latest value of each metric."""
REGISTRY = Part(topics.REGISTRY, ("registered_models", "model_versions"), _fill_registry)
FILES = Part(topics.ARTIFACTS, (), _fill_files)
"""Which files runs have; their contents are in the blob store."""
LAUNCHES = Part(topics.LAUNCHES, ("launches",), _fill_launches)
PARTS = (EXPERIMENTS, RUNS, PARAMS, TAGS, POINTS, LATEST, REGISTRY, FILES, LAUNCHES)
