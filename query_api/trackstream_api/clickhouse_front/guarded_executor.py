"""Read-only access to an `Engine`: every query is guarded and runs in a read-only session with limits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.binding import DT64Param
from clickhouse_connect.driver.exceptions import Error as ClickHouseError

from trackstream_api.clickhouse_front import catalogue
from trackstream_api.clickhouse_front.errors import (
    NOT_IMPLEMENTED,
    READONLY,
    UNKNOWN_DATABASE,
    EngineError,
)
from trackstream_api.clickhouse_front.query import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_api.clickhouse_front.query import Guard, Query
    from trackstream_consumers.engine import Engine

# Limits that clients send unasked. The front's own hold, so these may be left out; the rest may not.
_LIMITS = {
    "extremes",
    "max_block_size",
    "max_execution_time",
    "max_result_bytes",
    "max_result_rows",
    "result_overflow_mode",
    "timeout_overflow_mode",
}
_FORMAT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")


class GuardedExecutor:
    """Runs what `guard` lets through on read-only clients of `engine`."""

    def __init__(self, engine: Engine, guard: Guard, limits: Mapping[str, str]) -> None:
        self._engine = engine
        self._guard = guard
        self._limits = dict(limits)
        with engine.client() as client:
            found = client.query("SELECT version(), timezone()").result_rows[0]
        self.version, self.timezone = str(found[0]), str(found[1])

    def run(self, query: Query, user: str) -> Answer:
        """Run one query. Raises EngineError, or whatever TrackstreamError the guard raises."""
        if not query.statement.gives_rows:
            raise EngineError(
                READONLY, f"Cannot execute query in readonly mode: {query.statement.keyword} is not a SELECT"
            )
        changed = sorted(set(query.settings) - _LIMITS)
        if changed:
            raise EngineError(READONLY, f"Cannot modify {changed[0]!r} setting in readonly mode")
        if query.database not in ("", "default", self._engine.database):
            raise EngineError(UNKNOWN_DATABASE, f"Database {query.database} does not exist")
        if not _FORMAT_NAME.fullmatch(query.format):
            raise EngineError(NOT_IMPLEMENTED, f"Format {query.format!r}: expected the name of a format")
        try:
            text = query.statement.text.decode().strip()
        except UnicodeDecodeError as error:
            raise EngineError(NOT_IMPLEMENTED, f"The query is not UTF-8: {error}") from error
        parameters = {name: _AsSent(value) for name, value in query.parameters.items()}
        sql = catalogue.rewrite(text, self._engine.database) or self._guard(text, parameters)
        try:
            with self._engine.guarded_client(self._limits) as client:
                body = client.raw_query(sql, parameters=parameters, fmt=query.format)
        except ClickHouseError as error:
            raise EngineError.from_engine(error) from error
        return Answer(iter((body,)))

    def close(self) -> None:
        """The engine is its owner's to close."""


class _AsSent(DT64Param):
    """A parameter that is in the engine's own text form already, as a client of the front sends it.

    The engine's client formats values by their class; this is the class that it lets format itself.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def format(self, *_: Any) -> str:
        return self._text
