"""What somebody may have meant who wrote a name that there is not."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def near(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that are close to `name`, the closest first, at most three.

    Upper and lower case, dashes and underscores make no difference.
    """
    plain: dict[str, list[str]] = {}
    for one in known:
        plain.setdefault(_plain(one), []).append(one)
    close = difflib.get_close_matches(_plain(name), plain, n=3, cutoff=0.6)
    return [one for match in close for one in plain[match] if one != name][:3]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the end of an error, or nothing where no known name is close."""
    close = near(name, known)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_")
