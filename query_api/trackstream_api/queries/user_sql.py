"""SQL of users: guarded, then run on a read-only session with limits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from trackstream_api.models.admin import SqlColumn, SqlResult
from trackstream_api.sql_guard import GUARD_SETTINGS, classify, guard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clickhouse_connect.driver import Client

    from trackstream_consumers.engine import Engine

_Answer = TypeVar("_Answer")

CSV = "CSVWithNames"
ARROW = "ArrowStream"
_FORMATS = {
    "output_format_arrow_string_as_string": "1",
    "output_format_csv_crlf_end_of_line": "0",
    "date_time_output_format": "iso",
}
"""How values look in CSV and Arrow. Part of the session, since a read-only one cannot change them."""


def rows(engine: Engine, sql: str, parameters: Mapping[str, Any]) -> SqlResult:
    """Return the answer as rows. Raises SqlRefused, or what the engine's failure is in our tree."""

    def ask(client: Client, checked: str) -> SqlResult:
        found = client.query(checked, parameters=dict(parameters), tz_mode="aware")
        if found.column_names:
            kinds = [kind.name for kind in found.column_types]
            named = list(zip(found.column_names, kinds, strict=True))
        else:
            # The native format says nothing of the columns where there are no rows.
            text = client.raw_query(checked, parameters=dict(parameters), fmt="JSONCompact")
            named = [(column["name"], column["type"]) for column in json.loads(text)["meta"]]
        columns = [SqlColumn(name=name, type=kind) for name, kind in named]
        return SqlResult.model_construct(columns=columns, rows=found.result_rows)

    return _guarded(engine, sql, parameters, ask)


def encoded(engine: Engine, sql: str, parameters: Mapping[str, Any], encoding: str) -> bytes:
    """Return the answer as the engine writes it in `encoding` (CSV or ARROW). Raises as `rows` does."""
    return _guarded(
        engine,
        sql,
        parameters,
        lambda client, checked: client.raw_query(checked, parameters=dict(parameters), fmt=encoding),
    )


def _guarded(
    engine: Engine, sql: str, parameters: Mapping[str, Any], ask: Callable[[Client, str], _Answer]
) -> _Answer:
    checked = guard(sql, parameters)
    try:
        with engine.guarded_client({**GUARD_SETTINGS, **_FORMATS}) as client:
            return ask(client, checked)
    # The driver raises ValueError, TypeError and others of its own for parameters that fit no type.
    except Exception as error:
        raise classify(error) from error
