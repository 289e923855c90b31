"""How the store is: lag, event rate, dead letters, rebuilds, storage."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from trackstream_api.ui.components.dead_letters import dead_letters
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.rebuilds import rebuilds
from trackstream_api.ui.components.system_pulse import SystemPulse
from trackstream_api.ui.components.tables import fact, facts, panel, table
from trackstream_api.ui.components.values import count, size
from trackstream_api.ui.mounting import api, static_url
from trackstream_api.ui.page import page
from trackstream_api.ui.places import as_of
from trackstream_api.version import VERSION


@page("/system", "system", "System")
async def system() -> None:
    """Show it, live where it changes."""
    for name in ("forms.css", "launches.css", "system.css"):
        ui.add_head_html(f'<link rel="stylesheet" href="{static_url(name)}">')
    if as_of() is not None:
        words = (
            "This page always tells how the store is now: the moment that the other pages show is not for it."
        )
        tag("p", words, "ts-note is-past", role="note")
    SystemPulse()
    with tag("div", "", "ts-split is-even"):
        with tag("div"):
            await dead_letters()
            await rebuilds()
        with tag("div"):
            _storage(await api().get("/storage", consistency="eventual"))
            _further()


def _storage(found: dict[str, Any]) -> None:
    tables = found["tables"]
    total = sum(one["bytes"] for one in tables)
    largest = max((one["bytes"] for one in tables), default=1)
    with panel("Storage"):
        with facts():
            fact("Tables", size(total))
            fact(
                "Contents of artifacts",
                f"{size(found['contents']['bytes'])} in {count(found['contents']['count'])}",
            )
            fact("Log", size(found["log_bytes"]) if found["log_bytes"] is not None else "kept by the brokers")
        with table(("Table", "Rows", "Size"), numbers=("Rows", "Size"), label="Storage by table") as rows:
            for one in tables:
                with rows.row() as row:
                    with row.cell(classes="ts-mono"):
                        tag("span", one["table"])
                        tag("progress", "", "ts-share", max=largest, value=one["bytes"], aria_hidden="true")
                    row.cell(count(one["rows"]))
                    row.cell(size(one["bytes"]))


def _further() -> None:
    with panel("For programs"), facts():
        with fact("Prometheus", ""):
            link("/metrics", "/metrics")
        with fact("API", ""):
            link("/docs", "/docs")
        fact("Server", api().shown, "ts-mono")
        fact("Version of this UI", VERSION)
