"""One module a page. Each registers itself with `trackstream_api.ui.page.page` when it is imported."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages


def register() -> None:
    """Import every page."""
    for module in walk_packages(__path__, f"{__name__}."):
        import_module(module.name)
