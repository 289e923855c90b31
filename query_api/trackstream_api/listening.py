"""The sockets that a server listens on, bound before the store is opened."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from typing import TYPE_CHECKING

from trackstream_schemas.errors import Conflict, InvalidInput, StorageFailed

if TYPE_CHECKING:
    from pathlib import Path

_BACKLOG = 2048


class AddressInUse(Conflict):
    """Another process listens there."""


def tcp(host: str, port: int, option: str = "--port") -> socket.socket:
    """Return a socket that listens on `host`:`port`; port 0 takes a free one.

    `option` is how the user gives the port.

    Raises AddressInUse, or InvalidInput for an address that this machine does not have.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise InvalidInput("host", host, f"an address of this machine ({error.strerror})") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(
                f"something else listens on {host} port {port}; choose another {option}"
            ) from error
        if error.errno == errno.EACCES:
            raise InvalidInput("port", port, "a port that this user may listen on (1024 or above)") from error
        raise InvalidInput("host", host, f"an address of this machine ({error.strerror})") from error
    return listener


def unix(path: Path) -> socket.socket:
    """Return a socket that listens at `path`, for this user alone; a left-over socket file is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(path.stat().st_mode):
                path.unlink()
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise StorageFailed(f"cannot listen at {path}: {error}") from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address under which clients on this machine reach a listening TCP socket."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
