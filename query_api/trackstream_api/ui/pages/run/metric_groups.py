"""How a page's charts are chosen and grouped. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Axis = Literal["step", "timestamp", "relative"]
AXES: dict[Axis, str] = {"step": "Step", "relative": "Time since start", "timestamp": "Time"}
_MOST_SMOOTHING = 0.99
_NAMELESS = "%"
"""How the group without a name is written; in a name a percent sign has others behind it."""


@dataclass(frozen=True)
class ChartChoice:
    """What of a tab with charts is in its address."""

    filter: str = ""
    """Part of the names that are shown; spaces separate several, any of which will do."""
    x: Axis = "step"
    smoothing: float = 0.0
    log_x: bool = False
    log_y: bool = False
    closed: frozenset[str] = frozenset()
    """Names of groups whose charts are put away."""

    @classmethod
    def asked(cls, asked: Callable[[str], str | None]) -> ChartChoice:
        """Read it from an address; what it does not say, or says wrongly, is as at first."""
        axis, closed = asked("x"), asked("closed")
        try:
            smoothing = float(asked("smoothing") or 0)
        except ValueError:
            smoothing = 0.0
        return cls(
            filter=asked("filter") or "",
            x=next((known for known in AXES if known == axis), "step"),
            # A NaN fails both comparisons.
            smoothing=smoothing if 0 <= smoothing <= _MOST_SMOOTHING else 0.0,
            log_x=asked("log_x") == "1",
            log_y=asked("log_y") == "1",
            closed=frozenset(map(_read_name, closed.split(","))) if closed else frozenset(),
        )

    def query(self) -> dict[str, str | None]:
        """Return what to put into an address; None for what is as at first."""
        return {
            "filter": self.filter or None,
            "x": self.x if self.x != "step" else None,
            "smoothing": f"{self.smoothing:g}" if self.smoothing else None,
            "log_x": "1" if self.log_x else None,
            "log_y": "1" if self.log_y else None,
            "closed": ",".join(quote(name, safe="") or _NAMELESS for name in sorted(self.closed)) or None,
        }

    def shows(self, key: str) -> bool:
        """Whether the filter lets a metric through."""
        wanted = self.filter.lower().split()
        return not wanted or any(part in key.lower() for part in wanted)


def grouped(keys: Iterable[str], without: str = "") -> dict[str, list[str]]:
    """Return the names by what stands before their first slash, sorted; "" for those without one, first.

    `without` is a beginning that all have and that does not count.
    """
    groups: dict[str, list[str]] = {}
    for key in sorted(keys):
        before, slash, _ = key.removeprefix(without).partition("/")
        groups.setdefault(before if slash else "", []).append(key)
    return dict(sorted(groups.items()))


def _read_name(written: str) -> str:
    return "" if written == _NAMELESS else unquote(written)
