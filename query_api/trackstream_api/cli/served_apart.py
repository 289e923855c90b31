"""A server on a store that is another process, for commands that launch something afterwards."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from trackstream_api.cli.connection import directory_of, is_address, require_store
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def served_apart(store: str) -> Iterator[str]:
    """Give the address of a server on a store; a directory that nobody serves gets one, another process.

    This process would keep the directory until its end, from the server that its launch then needs. Raises
    NoStore, and Unavailable where a server cannot start.
    """
    if is_address(store):
        yield store
        return
    from trackstream.projects.launch_folder import launches_directory
    from trackstream.projects.shared_server import ServerForLaunch

    directory = directory_of(store).absolute()
    require_store(directory)
    launches_directory().mkdir(parents=True, exist_ok=True, mode=0o700)
    with ServerForLaunch(str(directory), launches_directory() / ".server.log") as server:
        if server.address is None:
            raise Unavailable(f"no server can be started on {directory}: {server.why}")
        yield server.address
