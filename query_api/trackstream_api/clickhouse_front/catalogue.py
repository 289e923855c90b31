"""What clients ask of a server besides the queries of their user: answered from the views alone.

The guard of user SQL knows SELECTs over the views alone. A client that connects, and an editor that lists
tables, ask for more. A SELECT over system tables becomes one over literals that stand for them, and a call
such as `currentDatabase()` its value: what comes out goes through the guard like any other query. The few
statements that are no SELECT are recognised word for word.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from trackstream_api.clickhouse_front.system_tables import ViewColumn, ViewInfo, selects
from trackstream_api.sql_guard import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlglot import exp

    from trackstream_consumers.engine import Engine

_HANDSHAKE = {
    "SELECT version(), timezone()",
    "SELECT name, value, readonly FROM system.settings LIMIT 10000",
    "SELECT 1 AS check",
}
_HELLO = "SELECT displayName(), version(), revision(), timezone()"
_DISPLAY_NAME = "trackstream"
_CUSTOM_SERIALIZATION = 54454
"""From this revision of the native protocol on a column says whether it is serialised specially. Source:
DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION in ClickHouse's ProtocolDefines.h."""
_SHOW_DATABASES = re.compile(r"SHOW DATABASES", re.IGNORECASE)
_SHOW_TABLES = re.compile(
    r"SHOW (?:TABLES|VIEWS)(?: (?:FROM|IN) (?P<database>[`\"]?\w+[`\"]?))?", re.IGNORECASE
)
_NAME = r"(?:(?P<database>[`\"]?\w+[`\"]?)\.)?(?P<table>[`\"]?\w+[`\"]?)"
_DESCRIBE = re.compile(rf"DESC(?:RIBE)?(?: TABLE)? {_NAME}", re.IGNORECASE)
_EXISTS_DATABASE = re.compile(r"EXISTS DATABASE (?P<database>[`\"]?\w+[`\"]?)", re.IGNORECASE)
_EXISTS_TABLE = re.compile(rf"EXISTS (?:TABLE |VIEW )?{_NAME}", re.IGNORECASE)
_MAY_ASK = re.compile(r"system|\(\s*\)", re.IGNORECASE)


