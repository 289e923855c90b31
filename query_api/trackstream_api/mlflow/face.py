"""MLflow's face put together: every subject's routes under /api and, for MLflow's web UI, /ajax-api."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter
from fastapi.routing import APIRoute

from trackstream_api.fixed_paths import FixedPaths
from trackstream_api.mlflow import (
    artifact_proxy,
    artifacts,
    assessments,
    experiments,
    inputs,
    logged_models,
    logging_calls,
    metric_history,
    not_implemented,
    open_telemetry,
    registry,
    runs,
    server_facts,
    traces,
)
from trackstream_api.mlflow.current import open_desk

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.routing import BaseRoute

PREFIXES = ("/api", "/ajax-api")

# Routes are tried in this order: what trainers call most often comes first.
_SUBJECTS: tuple[APIRouter, ...] = (
    logging_calls.router,
    runs.router,
    experiments.router,
    metric_history.router,
    inputs.router,
    artifacts.router,
    artifact_proxy.router,
    server_facts.router,
    registry.router,
    logged_models.router,
    assessments.router,
    traces.router,
    not_implemented.router,
)
_ROOT_SUBJECTS: tuple[APIRouter, ...] = (
    artifacts.root_router,
    server_facts.root_router,
    open_telemetry.root_router,
    not_implemented.root_router,
)


class Endpoint(NamedTuple):
    """A method of a path, and whether it is more than a 501. Paths without the prefixes of `PREFIXES`."""

    method: str
    path: str
    answers: bool


def endpoints() -> list[Endpoint]:
    """Return all endpoints of the face, by path; those at the root have their whole path."""
    left_out = (not_implemented.router, not_implemented.root_router, open_telemetry.root_router)
    found = []
    for router in (*_SUBJECTS, *_ROOT_SUBJECTS):
        for route in router.routes:
            if isinstance(route, APIRoute):
                path = route.path.replace("{path:path}", "<path>")
                found += [Endpoint(method, path, router not in left_out) for method in route.methods or ()]
    return sorted(found, key=lambda endpoint: (endpoint.path, endpoint.method))


def include(app: FastAPI) -> None:
    """Add the face's routes to the app, whose `state.store` is there."""
    app.state.mlflow_desk = open_desk(app.state.store)
    for prefix in PREFIXES:
        for router in _SUBJECTS:
            app.include_router(router, prefix=prefix, include_in_schema=prefix == "/api", tags=["mlflow"])
    for router in _ROOT_SUBJECTS:
        app.include_router(router, tags=["mlflow"])
    app.router.routes.insert(0, FixedPaths(_often_called()))


def _often_called() -> list[BaseRoute]:
    """Return the routes of the calls that training scripts make, with their whole paths."""
    whole = APIRouter()
    for subject in (logging_calls, runs):
        for route in subject.router.routes:
            if isinstance(route, APIRoute):
                path = f"{PREFIXES[0]}{route.path}"
                whole.add_api_route(path, route.endpoint, methods=list(route.methods or ()))
    return whole.routes
