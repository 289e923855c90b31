"""How this process asks the store that it logs to."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream import destination, sessions
from trackstream_schemas.errors import NotFound
from trackstream_schemas.sqlite_layout import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream.log.http import ServerConnection

_TIMEOUT_S = 600.0
"""For an answer to begin; ten million points are gathered first."""


@contextmanager
def asked_store(what: str) -> Iterator[ServerConnection]:
    """Give a connection to the server of the current tracking URI while the block lasts.

    What this process has logged is sent before. A directory that nobody serves gets a server for so long,
    which takes some seconds. Raises InvalidInput, which names `what`, for a log that cannot be asked (Kafka,
    offline), NotFound for a directory without a store, Unavailable where no server answers.
    """
    from trackstream.projects.store_reads import asked

    uri = destination.tracking_uri()
    for client in sessions.clients():
        if client.uri == uri:
            client.flush()
    if "://" not in uri and not uri.startswith("offline:") and not (Path(uri) / FILE_NAME).exists():
        raise NotFound(f"{uri} holds no Trackstream store: log something there, or set another tracking URI")
    with asked(uri, what, _TIMEOUT_S) as server:
        yield server
