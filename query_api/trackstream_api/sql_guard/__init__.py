"""The guard of `POST /api/v1/sql`: which SQL of a user is run, in what words, within which limits.

    text --parse--> tree --check_tree--> tree --render--> text --check_text--> what is run

What is run is rendered from the tree that was checked, and then read once more as the engine will read
it. Everything is an allow-list, so what a later engine or parser adds is refused until someone names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.errors import SqlRefused
from trackstream_api.sql_guard.limits import GUARD_SETTINGS
from trackstream_api.sql_guard.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from trackstream_schemas.errors import TrackstreamError

__all__ = ["GUARD_SETTINGS", "VIEWS", "classify", "guard"]

_MAX_CHARACTERS = 65_536
_ONE_SELECT = "one SELECT (WITH, UNION, INTERSECT and EXCEPT included) over the v_* views"


def guard(sql: str, parameters: Mapping[str, Any] | None = None) -> str:
    """Return the SQL to run with these `{name:Type}` parameters. Raises SqlRefused, naming the part."""
    from trackstream_api.sql_guard.lexical import check_text
    from trackstream_api.sql_guard.tree import check_tree, placeholders, rename_ctes

    query = _parsed(sql)
    try:
        check_tree(query)
        _check_parameters(placeholders(query), set(parameters or {}))
        rename_ctes(query)
        rendered = _rendered(query)
    except RecursionError as error:
        raise SqlRefused(sql, "a less deeply nested query") from error
    check_text(rendered)
    return rendered


def classify(error: Exception) -> TrackstreamError:
    """Return the error of ours that a failure of a guarded query is; see `failures`."""
    from trackstream_api.sql_guard import failures

    return failures.classify(error)


def _parsed(sql: str) -> exp.Expr:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ErrorLevel, SqlglotError

    from trackstream_api.sql_guard.dialect import GuardedClickHouse

    if len(sql) > _MAX_CHARACTERS:
        raise SqlRefused(sql, f"at most {_MAX_CHARACTERS} characters")
    if "\0" in sql:
        raise SqlRefused(sql, "text without NUL")
    try:
        parsed = sqlglot.parse(sql, read=GuardedClickHouse, error_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        right = f"{_ONE_SELECT}; {_where(error)}"
        raise SqlRefused(sql, right, position=_position(sql, error)) from error
    except RecursionError as error:
        raise SqlRefused(sql, "a less deeply nested query") from error
    # Some nonsense makes the parser stumble over itself: `FROM [ */` ends in an AttributeError.
    except Exception as error:
        raise SqlRefused(sql, f"{_ONE_SELECT}; it could not be read") from error
    statements = [statement for statement in parsed if statement is not None]
    statements = [statement for statement in statements if type(statement).__name__ != "Semicolon"]
    if len(statements) != 1:
        raise SqlRefused(sql, f"{_ONE_SELECT}, and not {len(statements)} statements")
    query = statements[0]
    if not isinstance(query, exp.Select | exp.SetOperation | exp.Subquery):
        raise SqlRefused(sql, _ONE_SELECT)
    return query


def _rendered(query: exp.Expr) -> str:
    from sqlglot.errors import ErrorLevel, SqlglotError

    from trackstream_api.sql_guard.dialect import GuardedClickHouse

    try:
        return query.sql(dialect=GuardedClickHouse, comments=False, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise SqlRefused("the query", f"{_ONE_SELECT}; {_where(error)}") from error


def _check_parameters(wanted: set[str], given: set[str]) -> None:
    for name in sorted(wanted - given):
        raise SqlRefused(name, f"a value for {{{name}:...}}, which the query has", "parameters")
    for name in sorted(given - wanted):
        raise SqlRefused(name, "only parameters that the query has, as {name:Type}", "parameters")


def _position(sql: str, error: Exception) -> int | None:
    """Return where the parser stumbled, from the last character's line and column that it tells."""
    first = (getattr(error, "errors", None) or [{}])[0]
    line, column = first.get("line"), first.get("col")
    if not isinstance(line, int) or not isinstance(column, int):
        return None
    before = sum(len(text) for text in sql.splitlines(keepends=True)[: line - 1])
    return min(len(sql), max(0, before + column - len(first.get("highlight") or "")))


def _where(error: Exception) -> str:
    details = getattr(error, "errors", None) or [{}]
    first = details[0]
    if first.get("line") is None:
        return "it could not be read"
    return f"it could not be read at line {first['line']}, column {first['col']}, near {first['highlight']!r}"
