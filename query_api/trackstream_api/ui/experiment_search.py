"""What is typed into the search of experiments, as a filter of the API."""

from __future__ import annotations

import re

ORDERS: dict[str, tuple[str, list[str]]] = {
    "newest": ("Newest first", ["creation_time DESC"]),
    "changed": ("Changed last first", ["last_update_time DESC"]),
    "name": ("By name", ["name ASC"]),
}
"""Orders by their name in the address: words for people, and what the API is asked for."""

_COMPARISON = re.compile(r"""[=<>]|\b(I?LIKE|IN)\b\s*['"(]|^tags?\..*\bIS\s+(NOT\s+)?NULL\b""", re.IGNORECASE)


def search_filter(text: str) -> str:
    """Return a filter for what is typed: itself where it compares something, else part of a name."""
    text = text.strip()
    if not text or _COMPARISON.search(text):
        return text
    return "name ILIKE '%{}%'".format(text.replace("'", "''"))
