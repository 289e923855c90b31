"""Where a page ended, as an opaque string that is tied to its query by a hash."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from trackstream_api.search.page_token import query_hash
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence


def write(place: list[Any], query: Sequence[str]) -> str:
    """Return a token for the place behind the last row of a page; `query` is what pages are asked of."""
    text = json.dumps([query_hash(*query), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(token: str, kinds: tuple[type, ...], query: Sequence[str]) -> list[Any]:
    """Return the place that `write` was given; its items must have these types.

    Raises InvalidInput where the token is not one of ours or belongs to another query.
    """
    try:
        padded = token + "=" * (-len(token) % 4)
        found = json.loads(base64.b64decode(padded.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _refused(token) from error
    if not isinstance(found, list) or found[:1] != [query_hash(*query)]:
        raise _refused(token)
    place = found[1:]
    if [type(item) for item in place] != list(kinds):
        raise _refused(token)
    return place


def _refused(token: str) -> InvalidInput:
    return InvalidInput("page_token", token, "the next_page_token of an earlier page of the same query")
