"""Runs the app: as a process of its own, or in a thread of the command line's process."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import uvicorn

from trackstream_api import listening
from trackstream_api.app import create_app, create_stream_app
from trackstream_api.directory_lock import DirectoryLock
from trackstream_api.host_guard import allowed_hosts
from trackstream_api.sql_port import OPTION as SQL_PORT
from trackstream_api.sql_port import sql_port
from trackstream_api.stack_settings import (
    blobs_from_environment,
    refuse_wrong_blobs,
    stack_from_environment,
)
from trackstream_api.store import EmbeddedStore
from trackstream_api.stream.sqlite_log import SqliteLog
from trackstream_api.webhooks.for_directory import delivering_for
from trackstream_schemas.errors import TrackstreamError, Unavailable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from trackstream_api.sql_port import SqlAccess

_START_SECONDS = 30.0
# Objects more than were freed; collections of the young before the older, and of these before all.
_COLLECT_AFTER = (50_000, 20, 50)
_DRAIN_SECONDS = 10
_RESTART_SECONDS = 1.0


class _Server(uvicorn.Server):
    """A uvicorn server that ends by returning, so that what it served can be closed behind it."""

    def __init__(
        self,
        app: ASGIApp,
        log_level: str,
        on_started: Callable[[], None],
        on_stopping: Callable[[], None] = lambda: None,
    ) -> None:
        config = uvicorn.Config(
            app,
            log_level=log_level,
            access_log=False,
            # The UI has tasks to begin and to end; other apps have an empty one.
            lifespan="on",
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            timeout_keep_alive=75,
        )
        super().__init__(config)
        self._on_started = on_started
        self._on_stopping = on_stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stopping()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # What is here now stays: looking through it again for every few hundred objects of a request took a
        # seventh of the rate at which batches of points come in.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        await super().startup(sockets)
        if self.started:
            self._on_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM. Unlike the original it does not raise them again afterwards: the
        process would die before the store is closed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    directory: Path,
    host: str = "127.0.0.1",
    port: int = 5000,
    log_level: str = "warning",
    announce: Callable[[str], None] | None = None,
    sql: SqlAccess | None = None,
    announce_sql: Callable[[str], None] | None = None,
    *,
    with_ui: bool = False,
) -> None:
    """Serve the store in `directory` until SIGINT or SIGTERM, `with_ui` the UI, too; port 0 takes a free one.

    `announce` is called with the server's URL once it answers. With `sql`, ClickHouse clients are answered
    too, on the same host; `announce_sql` is called with that URL. Raises InvalidInput for an access that lets
    anybody in, DirectoryHeld where another
    process works in the directory, AddressInUse where one listens there, StorageFailed where the
    directory cannot be written.
    """
    if sql is not None:
        sql.check(host)
    lock = DirectoryLock(directory, "server")
    try:
        with ExitStack() as opened:
            listener = opened.enter_context(listening.tcp(host, port))
            sql_listener = opened.enter_context(listening.tcp(host, sql.port, SQL_PORT)) if sql else None
            url = listening.url_of(listener)
            # From here on clients can connect; they are answered once the store is open.
            lock.publish(url)
            store = opened.enter_context(EmbeddedStore(directory, lock))
            opened.enter_context(delivering_for(store, directory))
            if sql is not None and sql_listener is not None:
                front = sql_port(
                    store, sql_listener, host, sql, lambda app, told: _Server(app, log_level, told)
                )
                sql_url = opened.enter_context(front)
                if announce_sql is not None:
                    announce_sql(sql_url)
            app = create_app(store, allowed_hosts(host), with_ui=with_ui)
            told = (lambda: announce(url)) if announce else (lambda: None)
            server = _Server(app, log_level, told, app.state.stop)
            server.run(sockets=[listener])
    finally:
        lock.release()


def serve_distributed(
    host: str = "127.0.0.1",
    port: int = 5000,
    workers: int = 1,
    log_level: str = "warning",
    announce: Callable[[str], None] | None = None,
    *,
    with_ui: bool = False,
) -> None:
    """Serve the store that the environment describes until SIGINT or SIGTERM; see `stack_settings`.

    `workers` processes share the address; one that ends unasked is replaced. `with_ui` is for one alone.
    `announce` is called with the URL once the first of them answers. Raises what `DistributedStore` raises,
    InvalidInput for settings that cannot be right, StorageFailed where the blob store does not let us in,
    AddressInUse.
    """
    # Told here and now, and not by every worker.
    stack_from_environment()
    blobs = blobs_from_environment()
    try:
        refuse_wrong_blobs(blobs)
    finally:
        blobs.close()
    with listening.tcp(host, port) as listener:
        url = listening.url_of(listener)
        told = (lambda: announce(url)) if announce else (lambda: None)
        if workers == 1:
            _work(listener, host, log_level, told, with_ui=with_ui)
        else:
            _supervise(listener, host, workers, log_level, told)


def serve_ui(
    api_url: str,
    host: str = "127.0.0.1",
    port: int = 5000,
    log_level: str = "warning",
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve the web UI alone until SIGINT or SIGTERM, before the API at `api_url`."""
    from trackstream_api.ui.apart import ui_app

    with listening.tcp(host, port) as listener:
        url = listening.url_of(listener)
        told = (lambda: announce(url)) if announce else (lambda: None)
        _Server(ui_app(api_url, allowed_hosts(host)), log_level, told).run(sockets=[listener])


