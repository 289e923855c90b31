"""Routes that are found by one look-up, for what is called so often that trying every route would tell."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send


class FixedPaths(BaseRoute):
    """A route that stands for all those of `routes` whose paths have no parameters; put it first."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = {
            (method, route.path): _without_detour(route)
            for route in routes
            if isinstance(route, APIRoute) and "{" not in route.path
            for method in route.methods or ()
        }

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        route = self._routes.get((scope.get("method", ""), scope.get("path", "")))
        if route is None:
            return Match.NONE, {}
        match, child = route.matches(scope)
        return match, {**child, "route": route}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["route"].handle(scope, receive, send)


def _without_detour(route: APIRoute) -> Route:
    """Return a route of Starlette's where the handler takes the request as it is.

    It has no use for the stacks and dependencies that FastAPI makes for each call, which take longer than
    many a handler.
    """
    taken = list(inspect.signature(route.endpoint, eval_str=True).parameters.values())
    if inspect.iscoroutinefunction(route.endpoint) and [one.annotation for one in taken] == [Request]:
        return Route(route.path, route.endpoint, methods=list(route.methods or ()))
    return route
