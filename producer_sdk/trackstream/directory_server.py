"""The server that holds a store directory, as far as its lock file tells."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING

from trackstream.errors import Rejected
from trackstream.log.http import ServerConnection
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

_LOCK_FILE = "server.lock"


def announced(directory: Path) -> str | None:
    """Return where the server that holds a directory says that it answers; it may have died since."""
    try:
        holder = json.loads((directory / _LOCK_FILE).read_text())
        url = holder["url"] if holder["kind"] == "server" else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if isinstance(url, str) else None


def holder_pid(directory: Path) -> int | None:
    """Return the process that holds, or held last, a directory as a server."""
    try:
        holder = json.loads((directory / _LOCK_FILE).read_text())
        pid = holder["pid"] if holder["kind"] == "server" else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if isinstance(pid, int) else None


def connect(directory: Path, timeout: float) -> ServerConnection | None:
    """Return a connection to the server that holds a directory, if it answers."""
    address = announced(directory)
    if address is None:
        return None
    server = ServerConnection(address, timeout=timeout)
    with contextlib.suppress(Unavailable, Rejected, OSError, KeyError, TypeError):
        # Somebody else may have the address of a server that was killed.
        if os.path.samefile(server.request("GET", "/api/v1/status")["directory"], directory):
            return server
    server.close()
    return None


def address_of(directory: Path, timeout: float = 60.0) -> str | None:
    """Return the http address of the server that holds a directory, if it answers."""
    address = announced(directory)
    server = connect(directory, timeout)
    if server is None:
        return None
    server.close()
    return address
