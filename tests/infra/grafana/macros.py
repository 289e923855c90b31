"""What Grafana and its ClickHouse plugin put in place of variables and macros, for the tests.

Variables: `${name:singlequote}`, `${name:raw}` and `${name}`. Macros of the plugin, as its README has them:
`$__timeFilter(c)`, `$__timeFilter_ms(c)`, `$__fromTime`, `$__toTime`, `$__timeInterval(c)`, `$__interval_s`.
Anything else with a dollar sign is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")
_CALL = re.compile(r"\$__(timeFilter_ms|timeFilter|timeInterval)\(")


@dataclass(frozen=True)
class TimeRange:
    """Seconds since the epoch, and the width of a bucket that Grafana would choose, in seconds."""

    start: int
    end: int
    interval: int


def expand(text: str, values: Mapping[str, Sequence[str]], within: TimeRange) -> str:
    """Return the SQL that reaches ClickHouse. Raises ValueError where something is left over."""
    sql = _VARIABLE.sub(lambda found: _value(found, values), text)
    while found := _CALL.search(sql):
        end = _closing(sql, found.end())
        sql = sql[: found.start()] + _macro(found[1], sql[found.end() : end], within) + sql[end + 1 :]
    sql = sql.replace("$__fromTime", f"toDateTime({within.start})")
    sql = sql.replace("$__toTime", f"toDateTime({within.end})")
    sql = sql.replace("$__interval_s", str(within.interval))
    if "$" in sql:
        raise ValueError(f"not expanded: {sql[sql.index('$') :][:40]!r}")
    return sql


def _value(found: re.Match[str], values: Mapping[str, Sequence[str]]) -> str:
    given = values[found[1]]
    if found[2] == "singlequote":
        return ",".join("'" + value.replace("'", "\\'") + "'" for value in given)
    if found[2] in (None, "raw") and len(given) == 1:
        return given[0]
    raise ValueError(f"{found[0]}: not known here")


def _macro(name: str, column: str, within: TimeRange) -> str:
    if name == "timeFilter":
        return f"{column} >= toDateTime({within.start}) AND {column} <= toDateTime({within.end})"
    if name == "timeFilter_ms":
        low, high = (f"fromUnixTimestamp64Milli({1000 * second})" for second in (within.start, within.end))
        return f"{column} >= {low} AND {column} <= {high}"
    return f"toStartOfInterval(toDateTime({column}), INTERVAL {within.interval} second)"


def _closing(sql: str, at: int) -> int:
    depth = 1
    for position in range(at, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[position], 0)
        if depth == 0:
            return position
    raise ValueError(f"no closing parenthesis: {sql[at:][:40]!r}")