def _work(
    listener: socket.socket,
    host: str,
    log_level: str,
    on_started: Callable[[], None],
    *,
    with_ui: bool = False,
) -> None:
    """Serve from this process, with a store of its own."""
    from trackstream_api.distributed_store import DistributedStore

    with DistributedStore(stack_from_environment(), blobs_from_environment()) as store:
        app = create_app(store, allowed_hosts(host), with_ui=with_ui)
        _Server(app, log_level, on_started, app.state.stop).run(sockets=[listener])


def _worker(listener: socket.socket, host: str, log_level: str, started: Any) -> None:
    """Be one of several workers; ends with its supervisor."""
    threading.Thread(target=_end_with, args=(os.getppid(),), name="trackstream-parent", daemon=True).start()
    try:
        _work(listener, host, log_level, started.set)
    except TrackstreamError as error:
        # Its traceback would say no more, and its restart may say it again.
        raise SystemExit(f"Error: a worker could not start: {error}") from None


def _end_with(parent: int) -> None:
    """Stop this process once its parent is gone: nobody else would."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)


def _supervise(
    listener: socket.socket, host: str, workers: int, log_level: str, on_started: Callable[[], None]
) -> None:
    # Not forked: what the Kafka client and the event loop hold does not survive that.
    spawn = get_context("spawn")
    started = spawn.Event()
    stopping = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stopping.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }

    def new_worker() -> Any:
        process = spawn.Process(target=_worker, args=(listener, host, log_level, started))
        process.start()
        return process

    processes = [new_worker() for _ in range(workers)]
    told = False
    try:
        while not stopping.wait(0.1):
            if not told and started.is_set():
                told = True
                on_started()
            for index, process in enumerate(processes):
                if process.exitcode is None:
                    continue
                if not told:
                    raise Unavailable(f"a worker ended with exit code {process.exitcode} before it answered")
                if stopping.wait(_RESTART_SECONDS):
                    break
                processes[index] = new_worker()
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(_DRAIN_SECONDS + 5)
            process.kill()
        for number, handler in before.items():
            signal.signal(number, handler)


class ServerThread:
    """An app that a thread of this process serves on a Unix socket; made by `serve_in_thread`."""

    def __init__(self, store: EmbeddedStore | SqliteLog, app: FastAPI, uds: Path, log_level: str) -> None:
        """`store` is what the app works on; it is closed behind it."""
        self.store = store
        self.uds = uds
        self._listener = listening.unix(uds)
        self._answering = threading.Event()
        self._server = _Server(app, log_level, self._answering.set, app.state.stop)
        self._thread = threading.Thread(target=self._run, name="trackstream-api", daemon=True)
        self._thread.start()
        if not self._answering.wait(_START_SECONDS):
            self.stop()
            raise Unavailable(f"the API did not come up within {_START_SECONDS:g} s")

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._answering.set()

    def stop(self) -> None:
        """Finish the requests under way, close the store and give the directory free."""
        self._server.should_exit = True
        self._thread.join(_DRAIN_SECONDS + 5)
        self._listener.close()
        self.uds.unlink(missing_ok=True)
        self.store.close()

    def __enter__(self) -> ServerThread:
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()


def serve_in_thread(
    directory: Path, uds: Path, kind: str = "cli", log_level: str = "warning"
) -> ServerThread:
    """Serve the store in `directory` on the Unix socket `uds`, for this process; returns once it answers.

    Raises what `serve` raises. Whoever calls must `stop` it (or use it in a `with`).
    """
    store = EmbeddedStore(directory, DirectoryLock(directory, kind))
    try:
        return ServerThread(store, create_app(store), uds, log_level)
    except BaseException:
        store.close()
        raise


def serve_log_in_thread(directory: Path, uds: Path, log_level: str = "warning") -> ServerThread:
    """Serve the stream of the log in `directory`, and nothing else, without taking the directory.

    Otherwise as `serve_in_thread`.
    """
    log = SqliteLog(directory)
    try:
        return ServerThread(log, create_stream_app(log), uds, log_level)
    except BaseException:
        log.close()
        raise
