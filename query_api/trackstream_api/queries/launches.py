"""Launches by id, newest first, and those of which nothing is heard any more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trackstream_api.models.launches import Launch, LaunchPage
from trackstream_api.queries import page_token
from trackstream_api.queries.execution import select
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

UNFINISHED = ("preparing", "ready", "running")
"""States in which a launcher gives signs of life."""
LOST = "launcher lost: nothing was heard of it for three heartbeats"

_NAMES = tuple(name for name in Launch.model_fields if name != "conflicts")
_SILENT = """(launches.state IN ('preparing', 'ready', 'running')
    AND coalesce(launches.last_seen, 0) + toInt64(3000 * launches.heartbeat_s) < {now:Int64})"""
_COLUMNS = ", ".join(f"launches.{name}" for name in _NAMES)


def get(engine: Engine, launch_id: str, now: int) -> Launch:
    """Return one launch as it is at `now` (ms). Raises NotFound."""
    sql = f"""
        SELECT {_COLUMNS}, conflicts, {_SILENT} FROM launches FINAL
        WHERE launch_id = {{id:String}} AND requested_at > 0
    """
    rows = select(engine, sql, {"id": launch_id, "now": now})
    if not rows:
        raise NotFound(f"no launch with id {launch_id!r}")
    return _launch(rows[0])


def find(
    engine: Engine,
    states: Sequence[str],
    run_id: str | None,
    limit: int,
    token: str | None,
    now: int,
    entry_point: str | None = None,
    id_part: str | None = None,
) -> LaunchPage:
    """Return a page of launches, those requested last first; of these states, this run and entry point, and
    with an id that begins or ends like this, if any are given.
    """
    query = ("launches", *states, run_id or "", entry_point or "", id_part or "")
    place = page_token.read(token, (int, str), query) if token else [2**62, ""]
    sql = f"""
        SELECT {_COLUMNS}, conflicts, {_SILENT} AS silent FROM launches FINAL
        WHERE requested_at > 0 AND (requested_at, launch_id) < ({{at:Int64}}, {{after:String}})
            AND ({{run:String}} = '' OR run_id = {{run:String}})
            AND ({{entry_point:String}} = '' OR entry_point = {{entry_point:String}})
            AND (startsWith(launch_id, {{part:String}}) OR endsWith(launch_id, {{part:String}}))
            AND (empty({{states:Array(String)}})
                OR has({{states:Array(String)}}, if(silent, 'failed', state)))
        ORDER BY requested_at DESC, launch_id DESC LIMIT {{limit:UInt32}}
    """
    parameters = {
        "at": place[0],
        "after": place[1],
        "run": run_id or "",
        "entry_point": entry_point or "",
        "part": id_part or "",
        "states": list(states),
        "limit": limit + 1,
        "now": now,
    }
    found = [_launch(row) for row in select(engine, sql, parameters)]
    more = len(found) > limit
    found = found[:limit]
    last = [found[-1].requested_at, found[-1].launch_id] if found else []
    return LaunchPage.model_construct(
        launches=found, next_page_token=page_token.write(last, query) if more else None
    )


def silent(engine: Engine, now: int) -> list[tuple[str, str, str, bool]]:
    """Return the launches whose launcher is silent at `now` (ms), but not yet recorded as lost.

    Each as its id, its claim, its run, and whether another launcher may take it.
    """
    sql = f"""
        SELECT launch_id, claim_id, run_id, queue IS NOT NULL AND attempts < max_attempts FROM launches FINAL
        WHERE requested_at > 0 AND {_SILENT}
    """
    return [(row[0], row[1], row[2], bool(row[3])) for row in select(engine, sql, {"now": now})]


def _launch(row: Sequence[Any]) -> Launch:
    values = dict(zip(_NAMES, row, strict=False))
    if row[-1]:
        values |= {"state": "failed", "lost": True, "reason": LOST}
    conflicts = [json.loads(entry) for entry in row[-2]]
    return Launch.model_construct(**values, conflicts=conflicts)
