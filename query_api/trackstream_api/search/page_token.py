"""Where a page ended: the sort keys of its last row, tied to the query by a hash.

Sort keys rather than an offset: a run that is logged between two pages moves no other run to another
page. Sort keys end with the id, so two rows never tie.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.search.statement import Bindings, Statement

KeyType = Literal["UInt8", "Int64", "Float64", "String"]
_PYTHON: dict[KeyType, type] = {"UInt8": int, "Int64": int, "Float64": float, "String": str}
_RANGES: dict[KeyType, range] = {"UInt8": range(256), "Int64": range(-(2**63), 2**63)}


class SortKey(NamedTuple):
    """A column of the statement that it sorts by. Never NULL and never NaN."""

    column: str
    type: KeyType
    ascending: bool


class Page(NamedTuple):
    """Ids in order, and what to send for those that follow; None at the end."""

    ids: list[str]
    next_page_token: str | None


def query_hash(*parts: object) -> str:
    """Return what tells one query from another; the page size is no part of it."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def page(statement: Statement, rows: Sequence[Sequence[Any]]) -> Page:
    """Return the page that the statement's rows make."""
    ids = [row[0] for row in rows[: statement.limit]]
    if len(rows) <= statement.limit:
        return Page(ids, None)
    keys = [_packed(value) for value in rows[statement.limit - 1][1:]]
    text = json.dumps([statement.query_hash, *keys], separators=(",", ":"))
    return Page(ids, base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))


def after(token: str, expected_hash: str, keys: Sequence[SortKey], bindings: Bindings) -> str:
    """Return the condition that holds for the rows behind the token's place.

    Raises InvalidInput where the token is not one of ours or belongs to another query.
    """
    values = _read(token, expected_hash, keys)
    condition = ""
    for key, value in reversed(list(zip(keys, values, strict=True))):
        bound = bindings.bind(value, key.type)
        beyond = f"{key.column} {'>' if key.ascending else '<'} {bound}"
        condition = f"({beyond} OR ({key.column} = {bound} AND {condition}))" if condition else beyond
    return condition


def _read(token: str, expected_hash: str, keys: Sequence[SortKey]) -> list[Any]:
    wrong = InvalidInput("page_token", token, "the next_page_token of an earlier page of the same query")
    try:
        padded = token + "=" * (-len(token) % 4)
        found = json.loads(base64.b64decode(padded.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise wrong from error
    if not isinstance(found, list) or len(found) != len(keys) + 1 or found[0] != expected_hash:
        raise wrong
    values = [_unpacked(value) for value in found[1:]]
    for key, value in zip(keys, values, strict=True):
        if type(value) is not _PYTHON[key.type] or (key.type in _RANGES and value not in _RANGES[key.type]):
            raise wrong
    return values


def _packed(value: Any) -> Any:
    """Floats travel as hexadecimal text: exact, and infinities have a form."""
    return {"f": value.hex()} if isinstance(value, float) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict) and list(value) == ["f"] and isinstance(value["f"], str):
        try:
            number = float.fromhex(value["f"])
        except (ValueError, OverflowError):
            return None
        return None if math.isnan(number) else number
    return None if isinstance(value, float) else value
