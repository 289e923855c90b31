"""Runs: of one experiment, and of all."""

from __future__ import annotations

from trackstream_api.ui.api import path_of
from trackstream_api.ui.components.chips import chip
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.run_grid import RunGrid
from trackstream_api.ui.frame import titled
from trackstream_api.ui.mounting import api
from trackstream_api.ui.page import page
from trackstream_api.ui.places import as_of, place


@page("/runs", "runs", "Runs")
async def runs() -> None:
    """Runs of all experiments."""
    RunGrid()


@page("/experiments/{experiment_id}", "experiments", "Experiment")
async def experiment(experiment_id: str) -> None:
    """The runs of one experiment."""
    found = await api().get(path_of("experiments", experiment_id), as_of=as_of())
    titled(found["name"], [("Experiments", place("experiments"))])
    if found["lifecycle_stage"] == "deleted" or found["tags"]:
        with tag("div", "", "ts-row ts-experiment-marks"):
            if found["lifecycle_stage"] == "deleted":
                chip("deleted", "warn")
            for key, value in sorted(found["tags"].items()):
                tag("span", f"{key}: {value}", "ts-chip ts-cut", title=f"{key}: {value}")
    RunGrid()
