"""Plots of what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from benchmarks.measure import exponent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes


def growth(path: Path, what: str, of: str, sizes: Sequence[float], costs: Sequence[float], unit: str) -> None:
    """Plot a cost over the store's size, both logarithmic, with the fitted power of the size."""
    slope = exponent(sizes, costs)
    level = float(np.mean(np.log(costs) - slope * np.log(sizes)))
    figure, axes = _axes()
    axes.loglog(sizes, costs, "o", label="measured")
    axes.loglog(sizes, [np.exp(level) * size**slope for size in sizes], "-", label=f"size^{slope:.2f}")
    axes.set(title=what, xlabel=f"{of} in the store", ylabel=unit)
    axes.legend()
    _save(figure, path)


def over_time(path: Path, what: str, seconds: Sequence[float], values: Sequence[float], unit: str) -> None:
    """Plot a quantity over the time since the beginning."""
    figure, axes = _axes()
    axes.plot(seconds, values)
    axes.set(title=what, xlabel="seconds", ylabel=unit)
    axes.set_ylim(bottom=0)
    _save(figure, path)


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(True, which="both", alpha=0.3)
    return figure, axes


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
