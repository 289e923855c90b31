"""The routes that take contents, served over a blob store alone."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from trackstream_api import error_replies
from trackstream_api.routes import artifacts, uploads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_schemas.blobs import BlobStore


@contextmanager
def serving(blobs: BlobStore) -> Iterator[str]:
    """Yield the address of a server for `blobs`; nothing else of a store is behind it."""
    app = FastAPI()
    app.state.store = SimpleNamespace(blobs=blobs)
    error_replies.install(app)
    app.include_router(artifacts.router)
    app.include_router(uploads.router)
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", 0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
