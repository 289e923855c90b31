"""A whole chDB engine behind the protocol: any statement, for users who may do everything.

A chDB handle is what a connection is to a server: it has its own settings and current database. Opening
one takes 0.2 ms, so every query gets a fresh one and nothing of it can stick; a session keeps its own.
"""

from __future__ import annotations

import contextlib
import tempfile
from typing import TYPE_CHECKING, Any

import chdb

from trackstream_api.clickhouse_front.errors import BAD_ARGUMENTS, READONLY, EngineError
from trackstream_api.clickhouse_front.query import Answer
from trackstream_api.clickhouse_front.sessions import Session, Sessions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trackstream_api.clickhouse_front.query import Query

# Formats without a head or a foot: chDB gives a stream block by block, each as a text of its own.
_STREAMED = {"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"}


class ChdbExecutor:
    """Runs queries on the engine in `path`; this process must be the only one that has it open."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = str(path.resolve())
        # chDB closes the engine with its last handle; this one keeps it open between queries.
        self._anchor = _open(self._path)
        self._sessions = Sessions(lambda: _open(self._path))
        self._bodies = tempfile.TemporaryDirectory(prefix="trackstream-front-")
        found = self._anchor.query("SELECT version(), timezone()", "TabSeparated").bytes().decode().split()
        self.version, self.timezone = found[0], found[1]

    def run(self, query: Query, user: str) -> Answer:
        """Run one query. Raises EngineError."""
        if query.only_reads and not query.statement.only_reads:
            raise EngineError(
                READONLY, "Cannot execute query in readonly mode: the HTTP method GET only reads, use POST"
            )
        if query.session_id:
            return self._in_session(query, user)
        handle = _open(self._path)
        try:
            _prepare(handle, query.database, query.settings)
            pieces, summary = self._execute(handle, query)
        except BaseException:
            handle.close()
            raise
        return Answer(_closing(pieces, handle), summary)

    def _in_session(self, query: Query, user: str) -> Answer:
        session = self._sessions.enter(
            user, query.session_id, query.session_seconds, query.session_must_exist
        )
        handle = session.handle
        before: dict[str, str] = {}
        try:
            before = _changed(handle, query.settings) if session.has_set else {}
            database = query.database or session.database
            _prepare(handle, "" if database == session.current else database, query.settings)
            session.current = database
            pieces, summary = self._execute(handle, query)
            # Read whole: the session is free for its next query when this one is answered.
            whole = b"".join(pieces)
            session.has_set |= query.statement.keyword == "SET"
            if query.statement.keyword == "USE":
                session.database = session.current = _scalar(handle, "SELECT currentDatabase()")
        finally:
            self._leave(session, query.settings, before)
        return Answer(iter((whole,)), summary)

    def _leave(self, session: Session, settings: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Undo what the URL of one query set; a session that does not let itself be reset is ended."""
        undo = (
            f"{name} = {_quoted(before[name]) if name in before else 'DEFAULT'}"
            for name in settings
            if name.isidentifier()
        )
        try:
            if settings:
                _control(session.handle, f"SET {', '.join(undo)}")
        except EngineError:
            self._sessions.end(session)
        else:
            self._sessions.leave(session)

    def _execute(self, handle: Any, query: Query) -> tuple[Iterator[bytes], dict[str, str]]:
        asked = query.statement
        if asked.insert_into is not None:
            return iter(()), self._insert(handle, query, asked.insert_into)
        sql = asked.text.decode("utf-8", "surrogateescape")
        parameters = dict(query.parameters)
        if asked.gives_rows and query.format in _STREAMED and not query.wait_for_the_end:
            return _stream(handle, sql, query.format, parameters), {}
        try:
            result = handle.query(sql, query.format, params=parameters)
        except Exception as error:  # chDB raises RuntimeError and classes of its own
            raise EngineError.from_engine(error) from error
        return iter((result.bytes(),)), _summary(result)

    def _insert(self, handle: Any, query: Query, insert_into: bytes) -> dict[str, str]:
        """Insert the data posted; chDB reads them from a file, in any format that ClickHouse has."""
        with tempfile.NamedTemporaryFile(dir=self._bodies.name) as file:
            file.write(query.data)
            file.flush()
            head = insert_into.decode("utf-8", "surrogateescape")
            settings = query.statement.insert_settings.decode("utf-8", "surrogateescape")
            sql = f"{head} FROM INFILE '{file.name}' {settings} FORMAT {query.statement.format}"
            try:
                result = handle.query(sql, "TabSeparated", params=dict(query.parameters))
            except Exception as error:
                raise EngineError.from_engine(error) from error
        return _summary(result)

    def close(self) -> None:
        """Close the engine; queries must have ended."""
        self._sessions.close()
        self._anchor.close()
        self._bodies.cleanup()


def _open(path: str) -> Any:
    connect: Any = chdb.connect
    return connect(path)


def _stream(handle: Any, sql: str, format_: str, parameters: dict[str, str]) -> Iterator[bytes]:
    try:
        stream = handle.send_query(sql, format_, params=parameters)
    except Exception as error:
        raise EngineError.from_engine(error) from error
    with contextlib.closing(stream):
        while True:
            try:
                piece = next(stream).bytes()
            except StopIteration:
                return
            except Exception as error:
                raise EngineError.from_engine(error) from error
            if piece:
                yield piece


def _summary(result: Any) -> dict[str, str]:
    return {
        "read_rows": str(result.rows_read()),
        "read_bytes": str(result.bytes_read()),
        "written_rows": str(result.rows_written()),
        "written_bytes": str(result.bytes_written()),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }


def _closing(pieces: Iterator[bytes], handle: Any) -> Iterator[bytes]:
    try:
        yield from pieces
    finally:
        handle.close()


def _prepare(handle: Any, database: str, settings: Mapping[str, str]) -> None:
    if database:
        _control(handle, f"USE {_identifier(database)}")
    if settings:
        # readonly comes last: the settings before it could not be made behind it.
        ordered = sorted(settings.items(), key=lambda item: item[0] == "readonly")
        _control(handle, "SET " + ", ".join(f"{_name(name)} = {_quoted(value)}" for name, value in ordered))


def _changed(handle: Any, settings: Mapping[str, str]) -> dict[str, str]:
    """Return those of `settings` that the session itself has set, with the values it gave them."""
    if not settings:
        return {}
    names = ", ".join(_quoted(name) for name in settings)
    rows = _scalar(
        handle,
        "SELECT arrayStringConcat(groupArray(concat(name, char(0), value)), char(1)) FROM system.settings"
        f" WHERE changed AND name IN ({names})",
    )
    return dict(row.split("\0", 1) for row in rows.split("\1") if row)


def _scalar(handle: Any, sql: str) -> str:
    try:
        return str(handle.query(sql, "RawBLOB").bytes().decode())
    except Exception as error:
        raise EngineError.from_engine(error) from error


def _control(handle: Any, sql: str) -> None:
    try:
        handle.query(sql, "TabSeparated")
    except Exception as error:
        raise EngineError.from_engine(error) from error


def _name(setting: str) -> str:
    if not setting.replace("_", "a").isalnum() or not setting.isascii():
        raise EngineError(BAD_ARGUMENTS, f"Setting name {setting!r}: expected letters, digits, underscores")
    return setting


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