class Catalogue:
    """The answers of one database, whose views do not change while it is served."""

    def __init__(self, engine: Engine, version: str, timezone: str) -> None:
        self._database = engine.database
        self._version = version
        self._timezone = timezone
        with engine.client() as client:
            found = client.query(
                "SELECT table, name, type, position, comment FROM system.columns"
                " WHERE database = currentDatabase() ORDER BY table, position"
            ).result_rows
            named = client.query(
                "SELECT name, comment FROM system.tables WHERE database = currentDatabase() ORDER BY name"
            ).result_rows
        self._system = selects(
            self._database,
            [ViewInfo(*row) for row in named if row[0] in VIEWS],
            [ViewColumn(*row) for row in found if row[0] in VIEWS],
        )

    def rewrite(self, text: str, user: str, guard: Callable[[str], str]) -> str | None:
        """Return the SQL that answers a question about the catalogue, or None where `text` is not one.

        Raises what `guard` raises.
        """
        words = " ".join(text.split())
        if words in _HANDSHAKE:
            return words
        plain = self._plain_statement(words)
        if plain is not None:
            return plain
        if not _MAY_ASK.search(text):
            return None
        replaced = self._with_literals(text, user)
        return guard(replaced) if replaced is not None else None

    def hello(self, text: str, format_: str, revision: int) -> bytes | None:
        """Return the answer to the first question of clickhouse-go, or None where `text` is another one.

        It reads this answer as the native protocol's `revision` has it, which the engine does not write over
        HTTP, and all later ones as the revision that it finds in it: 0, which the engine does write.
        """
        if format_ != "Native" or revision == 0 or " ".join(text.split()) != _HELLO:
            return None
        columns = (
            ("displayName()", "String", _text(_DISPLAY_NAME)),
            ("version()", "String", _text(self._version)),
            ("revision()", "UInt32", struct.pack("<I", 0)),
            ("timezone()", "String", _text(self._timezone)),
        )
        usual = b"\0" if revision >= _CUSTOM_SERIALIZATION else b""
        # Of the block: 1 is "has overflows" and 2 the bucket, which is none; 0 ends that.
        head = b"\x01\x00\x02" + struct.pack("<i", -1) + b"\x00"
        body = b"".join(_text(name) + _text(kind) + usual + value for name, kind, value in columns)
        return head + bytes((len(columns), 1)) + body

    def _plain_statement(self, words: str) -> str | None:
        if _SHOW_DATABASES.fullmatch(words):
            return f"SELECT '{self._database}' AS name"
        found = _SHOW_TABLES.fullmatch(words)
        if found and self._is_ours(found["database"]):
            names = ", ".join(f"'{view}'" for view in sorted(VIEWS))
            return f"SELECT arrayJoin([{names}]) AS name"
        found = _EXISTS_DATABASE.fullmatch(words)
        if found:
            return f"SELECT toUInt8({int(self._is_ours(found['database']))}) AS result"
        found = _EXISTS_TABLE.fullmatch(words)
        if found:
            there = self._is_ours(found["database"]) and _bare(found["table"]) in VIEWS
            return f"SELECT toUInt8({int(there)}) AS result"
        found = _DESCRIBE.fullmatch(words)
        if found and self._is_ours(found["database"]) and _bare(found["table"]) in VIEWS:
            return f"DESCRIBE TABLE {self._database}.{_bare(found['table'])}"
        return None

    def _is_ours(self, database: str | None) -> bool:
        return database is None or _bare(database) == self._database

    def _with_literals(self, text: str, user: str) -> str | None:
        """Return the query with literals for system tables and for calls about the server, if it has any."""
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError

        from trackstream_api.sql_guard.dialect import GuardedClickHouse

        try:
            query = sqlglot.parse_one(text, read=GuardedClickHouse)
            changed = self._replace_tables(query) | self._replace_calls(query, user)
            if not changed or not isinstance(query, exp.Query):
                return None
            return query.sql(dialect=GuardedClickHouse, comments=False)
        # The guard reads it again and says what is wrong with it.
        except (SqlglotError, RecursionError, AttributeError):
            return None

    def _replace_tables(self, query: exp.Expr) -> bool:
        import sqlglot
        from sqlglot import exp

        from trackstream_api.sql_guard.dialect import GuardedClickHouse

        aliases: dict[str, str] = {}
        for table in list(query.find_all(exp.Table)):
            name = table.name
            plain = all(not value or part in ("this", "db", "alias") for part, value in table.args.items())
            if table.db != "system" or name not in self._system or not plain:
                continue
            alias = table.alias or name
            aliases.setdefault(name, alias)
            standing = sqlglot.parse_one(self._system[name], read=GuardedClickHouse)
            named = exp.TableAlias(this=exp.to_identifier(alias, quoted=True))
            table.replace(exp.Subquery(this=standing, alias=named))
        for column in query.find_all(exp.Column):
            if column.db == "system" and column.table in aliases:
                column.set("table", exp.to_identifier(aliases[column.table], quoted=True))
                column.set("db", None)
        return bool(aliases)

    def _replace_calls(self, query: exp.Expr, user: str) -> bool:
        from sqlglot import exp

        values: Mapping[str, exp.Expr] = {
            "version": exp.Literal.string(self._version),
            "timezone": exp.Literal.string(self._timezone),
            "servertimezone": exp.Literal.string(self._timezone),
            "currentdatabase": exp.Literal.string(self._database),
            "currentuser": exp.Literal.string(user),
            "user": exp.Literal.string(user),
            "displayname": exp.Literal.string(_DISPLAY_NAME),
            "hostname": exp.Literal.string(_DISPLAY_NAME),
            "uptime": exp.Literal.number(0),
            "revision": exp.Literal.number(0),
        }
        calls = [
            call
            for call in query.find_all(exp.Anonymous)
            if not call.expressions and str(call.this).casefold() in values
        ]
        for call in calls:
            value = values[str(call.this).casefold()].copy()
            is_column = isinstance(call.parent, exp.Select) and call.arg_key == "expressions"
            named = exp.to_identifier(f"{call.this}()", quoted=True)
            call.replace(exp.Alias(this=value, alias=named) if is_column else value)
        return bool(calls)


def _bare(name: str) -> str:
    return name.strip('`"')


def _text(value: str) -> bytes:
    """Return a string as the native protocol has it; none here is longer than 127 bytes."""
    encoded = value.encode()
    return bytes((len(encoded),)) + encoded
