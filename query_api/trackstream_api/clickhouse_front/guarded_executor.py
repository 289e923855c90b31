"""Read-only access to an `Engine`: every query is guarded and runs in a read-only session with limits."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.binding import DT64Param
from clickhouse_connect.driver.exceptions import Error as ClickHouseError

from trackstream_api.clickhouse_front.catalogue import Catalogue
from trackstream_api.clickhouse_front.errors import (
    NOT_IMPLEMENTED,
    READONLY,
    UNKNOWN_DATABASE,
    EngineError,
)
from trackstream_api.clickhouse_front.query import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from trackstream_api.clickhouse_front.query import Guard, Query
    from trackstream_consumers.engine import Engine

# What clients send unasked. There are no inserts, the front's own limits hold, and its blocks of `compress=1`
# say how they are compressed, so these may be left out; the rest may not.
_LEFT_OUT = {
    "async_insert",
    "extremes",
    "max_block_size",
    "max_execution_time",
    "max_result_bytes",
    "max_result_rows",
    "network_compression_method",
    "network_zstd_compression_level",
    "result_overflow_mode",
    "timeout_overflow_mode",
    "wait_for_async_insert",
}
# What holds anyway may be asked for.
_AS_IT_IS = {("readonly", "1"), ("readonly", "2")}
_FORMAT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")


class GuardedExecutor:
    """Runs what `guard` lets through on read-only clients of `engine`."""

    def __init__(
        self,
        engine: Engine,
        guard: Guard,
        limits: Mapping[str, str],
        reading: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._engine = engine
        self._guard = guard
        self._limits = dict(limits)
        self._reading = reading
        with engine.client() as client:
            found = client.query("SELECT version(), timezone()").result_rows[0]
        self.version, self.timezone = str(found[0]), str(found[1])
        self._catalogue = Catalogue(engine, self.version, self.timezone)

    def run(self, query: Query, user: str) -> Answer:
        """Run one query. Raises EngineError, or whatever TrackstreamError the guard raises."""
        if not query.statement.gives_rows:
            raise EngineError(
                READONLY, f"Cannot execute query in readonly mode: {query.statement.keyword} is not a SELECT"
            )
        changed = sorted(
            name
            for name, value in query.settings.items()
            if name not in _LEFT_OUT and (name, value) not in _AS_IT_IS
        )
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
        hello = self._catalogue.hello(text, query.format, query.revision)
        if hello is not None:
            return Answer(iter((hello,)))
        sql = self._catalogue.rewrite(text, user, partial(self._guard, parameters=parameters))
        if sql is not None:
            answer = self._run(sql, parameters, query.format)
            if query.wait_for_the_end and sql.startswith("SELECT"):
                # clickhouse-java looks there whether the server has told its version.
                return replace(answer, summary={"result_rows": self._count(sql, parameters)})
            return answer
        sql = self._guard(text, parameters)
        with self._reading():
            return self._run(sql, parameters, query.format)

    def _count(self, sql: str, parameters: dict[str, Any]) -> str:
        """Return how many rows a question about the catalogue gives; the engine's client does not say."""
        counted = self._run(f"SELECT count() FROM ({sql})", parameters, "TabSeparated")
        return b"".join(counted.pieces).decode().strip()

    def _run(self, sql: str, parameters: dict[str, Any], format_: str) -> Answer:
        try:
            with self._engine.guarded_client(self._limits) as client:
                body = client.raw_query(sql, parameters=parameters, fmt=format_)
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
