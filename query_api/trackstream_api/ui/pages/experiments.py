"""The experiments."""

from __future__ import annotations

from nicegui import ui

from trackstream_api.ui.mounting import api
from trackstream_api.ui.page import page
from trackstream_api.ui.places import as_of


@page("/experiments", "experiments", "Experiments")
async def experiments() -> None:
    """List them."""
    found = await api().get("/experiments", limit=100, as_of=as_of())
    for one in found["experiments"]:
        ui.label(one["name"])
