"""Fronts that the tests of this folder talk to."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
import pytest
import uvicorn

from trackstream_api import listening, sql_guard
from trackstream_api.clickhouse_front import create_front
from trackstream_api.native.stack import up
from trackstream_consumers.engine import Engine
from trackstream_consumers.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_connect.driver import Client


class Front(NamedTuple):
    """Where a front listens, and as whom it lets one in."""

    url: str
    user: str
    password: str

    def client(self, **options: Any) -> Client:
        """Return the unmodified clickhouse-connect HTTP client."""
        url = urlsplit(self.url)
        given: dict[str, Any] = {"username": self.user, "password": self.password, **options}
        return clickhouse_connect.get_client(host=url.hostname or "", port=url.port or 0, **given)

    def post(
        self, body: bytes | str = b"", headers: dict[str, str] | None = None, **url: str
    ) -> httpx.Response:
        """Send a request as a plain HTTP client does, with this front's user."""
        known = {"X-ClickHouse-User": self.user, "X-ClickHouse-Key": self.password}
        return httpx.post(
            f"{self.url}/", params=url, content=body, headers={**known, **(headers or {})}, timeout=60
        )


@pytest.fixture(scope="session")
def server_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A whole engine behind the protocol, in a process of its own."""
    with up(tmp_path_factory.mktemp("front"), parts=("clickhouse",)) as stack:
        url = urlsplit(stack.clickhouse)
        yield Front(f"http://{url.hostname}:{url.port}", url.username or "", url.password or "")


@pytest.fixture(scope="module")
def reading_engine(engine_dir: Path) -> Iterator[Engine]:
    """An engine whose database holds one run; nothing in the module changes it."""
    made = Engine(engine_dir, database=f"test_{uuid.uuid4().hex}")
    migrate(made)
    columns = [
        "run_id",
        "experiment_id",
        "name",
        "status",
        "lifecycle_stage",
        "start_time",
        "end_time",
        "version",
    ]
    with made.client() as client:
        client.insert(
            "runs", [["r1", "7", "it's a run", "FINISHED", "active", 1000, 2000, 1]], column_names=columns
        )
    yield made
    with made.client() as client:
        client.command(f"DROP DATABASE {made.database} SYNC")
    made.close()


@pytest.fixture(scope="module")
def guarded_front(reading_engine: Engine) -> Iterator[Front]:
    """The read-only front of an engine of this process."""
    engine = reading_engine
    app = create_front(engine, {"reader": "s3cret"}, sql_guard.guard, sql_guard.GUARD_SETTINGS)
    with listening.tcp("127.0.0.1", 0) as listener:
        config = uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Front(listening.url_of(listener), "reader", "s3cret")
        finally:
            server.should_exit = True
            thread.join()
            app.state.close()
