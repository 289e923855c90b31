"""Puts the UI into an app. NiceGUI keeps its pages in one object of the process: one app of it has them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, cast

import nicegui
from nicegui import ui
from nicegui.dependencies import register_importmap_override
from starlette.responses import RedirectResponse

from trackstream_api.ui.headers import UiHeaders
from trackstream_api.ui.places import PREFIX

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from trackstream_api.ui.api import Api

STATIC = Path(__file__).parent / "static"
_RECONNECT_S = 20.0


def mount(app: FastAPI, api: Api) -> None:
    """Serve the UI under `PREFIX` of `app`, whose lifespan must be run; pages ask `api`."""
    from trackstream_api.ui import pages

    pages.register()
    nicegui.app.state.trackstream_api = api
    # As NiceGUI's own files, a browser keeps these for ever: their address changes with their content.
    nicegui.app.add_static_files(f"/static/{_edition()}", STATIC, max_cache_age=31_536_000)
    nicegui.app.state.trackstream_static = f"{PREFIX}/static/{_edition()}"
    for index in STATIC.glob("*/index.js"):
        # Modules of the browser: `import … from "trackstream-charts"`, or from one of its files.
        package = index.parent.name
        register_importmap_override(f"trackstream-{package}", static_url(f"{package}/index.js"))
        register_importmap_override(f"trackstream-{package}/", static_url(f"{package}/"))
    for address in (PREFIX, f"{PREFIX}/"):
        app.add_route(address, _first_page, include_in_schema=False)
    ui.run_with(
        app,
        title="Trackstream",
        favicon=STATIC / "favicon.svg",
        dark=None,
        tailwind=False,
        mount_path=PREFIX,
        binding_refresh_interval=None,
        reconnect_timeout=_RECONNECT_S,
        show_welcome_message=False,
    )
    app.add_middleware(UiHeaders)


async def _first_page(_: Request) -> Response:
    return RedirectResponse(f"{PREFIX}/experiments")


def api() -> Api:
    """Return the API that the pages of this process ask."""
    return cast("Api", nicegui.app.state.trackstream_api)


def static_url(name: str) -> str:
    """Return the address of a file of `static/`."""
    return f"{nicegui.app.state.trackstream_static}/{name}"


def preloaded(*packages: str) -> None:
    """Let the browser fetch all modules of some folders of `static/` at once, not one after the other."""
    for package in packages:
        for module in sorted((STATIC / package).glob("*.js")):
            ui.add_head_html(f'<link rel="modulepreload" href="{static_url(f"{package}/{module.name}")}">')


def _edition() -> str:
    content = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            content.update(path.name.encode() + path.read_bytes())
    return content.hexdigest()[:12]
