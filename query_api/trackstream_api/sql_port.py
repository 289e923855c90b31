"""`trackstream server --sql-port`: the views for ClickHouse clients, on a port of their own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from trackstream_api import listening
from trackstream_api.barrier import reading
from trackstream_api.clickhouse_front import create_front
from trackstream_api.host_guard import HostGuard, allowed_hosts, is_loopback
from trackstream_api.sql_guard import GUARD_SETTINGS, guard
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    import uvicorn
    from starlette.types import ASGIApp

    from trackstream_api.store import Store

OPTION = "--sql-port"
_START_SECONDS = 30.0


@dataclass(frozen=True)
class SqlAccess:
    """Where ClickHouse clients are let in, and as whom; `port` 0 takes a free one."""

    port: int
    user: str
    password: str
    """Empty: nobody is asked for one."""

    def check(self, host: str) -> None:
        """Raise InvalidInput where anybody on the network could read all that was logged."""
        if not self.password and not is_loopback(host):
            right = "one of this machine alone, such as 127.0.0.1, with --sql-no-password"
            raise InvalidInput("--host", host, right)


@contextmanager
def sql_port(
    store: Store,
    listener: socket.socket,
    host: str,
    access: SqlAccess,
    new_server: Callable[[ASGIApp, Callable[[], None]], uvicorn.Server],
) -> Iterator[str]:
    """Answer ClickHouse clients at `listener` from a thread; yields the URL once it does.

    `new_server` makes a server of an app that calls the function when it answers. Queries are guarded,
    limited, and as fresh as those of `POST /api/v1/sql`.
    """
    app = create_front(
        store.engine,
        {access.user: access.password},
        guard,
        GUARD_SETTINGS,
        partial(reading, store, topics.EVENT_TOPICS),
    )
    answering = threading.Event()
    # A page in a browser of this machine could ask as well as any other client.
    server = new_server(HostGuard(app, allowed_hosts(host)), answering.set)

    def run() -> None:
        try:
            server.run(sockets=[listener])
        finally:
            answering.set()

    thread = threading.Thread(target=run, name="trackstream-sql-port", daemon=True)
    thread.start()
    try:
        if not answering.wait(_START_SECONDS) or not server.started:
            raise Unavailable(f"the SQL port did not come up within {_START_SECONDS:g} s")
        yield listening.url_of(listener)
    finally:
        server.should_exit = True
        thread.join()
        app.state.close()
