"""A real server with a SQL port, and on it a little of everything that a dashboard shows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from trackstream.log.http import HttpLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_schemas import events as e
from trackstream_schemas import sqlite_layout, topics
from trackstream_schemas.ids import experiment_id_of, new_id, registered_model_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACKSTREAM = Path(sys.executable).with_name("trackstream")
EXPERIMENT = "it's digits"
MODEL = "digit reader"
STEPS = 2500
_KEYS = ("loss", "accuracy", "system/cpu_utilization_percentage")


class SqlServer:
    """Starts with construction; `close` ends it. `url` is the SQL port's, `api` the server's."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [
                str(TRACKSTREAM),
                "server",
                "--dir",
                str(directory),
                "--port=0",
                "--sql-port=0",
                "--sql-no-password",
                "--no-ui",
            ],
            env={name: value for name, value in os.environ.items() if not name.startswith("TRACKSTREAM_")}
            | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        told = [self.process.stdout.readline() for _ in range(2)]
        if not all(told):
            self.process.communicate()
            raise AssertionError("the server did not come up; it says why on stderr")
        self.url = told[0].split(" at ")[1].strip()
        self.api = told[1].split(" at ")[1].split()[0]
        self._writer = HttpLogWriter(self.api)
        self._producer = Producer(self._writer, Settings())
        self.runs: list[str] = []

    def ask(self, sql: str) -> tuple[list[tuple[str, str]], list[list[Any]]]:
        """Return (name, type) of the columns, and the rows. An error fails the test in the engine's words."""
        asked = {"default_format": "JSONCompact", "database": "trackstream"}
        answer = httpx.post(self.url, params=asked, content=sql, timeout=120)
        assert answer.status_code == 200, f"{answer.text}\n{sql}"
        found = answer.json()
        return [(column["name"], column["type"]) for column in found["meta"]], found["data"]

    def fill(self) -> SqlServer:
        """Log four runs of an experiment, models, launches and a record that no projector can read."""
        experiment_id = experiment_id_of(EXPERIMENT)
        self._log(e.ExperimentCreated(experiment_id, EXPERIMENT))
        now = int(time.time() * 1000)
        ends: list[e.RunStatus | None] = ["FINISHED", "FINISHED", "FAILED", None]
        for number, end in enumerate(ends):
            self.runs.append(new_id())
            self._log(*_run(self.runs[-1], experiment_id, number, now - (8 - 2 * number) * 3_600_000, end))
        self._log(*_models(self.runs))
        self._log(*_launches(self.runs[0], experiment_id))
        self._put_garbage()
        # What becomes of it goes over the log once more.
        deadline = time.monotonic() + 60
        while not self.ask("SELECT key FROM v_dead_letters")[1]:
            assert time.monotonic() < deadline, "the record that nobody can read is no dead letter"
            time.sleep(0.05)
        return self

    def _log(self, *bodies: e.Body) -> None:
        self._producer.emit_and_wait(bodies)

    def _put_garbage(self) -> None:
        with sqlite_layout.connect(self.directory / sqlite_layout.FILE_NAME) as log:
            log.execute("BEGIN IMMEDIATE")
            where = (topics.RUNS,)
            (offset,) = log.execute("SELECT next_offset FROM partitions WHERE topic = ?", where).fetchone()
            table = sqlite_layout.table_of(topics.RUNS)
            log.execute(f"INSERT INTO {table} VALUES (0, ?, ?, ?, 5)", (offset, "nobody", b"\xc3\x01garbage"))
            log.execute("UPDATE partitions SET next_offset = next_offset + 1 WHERE topic = ?", where)
            log.execute("COMMIT")
        log.close()

    def close(self) -> None:
        """End everything."""
        self._producer.close(1)
        self._writer.close()
        self.process.terminate()
        self.process.communicate(timeout=60)


def _run(
    run_id: str, experiment_id: str, number: int, start: int, end: e.RunStatus | None
) -> Iterator[e.Body]:
    yield e.RunStarted(run_id, experiment_id, f"net {number}", start, "ann" if number else "")
    yield e.ParamsLogged(
        run_id, {"lr": str(0.1 / (number + 1)), "depth": "3", **({"seed": "1"} if number else {})}
    )
    yield e.TagsSet(run_id, {"team": "vision"})
    steps = np.tile(np.arange(STEPS, dtype=np.int64), len(_KEYS))
    index = np.repeat(np.arange(len(_KEYS), dtype=np.int32), STEPS)
    falling = np.exp(-np.arange(STEPS) / (400 * (number + 1)))
    falling[7] = np.nan
    values = np.concatenate([falling, 1 - falling, np.full(STEPS, 50.0 + number)])
    yield e.MetricsLogged(run_id, "", _KEYS, index, steps, start + 1000 * steps, values)
    yield e.ArtifactLogged(run_id, "notes/summary.txt", 8, "ab" * 32, "text/plain")
    state: e.WriterState = "alive" if end is None else "closed"
    points = dict.fromkeys(_KEYS, STEPS)
    yield e.WriterReported(
        run_id, "", state, start, 5.0, batches=1, points=points, run_events=3, artifact_events=1
    )
    if end is not None:
        yield e.RunUpdated(run_id, end, start + 1000 * STEPS)


def _models(runs: list[str]) -> Iterator[e.Body]:
    model = registered_model_id_of(MODEL)
    yield e.RegisteredModelCreated(model, MODEL, new_id(), "reads digits")
    for run_id in runs[:2]:
        yield e.ModelVersionCreated(model, new_id(), f"runs:/{run_id}/model", run_id=run_id, user_id="ann")
    yield e.ModelVersionStageSet(model, 2, "Production", archive_existing=True)
    yield e.ModelAliasSet(model, "champion", 2)


def _launches(run_id: str, experiment_id: str) -> Iterator[e.Body]:
    done, waiting = new_id(), new_id()
    yield e.LaunchRequested(done, run_id, experiment_id, "/project", "main", "local", user_id="ann")
    yield e.LaunchClaimed(done, "c", "node", 1, 3600.0)
    yield e.LaunchPrepared(done, "c", "digits", "virtualenv")
    yield e.LaunchStarted(done, "c", "process 1", "python main.py")
    yield e.LaunchEnded(done, "c", "finished", 0)
    yield e.LaunchRequested(waiting, new_id(), experiment_id, "/project", "main", "local", queue="night")
