"""Routes that are found by one look-up, for what is called so often that trying every route would tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send


class FixedPaths(BaseRoute):
    """A route that stands for all those of `routes` whose paths have no parameters; put it first."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = {
            (method, route.path): route
            for route in routes
            if isinstance(route, APIRoute) and "{" not in route.path
            for method in route.methods or ()
        }

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        route = self._routes.get((scope.get("method", ""), scope.get("path", "")))
        return (Match.NONE, {}) if route is None else route.matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["route"].handle(scope, receive, send)
