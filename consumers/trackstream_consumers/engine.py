"""The ClickHouse engine: chDB in this process for a directory, a server for an http(s) address.

Either way the client library is clickhouse-connect and the SQL is the same. A client runs one query at
a time, so an `Engine` keeps a pool of them; chDB runs the pool's queries side by side.
"""

from __future__ import annotations

import contextlib
import copy
import queue
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import Error as ClickHouseError

from trackstream_consumers.disk_reserve import disk_reserve, keep_free
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver import Client

DATABASE = "trackstream"
_CONNECT_SECONDS = 10
_ANSWER_SECONDS = 120


class Epoch(Protocol):
    """The generation of the tables that a projector works on; see `epoch`."""

    @property
    def number(self) -> int:
        """The generation that was entered; 0 before the first swap."""
        ...

    def enter(self) -> int:
        """Return the generation to work in. Raises TablesSwapped where it is not the one entered before."""
        ...


class Engine:
    """Clients of one analytical store, all on one database."""

    fence: Epoch | None = None
    """Where replays in other processes may swap the tables: what keeps a projector to one generation."""

    def __init__(self, target: Path | str, database: str = DATABASE, clients: int = 6) -> None:
        """Open the store and make the database if it is not there.

        `target` is a directory (embedded: chDB allows one process at a time) or an http(s) URL such as
        `http://user:password@host:8123`. Inserts are refused while its disk is nearly full, see
        `disk_reserve`. Raises Unavailable where it cannot be opened.
        """
        self._reserve = disk_reserve()
        self.target = target
        self.database = database
        with self._connect("default") as first:
            first.command(f"CREATE DATABASE IF NOT EXISTS {database}")
        self._idle: queue.LifoQueue[Client | None] = queue.LifoQueue()
        for _ in range(clients):
            self._idle.put(None)
        self._guarded: dict[tuple[tuple[str, str], ...], queue.LifoQueue[Client | None]] = {}
        self._clients = clients

    def fenced(self, fence: Epoch) -> Engine:
        """Return this engine for a projector that works behind `fence`; the clients are shared, and closed
        with this one."""
        fenced = copy.copy(self)
        fenced.fence = fence
        return fenced

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Borrow a client; waits while all are busy."""
        yield from self._borrow(self._idle, {})

    @contextmanager
    def guarded_client(self, settings: dict[str, str]) -> Iterator[Client]:
        """Borrow a client whose session is read-only and bound by `settings` (ClickHouse setting names).

        The limits belong to the session because a read-only session cannot change its settings, and with
        a query of its own neither can the user.
        """
        limits = tuple(sorted(settings.items()))
        if limits not in self._guarded:
            idle: queue.LifoQueue[Client | None] = queue.LifoQueue()
            for _ in range(self._clients):
                idle.put(None)
            self._guarded.setdefault(limits, idle)
        # readonly comes last: the settings before it could not be made behind it.
        yield from self._borrow(self._guarded[limits], {**dict(limits), "readonly": "1"})

    def _borrow(self, idle: queue.LifoQueue[Client | None], settings: dict[str, str]) -> Iterator[Client]:
        client = idle.get()
        try:
            if client is None:
                client = self._open(settings)
            yield client
        except BaseException:
            # chDB keeps what a query put out before it failed, and would hand it out with the next result.
            failed, client = client, None
            if failed is not None:
                # The new one first: without any client chDB would close the store.
                with contextlib.suppress(Unavailable):
                    client = self._open(settings)
                failed.close()
            raise
        finally:
            idle.put(client)

    def _open(self, settings: dict[str, str]) -> Client:
        client = self._connect(self.database, settings)
        if "readonly" not in settings:
            keep_free(client, self._reserve)
        return client

    def _connect(self, database: str, settings: dict[str, str] | None = None) -> Client:
        where = str(self.target)
        options: dict[str, Any] = {"database": database, "settings": settings or {}}
        try:
            if not where.startswith(("http://", "https://")):
                Path(where).mkdir(parents=True, exist_ok=True)
                return clickhouse_connect.get_client(interface="chdb", path=where, **options)
            url = urlsplit(where)
            return clickhouse_connect.get_client(
                interface=url.scheme,
                host=url.hostname or "localhost",
                port=url.port or 0,
                username=unquote(url.username or "default"),
                password=unquote(url.password or ""),
                autogenerate_session_id=False,
                connect_timeout=_CONNECT_SECONDS,
                send_receive_timeout=_ANSWER_SECONDS,
                **options,
            )
        except (ClickHouseError, OSError) as error:
            shown = where.rpartition("@")[2]
            raise Unavailable(f"cannot open the analytical store {shown}: {error}") from error

    def close(self) -> None:
        """Close the idle clients; a client that is still borrowed is closed with the process."""
        for idle in (self._idle, *self._guarded.values()):
            for _ in range(idle.qsize()):
                client = idle.get_nowait()
                if client is not None:
                    client.close()
                idle.put(None)
