"""What a native stack remembers in its data directory: `stack.json`.

Ports and credentials are chosen once and stay, so that a stack that was stopped comes back where its
clients expect it. The file holds passwords and is readable by its owner only.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from trackstream_api.native.process import ProcessId
from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "stack.json"


@dataclass
class State:
    """The remembered stack; `processes` has the parts that were started and not stopped."""

    brokers: int = 1
    cluster_id: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    minio_user: str = ""
    minio_password: str = ""
    clickhouse_user: str = "trackstream"
    clickhouse_password: str = ""
    processes: dict[str, ProcessId] = field(default_factory=dict)

    @classmethod
    def new(cls, brokers: int) -> State:
        """Return the state of a stack that has never run, with credentials of its own."""
        return cls(
            brokers=brokers,
            cluster_id=secrets.token_urlsafe(16)[:22].replace("-", "A"),
            minio_user="trackstream",
            minio_password=secrets.token_urlsafe(24),
            clickhouse_password=secrets.token_urlsafe(24),
        )


def load(data: Path) -> State | None:
    """Return the state in `data`, or None where no stack was ever started there."""
    path = data / FILE
    try:
        found = json.loads(path.read_text())
        processes = {name: ProcessId(**process) for name, process in found.pop("processes").items()}
        return State(**found, processes=processes)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise StorageFailed(f"{path} is not the state of a native stack: {error}") from error


def save(data: Path, state: State) -> None:
    """Write the state; a reader sees the old or the new one."""
    aside = data / f".{FILE}.{os.getpid()}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(state), file, indent=2)
    aside.replace(data / FILE)


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the data directory: one starts or stops its parts at a time."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / ".stack.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
