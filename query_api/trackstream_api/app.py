"""The FastAPI app over a store."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI

from trackstream_api import error_replies
from trackstream_api.body_limit import BodyLimit
from trackstream_api.host_guard import HostGuard
from trackstream_api.mlflow import face as mlflow_face
from trackstream_api.readiness import Readiness, readiness_of
from trackstream_api.request_metrics import Exposition, RequestMetrics
from trackstream_api.routes import (
    admin,
    artifacts,
    dead_letters,
    events,
    experiments,
    history,
    launches,
    logged_models,
    metrics,
    models,
    pages,
    points,
    run_sets,
    runs,
    sql,
    stream,
    traces,
    transfer,
    uploads,
)
from trackstream_api.stream.feed import LogFeed
from trackstream_api.version import VERSION

if TYPE_CHECKING:
    from trackstream_api.store import Store
    from trackstream_api.stream.source import StreamSource

_DESCRIPTION = """
Experiment tracking whose only source of truth is a log of events. Times are integers, milliseconds since
the epoch; NaN and the infinities are the strings "NaN", "Infinity" and "-Infinity". Errors have one shape:
`{"error_code", "message"}` and, where known, `field` and `position`.
"""


def create_app(
    store: Store, allowed_hosts: frozenset[str] | None = None, *, with_ui: bool = False
) -> FastAPI:
    """Return the app over `store`, which stays its caller's to close.

    `allowed_hosts` are the names that requests may ask for (None: any; see `host_guard`). `with_ui` puts the
    web UI into it, which one app of a process can have; the server must then run the app's lifespan.
    """
    app = FastAPI(
        title="Trackstream",
        version=VERSION,
        description=_DESCRIPTION,
        responses=error_replies.RESPONSES,
        # FastAPI's own pages load scripts from elsewhere; see routes/pages.py.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.store = store
    app.state.exposition = Exposition(store)
    app.state.feed = LogFeed(store)
    app.state.readiness = readiness_of(store)
    app.state.stop = partial(_stop, app.state.feed, app.state.readiness)
    error_replies.install(app)
    for subject in (
        logged_models,
        traces,
        experiments,
        runs,
        run_sets,
        metrics,
        points,
        artifacts,
        models,
        uploads,
        events,
        transfer,
        launches,
        history,
        stream,
        sql,
        dead_letters,
        admin,
        pages,
    ):
        app.include_router(subject.router)
    mlflow_face.include(app)
    app.state.with_ui = with_ui
    if with_ui:
        # Only a process that serves pages pays for what they are made with.
        from trackstream_api.ui.api import Api
        from trackstream_api.ui.mounting import mount

        mount(app, Api.inside(app, store.location))
    # The last one added is the outermost.
    app.add_middleware(error_replies.LastResort)
    app.add_middleware(BodyLimit)
    app.add_middleware(HostGuard, allowed=allowed_hosts)
    app.add_middleware(RequestMetrics, exposition=app.state.exposition)
    return app


def _stop(feed: LogFeed, readiness: Readiness) -> None:
    """What a server calls before it lets go of the store."""
    feed.stop()
    readiness.stop()


def create_stream_app(log: StreamSource) -> FastAPI:
    """Return an app that only streams a log, for a process that does not hold the store."""
    app = FastAPI(title="Trackstream's log", version=VERSION, docs_url=None, redoc_url=None)
    app.state.feed = LogFeed(log)
    app.state.stop = app.state.feed.stop
    error_replies.install(app)
    app.include_router(stream.router)
    app.add_middleware(error_replies.LastResort)
    return app
