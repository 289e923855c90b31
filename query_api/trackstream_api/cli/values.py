"""What users write on the command line, parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """Return `KEY=VALUE` words as a dict; a value may hold further `=`. Raises InvalidInput."""
    found: dict[str, str] = {}
    for word in given:
        key, separator, value = word.partition("=")
        if not separator or not key:
            raise InvalidInput(option, word, "KEY=VALUE")
        found[key] = value
    return found


def names(given: str | None) -> list[str] | None:
    """Return a comma-separated list's items; None stays None."""
    if given is None:
        return None
    return [name.strip() for name in given.split(",") if name.strip()]
