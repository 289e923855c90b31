"""What a producer writes down about itself, so that the store can be held against it.

A journal is a file of JSON lines. Whatever stands in front of an `acknowledged` line is on the log for good;
what stands behind the last one may be there or not. Times (`at`) are of the machine's monotonic clock, which
all processes share, in seconds.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KEYS = ("loss", "accuracy", "grad/norm", "lr")
FIRST_STEP = -500
_SPECIAL = np.array([np.nan, -np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.7976931348623157e308])


def values_of(seed: int, first: int, count: int) -> NDArray[np.float64]:
    """Return the values of points `first` … of the run with this seed, shape (count,)."""
    random = np.random.default_rng((seed, first))
    values = random.standard_normal(count) * 10.0 ** random.integers(-300, 300, count)
    special = random.integers(0, count, len(_SPECIAL))
    values[special] = _SPECIAL
    return values


class Journal:
    """Writes one; a line is out of the process, and so survives its death, when the method returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def note(self, kind: str, **about: Any) -> None:
        """Append a line."""
        self._file.write(json.dumps({"kind": kind, "at": time.monotonic(), **about}) + "\n")


@dataclass
class Portion:
    """Points `first` to `first + count - 1` of a run; the step of point i is FIRST_STEP + i."""

    first: int
    count: int
    timestamp: int
    """Of all of them, milliseconds by the producer's own clock."""
    at: float
    acknowledged: bool = False


@dataclass
class Noted:
    """Something with a value."""

    value: str
    acknowledged: bool = False


@dataclass
class LoggedRun:
    """A run as its producer knows it."""

    run_id: str
    seed: int
    portions: list[Portion] = field(default_factory=list)
    params: dict[str, Noted] = field(default_factory=dict)
    tags: dict[str, Noted] = field(default_factory=dict)
    files: dict[str, Noted] = field(default_factory=dict)
    """Path to digest."""
    end: Noted | None = None
    """The status, once the run was ended."""

    def noted(self) -> list[Noted]:
        """Return all but the points."""
        return [
            *self.params.values(),
            *self.tags.values(),
            *self.files.values(),
            *([self.end] if self.end else []),
        ]


def read(path: Path) -> dict[str, LoggedRun]:
    """Return the runs of a journal, by id. A last line that the writer's death cut off is left out."""
    runs: dict[str, LoggedRun] = {}
    open_: list[Portion | Noted] = []
    for text in path.read_text().splitlines(keepends=True) if path.exists() else ():
        if not text.endswith("\n"):
            break
        line = json.loads(text)
        kind = line["kind"]
        if kind == "acknowledged":
            for item in open_:
                item.acknowledged = True
            open_.clear()
            continue
        run = runs.setdefault(line["run"], LoggedRun(line["run"], line.get("seed", 0)))
        if kind == "portion":
            portion = Portion(line["first"], line["count"], line["timestamp"], line["at"])
            run.portions.append(portion)
            open_.append(portion)
        elif kind == "end":
            run.end = Noted(line["status"])
            open_.append(run.end)
        elif kind in ("params", "tags", "files"):
            new = {key: Noted(value) for key, value in line["values"].items()}
            getattr(run, kind).update(new)
            open_ += new.values()
    return runs
