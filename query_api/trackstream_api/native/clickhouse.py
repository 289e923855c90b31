"""chDB behind ClickHouse's HTTP protocol, as a process of the native stack."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from trackstream_api.native import process
from trackstream_api.native.minio import http_health

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trackstream_api.native.process import ProcessId


def start(directory: Path, port: int, user: str, password: str) -> ProcessId:
    """Start the front on `directory`/engine."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "trackstream_api.clickhouse_front"]
    command += ["--path", str(directory / "engine"), "--port", str(port)]
    environment = {"CLICKHOUSE_USER": user, "CLICKHOUSE_PASSWORD": password}
    return process.spawn(command, directory / "output.log", environment, directory)


def health(port: int) -> Callable[[], bool]:
    """Return a check that the front takes requests."""
    return http_health(f"http://127.0.0.1:{port}/ping")
