"""Launches by id, newest first, and those of which nothing is heard any more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trackstream_api.launch_queue.decision import Seen
from trackstream_api.launch_queue.losses import lost_reason
from trackstream_api.models.launches import Launch, LaunchPage, LaunchQueue
from trackstream_api.queries import page_token
from trackstream_api.queries.execution import select
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_consumers.engine import Engine

UNFINISHED = ("preparing", "ready", "running")
"""States in which a launcher gives signs of life."""

_NAMES = tuple(name for name in Launch.model_fields if name != "conflicts")
_SILENT = """(launches.state IN ('preparing', 'ready', 'running')
    AND coalesce(launches.last_seen, 0) + toInt64(3000 * launches.heartbeat_s) < {now:Int64})"""
_WHEN_SILENT = """multiIf(launches.cancel_requested, 'cancelled',
    launches.queue IS NOT NULL AND launches.attempts < launches.max_attempts, 'requested', 'failed')"""
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
    queue: str | None = None,
    *,
    oldest_first: bool = False,
) -> LaunchPage:
    """Return a page of launches, those requested last first; of these states, this run, entry point and
    queue, and with an id that begins or ends like this, if any are given.
    """
    order = "oldest" if oldest_first else ""
    query = ("launches", *states, run_id or "", entry_point or "", id_part or "", queue or "", order)
    begin = [0, ""] if oldest_first else [2**62, ""]
    place = page_token.read(token, (int, str), query) if token else begin
    after, way = (">", "ASC") if oldest_first else ("<", "DESC")
    sql = f"""
        SELECT {_COLUMNS}, conflicts, {_SILENT} AS silent FROM launches FINAL
        WHERE requested_at > 0 AND (requested_at, launch_id) {after} ({{at:Int64}}, {{after:String}})
            AND ({{run:String}} = '' OR run_id = {{run:String}})
            AND ({{queue:String}} = '' OR queue = {{queue:String}})
            AND ({{entry_point:String}} = '' OR entry_point = {{entry_point:String}})
            AND (startsWith(launch_id, {{part:String}}) OR endsWith(launch_id, {{part:String}}))
            AND (empty({{states:Array(String)}})
                OR has({{states:Array(String)}}, if(silent, {_WHEN_SILENT}, state)))
        ORDER BY requested_at {way}, launch_id {way} LIMIT {{limit:UInt32}}
    """
    parameters = {
        "at": place[0],
        "after": place[1],
        "run": run_id or "",
        "queue": queue or "",
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


def queue_counts(engine: Engine, names: Sequence[str], now: int) -> list[LaunchQueue]:
    """Return what waits in these queues and what is in hand at `now` (ms), in the order given."""
    sql = f"""
        SELECT queue, countIf(shown = 'requested'), countIf(shown IN {{taken:Array(String)}}) FROM
        (
            SELECT queue, if({_SILENT}, {_WHEN_SILENT}, state) AS shown FROM launches FINAL
            WHERE requested_at > 0 AND has({{names:Array(String)}}, ifNull(queue, ''))
        )
        GROUP BY queue
    """
    rows = select(engine, sql, {"names": list(names), "taken": list(UNFINISHED), "now": now})
    found = {queue: (waiting, taken) for queue, waiting, taken in rows}
    counts = [(name, *found.get(name, (0, 0))) for name in names]
    return [LaunchQueue(name=name, waiting=waiting, taken=taken) for name, waiting, taken in counts]


def silent(engine: Engine, now: int) -> list[Seen]:
    """Return the launches whose launcher is silent at `now` (ms), but not yet recorded as lost.

    One attempt is all that a launch without a queue has.
    """
    sql = f"""
        SELECT launch_id, claim_id, attempts, if(queue IS NULL, 1, max_attempts), backend, run_id, true,
            cancel_requested
        FROM launches FINAL WHERE requested_at > 0 AND {_SILENT}
    """
    return [Seen(*row) for row in select(engine, sql, {"now": now})]


def _launch(row: Sequence[Any]) -> Launch:
    values = dict(zip(_NAMES, row, strict=False))
    if row[-1]:
        values |= _when_silent(values)
    conflicts = [json.loads(entry) for entry in row[-2]]
    return Launch.model_construct(**values, conflicts=conflicts)


def _when_silent(launch: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a launch is whose launcher is silent: what its fold makes of the word that it is lost."""
    reason = lost_reason(launch["attempts"], 1 if launch["queue"] is None else launch["max_attempts"])
    if launch["cancel_requested"]:
        return {"state": "cancelled", "reason": reason}
    if launch["queue"] is not None and launch["attempts"] < launch["max_attempts"]:
        return {"state": "requested", "claim_id": "", "reason": reason}
    return {"state": "failed", "lost": True, "reason": reason}
