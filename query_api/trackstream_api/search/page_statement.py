"""The statement of one page of a search: ids in order, beginning behind the page before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from trackstream_api.search.page_token import SortKey, after
from trackstream_api.search.statement import SETTINGS, Bindings, Statement

if TYPE_CHECKING:
    from trackstream_api.search.page_token import KeyType


class PageWanted(Protocol):
    """What every search says of the page."""

    @property
    def limit(self) -> int:
        """Ids on it at the most."""
        ...

    @property
    def page_token(self) -> str | None:
        """Where the page before ended; None for the first."""
        ...


class SortOrder:
    """What a statement sorts by, most significant first: neither NULL nor NaN, ending with the id."""

    def __init__(self) -> None:
        self.keys: list[SortKey] = []
        self.expressions: list[str] = []

    def add(self, expression: str, kind: KeyType, ascending: bool) -> None:
        """Sort equal ones by SQL of ours, of a type."""
        self.keys.append(SortKey(f"k{len(self.keys)}", kind, ascending))
        self.expressions.append(expression)


def page_statement(
    rows: str,
    id_column: str,
    order: SortOrder,
    identity: str,
    wanted: PageWanted,
    bindings: Bindings,
    offset: int = 0,
) -> Statement:
    """Return the statement of the wanted page of `rows`, a SELECT with all columns that the order needs.

    The page begins `offset` rows behind the token's place. `identity` is the query's hash. Raises
    InvalidInput where the page token belongs to another query.
    """
    keys = order.keys
    columns = ", ".join(
        f"{expression} AS {key.column}" for expression, key in zip(order.expressions, keys, strict=True)
    )
    behind = f" WHERE {after(wanted.page_token, identity, keys, bindings)}" if wanted.page_token else ""
    sorted_by = ", ".join(f"{key.column} {'ASC' if key.ascending else 'DESC'}" for key in keys)
    passed = f" OFFSET {bindings.bind(offset, 'UInt64')}" if offset else ""
    sql = (
        f"SELECT id, {', '.join(key.column for key in keys)} FROM "
        f"(SELECT {id_column} AS id, {columns} FROM ({rows})){behind} "
        f"ORDER BY {sorted_by} LIMIT {bindings.bind(wanted.limit + 1, 'UInt64')}{passed}{SETTINGS}"
    )
    return Statement(sql, bindings.values, wanted.limit, identity)
