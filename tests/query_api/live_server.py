"""A real server process on a directory, and a producer that logs through it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx

from trackstream.log.http import HttpLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SERVE = """
import sys
from pathlib import Path
from trackstream_api.server import serve
serve(Path(sys.argv[1]), port=0, announce=lambda url: print(url, flush=True))
"""
START_TIME = 1_700_000_000_000


class LiveServer:
    """Starts with construction; `close` ends it. `client` talks to it, `log` appends events through it."""

    def __init__(self, directory: Path, **options: Any) -> None:
        self.directory = directory
        command = [sys.executable, "-W", "error::UserWarning", "-c", _SERVE, str(directory)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            _, errors = self.process.communicate(timeout=30)
            raise AssertionError(f"the server did not come up:\n{errors}")
        self.client = httpx.Client(base_url=self.url, timeout=60)
        self._writer = HttpLogWriter(self.url)
        self._producer = Producer(self._writer, Settings())

    def log(self, *bodies: e.Body) -> None:
        """Append events together and return once the log has them."""
        self._producer.emit_and_wait(bodies)

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """Return the JSON answer to a request, which must have this status."""
        answer = self.client.request(method, path, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def new_experiment(self, name: str | None = None) -> str:
        """Create an experiment and return its id."""
        made = self.call("POST", "/api/v1/experiments", 201, json={"name": name or f"experiment {new_id()}"})
        return str(made["experiment_id"])

    def new_run(self, experiment_id: str = "0", further: Sequence[e.Body] = (), **fields: Any) -> str:
        """Start a run, append `further` events behind it, and return its id."""
        run_id = str(fields.pop("run_id", new_id()))
        started = e.RunStarted(
            run_id, experiment_id, fields.pop("name", "a run"), fields.pop("start_time", START_TIME), **fields
        )
        self.log(started, *further)
        return run_id

    def stop(self) -> tuple[int, str]:
        """Ask the server to end; returns its exit code and what it wrote to stderr."""
        self.process.terminate()
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors

    def close(self) -> None:
        """End everything."""
        self._producer.close(1)
        self._writer.close()
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
