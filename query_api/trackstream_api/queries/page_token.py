"""Where a page ended, as an opaque string."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from trackstream_schemas.errors import InvalidInput


def write(place: list[Any]) -> str:
    """Return a token for the place behind the last row of a page."""
    text = json.dumps(place, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(token: str, kinds: tuple[type, ...]) -> list[Any]:
    """Return the place that `write` was given; its items must have these types.

    Raises InvalidInput where the token is not one of ours.
    """
    try:
        padded = token + "=" * (-len(token) % 4)
        place = json.loads(base64.b64decode(padded.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _refused(token) from error
    if not isinstance(place, list) or [type(item) for item in place] != list(kinds):
        raise _refused(token)
    return place


def _refused(token: str) -> InvalidInput:
    return InvalidInput("page_token", token, "the next_page_token of an earlier page of the same query")
