"""How large a run of the benchmarks is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

RESULTS = Path(__file__).parent / "results"
_Size = TypeVar("_Size", int, float)


@dataclass(frozen=True)
class Scale:
    """The sizes that can be chosen, and where plots go."""

    quick: bool = False
    """Tiny sizes, to see that the cases work; the figures mean nothing."""
    most_runs: int = 1_000_000
    """Runs in the largest store of runs."""
    most_points: int = 100_000_000
    """Points in the largest store of points."""
    fleet_seconds: float = 300.0
    """How long the fleet logs."""
    plots: Path = RESULTS

    def of(self, full: _Size, quick: _Size) -> _Size:
        """Return a size: the full one, or the one to try the case with."""
        return quick if self.quick else full

    @property
    def rounds(self) -> int:
        """How often to repeat what is cheap enough to repeat."""
        return 1 if self.quick else 3


FULL = Scale()


def quick(plots: Path) -> Scale:
    """Return the sizes to try the cases with; plots go to a directory of the caller's."""
    return Scale(quick=True, most_runs=2_000, most_points=400_000, fleet_seconds=4.0, plots=plots)
