"""Where pages are. Every link keeps the moment that is looked at."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from nicegui import ui

PREFIX = "/ui"


def as_of() -> str | None:
    """Return the moment that this page shows, as the API's `as_of` takes it; None: the present."""
    request = ui.context.client.request
    return (request.query_params.get("as_of") or None) if request is not None else None


def asked(name: str) -> str | None:
    """Return a parameter of this page's address; None where it has none."""
    request = ui.context.client.request
    return request.query_params.get(name) if request is not None else None


def place(*parts: str, **query: str | list[str] | None) -> str:
    """Return the address of a page: `place("runs", run_id, tab="metrics")`. The moment goes along."""
    kept = {"as_of": as_of(), **query}
    text = urlencode({name: value for name, value in kept.items() if value not in (None, "")}, doseq=True)
    path = "".join("/" + quote(part, safe="") for part in parts)
    return f"{PREFIX}{path}" + (f"?{text}" if text else "")


def go(*parts: str, **query: str | list[str] | None) -> None:
    """Have the browser open the page that `place` names."""
    # NiceGUI puts the prefix before whatever begins with a slash.
    ui.navigate.to(place(*parts, **query).removeprefix(PREFIX))
