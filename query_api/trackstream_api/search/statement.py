"""A statement with its bound parameters, and the comparisons that all searches share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from trackstream_api.search.grammar import Comparison

View = Literal["active", "deleted", "all"]
SETTINGS = " SETTINGS use_index_for_in_with_subqueries_max_values = 1000"
"""Sets of more ids are not sorted to find granules with them: spread over a table, they leave out none."""
STAGES: dict[View, list[str]] = {"active": ["active"], "deleted": ["deleted"], "all": ["active", "deleted"]}

_SYMBOLS = {"=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT. Its first column is the id, in order; the others are what the page token needs.

    Run it with `parameters` bound and hand the rows to `page_token.page`.
    """

    sql: str
    parameters: dict[str, Any]
    limit: int
    """Ids on a page; the statement itself asks for one row more, to know whether a page follows."""
    query_hash: str


@dataclass(slots=True)
class Bindings:
    """Collects values; text of a user reaches the engine only through here."""

    values: dict[str, Any] = field(default_factory=dict)
    _names: dict[tuple[str, str], str] = field(default_factory=dict)

    def bind(self, value: object, kind: str) -> str:
        """Return the placeholder for the value, typed as the ClickHouse type `kind`."""
        name = self._names.setdefault((kind, repr(value)), f"p{len(self.values)}")
        self.values[name] = value
        return f"{{{name}:{kind}}}"

    def number(self, value: float) -> str:
        if isinstance(value, int) and value in _INT64:
            return self.bind(value, "Int64")
        return self.bind(float(value), "Float64")


def condition(expression: str, comparison: Comparison, bindings: Bindings, *, as_float: bool = False) -> str:
    """Return the SQL of a comparison with a literal on the right. `expression` is SQL of ours."""
    operator, value = comparison.operator, comparison.value
    if isinstance(value, tuple):
        return f"{expression} {operator} {bindings.bind(list(value), 'Array(String)')}"
    if isinstance(value, int | float):
        right = bindings.bind(float(value), "Float64") if as_float else bindings.number(value)
        return f"{expression} {_SYMBOLS[operator]} {right}"
    if operator in ("LIKE", "ILIKE"):
        # The engine takes a backslash in a pattern as an escape; MLflow's grammar has none.
        pattern = str(value).replace("\\", "\\\\")
        return f"{expression} {operator} {bindings.bind(pattern, 'String')}"
    return f"{expression} {_SYMBOLS[operator]} {bindings.bind(value, 'String')}"
