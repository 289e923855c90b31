"""The checks of `trackstream doctor`, each a function that returns what it found."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import sys
import time
from importlib import metadata
from typing import TYPE_CHECKING, Any

from trackstream_api.cli.check import Check
from trackstream_api.cli.connection import connect, directory_of, is_address
from trackstream_api.cli.output import size_text
from trackstream_consumers.disk_reserve import disk_reserve
from trackstream_schemas import sqlite_layout
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ENOUGH_BYTES = 1 << 30
_HARDLY_ANY_BYTES = 64 << 20
_LONG_LAG_MS = 10_000
_CLOCK_SLACK_MS = 5_000
_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?\s*>=\s*([\d.]+)")


def run_checks(store: str) -> list[Check]:
    """Return all checks' results; a check that raises has failed with the error's text."""
    from trackstream_api.cli import stack_checks

    found = [_python(), _packages()]
    if stack_checks.is_distributed():
        found += stack_checks.stack_checks()
        return found + (_served(store) if is_address(store) else [])
    if not is_address(store):
        directory = directory_of(store)
        if not directory.is_dir():
            found.append(
                Check("directory", "warn", f"{directory} does not exist yet; `trackstream server` makes it")
            )
            return found
        found += [
            _guarded("directory", lambda: _writable(directory)),
            _guarded("free disk", lambda: _free_disk(directory)),
            _guarded("lock", lambda: _lock(directory)),
        ]
        if not (directory / sqlite_layout.FILE_NAME).exists():
            found.append(Check("log", "warn", f"{directory} holds no log yet"))
            return found
        found += [
            _guarded("log", lambda: _log(directory)),
            _guarded("clock", lambda: _clock(directory)),
        ]
    found += _served(store)
    return found


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except (TrackstreamError, OSError, sqlite3.Error) as error:
        return Check(name, "fail", str(error))


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    needed = metadata.metadata("trackstream")["Requires-Python"].removeprefix(">=")
    if sys.version_info[:2] < _numbers(needed):
        return Check("python", "fail", f"{version}; Trackstream needs {needed} or newer")
    return Check("python", "ok", version)


def _packages() -> Check:
    wrong = list(_unmet(metadata.requires("trackstream") or []))
    if wrong:
        return Check("packages", "fail", f"{', '.join(wrong)}; pip install 'trackstream[server]'")
    shown = ("trackstream", "chdb", "clickhouse-connect", "fastapi", "pyarrow")
    return Check("packages", "ok", ", ".join(f"{name} {metadata.version(name)}" for name in shown))


def _unmet(requirements: list[str]) -> Iterator[str]:
    """Yield what the distribution asks for, itself or for its server extra, and does not find."""
    for text in requirements:
        requirement, _, marker = text.partition(";")
        parts = _REQUIREMENT.fullmatch(requirement.strip())
        if parts is None or (marker and "server" not in marker):
            continue
        name, needed = parts.groups()
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield f"{name} is not installed"
            continue
        if _numbers(version) < _numbers(needed):
            yield f"{name} is {version}, needed is {needed} or newer"


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, so that 1.12.0 is more than 1.9."""
    numbers = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _writable(directory: Path) -> Check:
    probe = directory / f".doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"x")
    finally:
        probe.unlink(missing_ok=True)
    return Check("directory", "ok", f"{directory} can be written")


def _free_disk(directory: Path) -> Check:
    free = shutil.disk_usage(directory).free
    text = f"{size_text(free)} free"
    reserve = disk_reserve()
    if free < reserve:
        return Check("free disk", "fail", f"{text}, less than {size_text(reserve)}: nothing is projected")
    if free < _HARDLY_ANY_BYTES:
        return Check("free disk", "fail", text)
    return Check("free disk", "warn" if free < _ENOUGH_BYTES else "ok", text)


def _lock(directory: Path) -> Check:
    from trackstream_api.directory_lock import holder_of

    holder = holder_of(directory)
    return Check("lock", "ok", f"held by {holder}" if holder else "nobody holds the directory")


def _log(directory: Path) -> Check:
    path = directory / sqlite_layout.FILE_NAME
    connection = sqlite_layout.connect(path, read_only=True)
    try:
        with sqlite_layout.storage_errors(path):
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            records = connection.execute("SELECT sum(next_offset) FROM partitions").fetchone()[0] or 0
    finally:
        connection.close()
    if answer != "ok":
        return Check("log", "fail", f"{path} is damaged: {answer}")
    return Check("log", "ok", f"{records} records, {size_text(path.stat().st_size)}, whole")


def _clock(directory: Path) -> Check:
    from trackstream_schemas import topics

    path = directory / sqlite_layout.FILE_NAME
    connection = sqlite_layout.connect(path, read_only=True)
    try:
        with sqlite_layout.storage_errors(path):
            newest = 0
            for topic in topics.EVENT_TOPICS:
                table = sqlite_layout.table_of(topic)
                row = connection.execute(
                    f"SELECT appended_at FROM {table} ORDER BY rowid DESC LIMIT 1"
                ).fetchone()
                newest = max(newest, row[0] if row else 0)
    finally:
        connection.close()
    ahead = newest - time.time_ns() // 1_000_000
    if ahead > _CLOCK_SLACK_MS:
        return Check(
            "clock",
            "warn",
            f"the newest record was appended {ahead / 1000:.0f} s in the future of this clock",
        )
    return Check("clock", "ok", "not behind the newest record on the log")


def _served(store: str) -> list[Check]:
    """Return the checks that need the API, through whoever serves the store."""
    try:
        with connect(store) as api:
            api.get("/health")
            status = api.get("/api/v1/status", {"consistency": "eventual"})
            api.lag_ms = 0
    except TrackstreamError as error:
        return [Check("engine", "fail", str(error))]
    points, runs = status["points"], status["runs"]
    return [
        Check("engine", "ok", f"opens and answers: {runs} runs, {points} points"),
        *(Check(part, "fail", trouble) for part, trouble in status.get("troubles", {}).items()),
        _projection(status),
        _dead_letters(status),
    ]


def _projection(status: dict[str, Any]) -> Check:
    if status.get("failure"):
        return Check("projection", "fail", f"a projector stopped: {status['failure']}")
    text = f"{status['records_behind']} records behind, lag {status['lag_ms']} ms"
    return Check("projection", "warn" if status["lag_ms"] > _LONG_LAG_MS else "ok", text)


def _dead_letters(status: dict[str, Any]) -> Check:
    count = status["dead_letters"]
    if count:
        return Check("dead letters", "warn", f"{count}; `trackstream dead-letters list` shows them")
    return Check("dead letters", "ok", "none")
