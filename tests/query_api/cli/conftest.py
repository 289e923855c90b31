"""A real store, seeded by the SDK in its own process, and a real server on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from trackstream_api.directory_lock import holder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRACKSTREAM = str(Path(sys.executable).with_name("trackstream"))
SEED = """
import math, sys
import trackstream

trackstream.set_tracking_uri(sys.argv[1])
ids = {}
trackstream.set_experiment("vision")
for name, lr, losses in (
    ("fast", 0.1, [0.9, 0.5, 0.4]),
    ("good", 0.01, [0.8, 0.3, 0.1]),
    ("diverged", 1.0, [2.0, 50.0, math.nan]),
):
    with trackstream.start_run(run_name=name, tags={"team": "a [red]x[/red]"}) as run:
        trackstream.log_params({"lr": lr, "layers": 2})
        for step, loss in enumerate(losses):
            trackstream.log_metric("val_loss", loss, step=step)
        trackstream.log_metric("speed", 100 * lr, step=0)
        trackstream.log_text("notes on " + name, "notes/about.txt")
        trackstream.log_dict({"lr": lr}, "config.json")
        ids[name] = run.info.run_id
trackstream.set_experiment("audio")
with trackstream.start_run(run_name="lonely") as run:
    trackstream.log_metric("val_loss", 0.05, step=0)
    ids["lonely"] = run.info.run_id
import json
print(json.dumps(ids))
"""


class Result(NamedTuple):
    """What a run of the command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Seeded(NamedTuple):
    """A store and the ids of its runs by name."""

    directory: Path
    runs: dict[str, str]


def command_line(*arguments: str, store: Path | str | None = None, **variables: str) -> Result:
    """Run `trackstream` as a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRACKSTREAM")}
    environment |= {"NO_COLOR": "1", **variables}
    where = [] if store is None else ["--dir", str(store)]
    done = subprocess.run(
        [TRACKSTREAM, *arguments, *where], capture_output=True, text=True, env=environment, timeout=120
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def trackstream_process() -> Callable[..., Result]:
    """The command line as a process of its own."""
    return command_line


def seed(directory: Path) -> Seeded:
    """Log four runs in two experiments."""
    done = subprocess.run(
        [sys.executable, "-c", SEED, str(directory)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    return Seeded(directory, json.loads(done.stdout))


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """A store that tests only read."""
    return seed(tmp_path_factory.mktemp("cli") / "store")


@pytest.fixture
def own_store(tmp_path: Path) -> Seeded:
    """A store that the test may change."""
    return seed(tmp_path / "store")


class Server:
    """A `trackstream server` process on a directory."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [TRACKSTREAM, "server", "--dir", str(directory), "--port", "0", "--no-ui"],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(600):
            holder = holder_of(directory)
            if holder is not None and holder.pid == self.process.pid and holder.url is not None:
                self.url = holder.url
                return
            assert self.process.poll() is None, "the server ended"
            time.sleep(0.05)
        self.stop()
        raise AssertionError("the server did not start")

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(30) == 0


@pytest.fixture
def start_server() -> Iterator[Callable[[Path], Server]]:
    """Start servers that end with the test."""
    started: list[Server] = []

    def start(directory: Path) -> Server:
        started.append(Server(directory))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="module")
def ask(seeded: Seeded) -> Iterator[Callable[..., Result]]:
    """Run a command on the seeded store through a server, for speed."""
    server = Server(seeded.directory)
    yield lambda *arguments: command_line(*arguments, store=seeded.directory)
    server.stop()
