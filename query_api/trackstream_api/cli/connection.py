"""From what --dir says to an `Api`: always HTTP, to the server that holds the directory or to one of our own.

An address is used as it is. For a directory, the lock tells: a server that holds it is asked; where
nobody does, this process serves the same app to itself on a Unix socket in a private temporary
directory; while another command holds it, we wait.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream_api.cli.errors import DirectoryBusy, NoStore
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.sqlite_layout import FILE_NAME as LOG_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from trackstream_api.cli.api import Api
    from trackstream_api.directory_lock import Holder
    from trackstream_api.server import ServerThread

WAIT_SECONDS = 30.0
"""How long another command may keep the directory, or a starting server its address, before we give up."""
_POLL_SECONDS = 0.1
_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 300.0
_LONGEST_SOCKET_PATH = 100


@contextmanager
def connect(store: str, *, create: bool = False, as_of: str | None = None) -> Iterator[Api]:
    """Give an `Api` on the store until the block ends; `create` makes a directory that is not there.

    With `as_of` it asks what the store was at that moment, which only some routes can tell.

    Raises NoStore for a directory without a store, DirectoryBusy where another command keeps it for more
    than WAIT_SECONDS, NoAnswer where nothing answers at an address.
    """
    with ExitStack() as stack:
        if is_address(store):
            api = stack.enter_context(_over_tcp(store, store))
        else:
            api = _on_directory(stack, directory_of(store), create)
        api.as_of = as_of
        yield api
        if api.lag_ms:
            from trackstream_api.cli.output import say

            say(f"note: the answer is {api.lag_ms / 1000:.1f} s behind the log")


@contextmanager
def connect_to_log(store: str) -> Iterator[Api]:
    """Give an `Api` of which only /api/v1/stream may be asked, without keeping the directory from anybody.

    Raises NoStore for a directory without a store, NoAnswer where nothing answers at an address.
    """
    with ExitStack() as stack:
        if is_address(store):
            yield stack.enter_context(_over_tcp(store, store))
            return
        from trackstream_api.directory_lock import holder_of

        directory = directory_of(store)
        require_store(directory)
        holder = holder_of(directory)
        if holder is not None and holder.kind == "server" and holder.url:
            yield stack.enter_context(_over_tcp(holder.url, str(directory)))
            return
        from trackstream_api.server import serve_log_in_thread

        yield stack.enter_context(_over_private_socket(directory, serve_log_in_thread))


def is_address(store: str) -> bool:
    """Whether --dir names a server instead of a directory."""
    return store.startswith(("http://", "https://"))


def directory_of(store: str) -> Path:
    """Return the directory that --dir names. Raises InvalidInput for an address we cannot talk to."""
    if store.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        parts = urlsplit(store)
        if parts.netloc in ("", "localhost") and parts.path:
            return Path(unquote(parts.path))
    if "://" in store or not store.strip() or "\x00" in store:
        raise InvalidInput(
            "--dir (or TRACKSTREAM_URI)",
            store,
            "a directory, or the address of a server, which begins with http:// or https://. A log on Kafka"
            " is read through one: start `trackstream server` and name its address",
        )
    return Path(store).expanduser()


def require_store(directory: Path) -> None:
    """Raise NoStore, with what to do, unless the directory holds a log."""
    if (directory / LOG_FILE).exists():
        return
    if directory.is_dir():
        what = f"holds no Trackstream store (no {LOG_FILE})"
    else:
        what = "is not a directory" if directory.exists() else "does not exist"
    raise NoStore(
        f"{directory} {what}: choose a store with --dir or TRACKSTREAM_URI,"
        " or make one with `trackstream server` or `trackstream experiments create`"
    )


def _on_directory(stack: ExitStack, directory: Path, create: bool) -> Api:
    from trackstream_api.directory_lock import DirectoryHeld, holder_of

    if not create:
        require_store(directory)
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        holder = holder_of(directory)
        if holder is not None and holder.kind == "server" and holder.url:
            return stack.enter_context(_over_tcp(holder.url, str(directory)))
        if holder is None:
            try:
                return stack.enter_context(_over_own_server(directory))
            except DirectoryHeld as error:
                # Another process was faster between our look and our start.
                holder = error.holder
        if time.monotonic() > deadline:
            raise DirectoryBusy(_who(directory, holder))
        time.sleep(_POLL_SECONDS)


def _who(directory: Path, holder: Holder | None) -> str:
    who = str(holder) if holder is not None else "another process"
    return f"{directory} has been kept by {who} for more than {WAIT_SECONDS:.0f} s; try again once it is done"


@contextmanager
def _over_tcp(url: str, where: str) -> Iterator[Api]:
    import httpx

    from trackstream_api.cli.api import Api

    # A proxy of the environment is for the internet, not for the address that the user named.
    with httpx.Client(base_url=url, timeout=_timeouts(), trust_env=False) as http:
        yield Api(http, where)


@contextmanager
def _over_own_server(directory: Path) -> Iterator[Api]:
    from trackstream_api.cli.catch_up import catch_up
    from trackstream_api.server import serve_in_thread

    with _over_private_socket(directory, serve_in_thread) as api:
        catch_up(api)
        yield api


@contextmanager
def _over_private_socket(directory: Path, serve: Callable[..., ServerThread]) -> Iterator[Api]:
    import httpx

    from trackstream_api.cli.api import Api

    _silence_the_server()
    place = _private_place()
    try:
        socket = place / "api.sock"
        with serve(directory, socket, log_level="warning" if debugging() else "critical"):
            transport = httpx.HTTPTransport(uds=str(socket))
            with httpx.Client(base_url="http://localhost", transport=transport, timeout=_timeouts()) as http:
                yield Api(http, str(directory))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _silence_the_server() -> None:
    """Keep what a server would write to its own log off the user's terminal."""
    if debugging():
        return
    for package in ("trackstream_api", "trackstream_consumers", "trackstream", "uvicorn"):
        logger = logging.getLogger(package)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
    warnings.simplefilter("ignore")


def debugging() -> bool:
    """Whether the user wants to see where an error came from (TRACKSTREAM_DEBUG)."""
    return bool(os.environ.get("TRACKSTREAM_DEBUG"))


def _private_place() -> Path:
    """Return a new directory that only this user may enter, with a path short enough for a socket."""
    place = Path(tempfile.mkdtemp(prefix="trackstream-"))
    if len(str(place)) > _LONGEST_SOCKET_PATH - len("/api.sock"):
        place.rmdir()
        place = Path(tempfile.mkdtemp(prefix="trackstream-", dir="/tmp"))
    return place


def _timeouts() -> httpx.Timeout:
    import httpx

    return httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
