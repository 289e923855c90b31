"""A small store, filled by SQL: what searches and analysts' queries are tried on."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trackstream_consumers.engine import Engine
from trackstream_consumers.migrate import migrate
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAN, INFINITY = math.nan, math.inf


@dataclass(frozen=True)
class StoredRun:
    """A run as its rows should read."""

    run_id: str
    experiment_id: str = "1"
    name: str = ""
    user_id: str = "ann"
    status: str = "FINISHED"
    lifecycle_stage: str = "active"
    start_time: int = 1_700_000_000_000
    end_time: int | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)


def dataset(name: str, digest: str, context: str | None = None) -> dict[str, Any]:
    tags = {} if context is None else {"mlflow.data.context": context}
    return {
        "name": name, "digest": digest, "source_type": "local", "source": "x",
        "schema": None, "profile": None, "tags": tags,
    }  # fmt: skip


T = 1_700_000_000_000
# fmt: off
RUNS = [
    StoredRun("r00", name="first", start_time=T, end_time=T + 60_000, params={"lr": "0.1", "a b": "x"},
              tags={"team": "vision", "mlflow.user": "ann"}, metrics={"loss": 0.5, "acc": 0.9},
              inputs=[dataset("mnist", "abc", "train"), dataset("cifar", "def")]),
    StoredRun("r01", name="second", start_time=T + 1, end_time=T + 61_001, params={"lr": "0.01"},
              tags={"team": "Vision"}, metrics={"loss": NAN, "acc": 0.8},
              inputs=[dataset("mnist", "xyz", "eval")]),
    StoredRun("r02", name="third", status="FAILED", start_time=T + 2, params={"lr": "0.1", "bs": "32"},
              tags={"team": "nlp"}, metrics={"loss": INFINITY}),
    StoredRun("r03", name="100%_sure", user_id="bob", status="RUNNING", start_time=T + 2,
              params={"path": "C:\\data\\new"}, metrics={"loss": -INFINITY}),
    StoredRun("r04", name="it's", user_id="bob", start_time=T + 3, end_time=T + 4, params={"lr": ""},
              tags={"team": "vision\nlab", "emoji": "😀é"}, metrics={"loss": 0.0, "acc": -0.0}),
    StoredRun("r05", experiment_id="2", name="100 sure", user_id="Ann", start_time=T + 4,
              metrics={"loss": 0.5},
              params={"lr": "0.1", "bs": "64"}, tags={"team": "vision"}),
    StoredRun("r06", experiment_id="2", lifecycle_stage="deleted", start_time=T + 5,
              metrics={"loss": 0.1},
              params={"lr": "0.1"}),
    StoredRun("r07", experiment_id="3", status="KILLED", start_time=T - 10, end_time=T - 5,
              metrics={"loss": 0.25}),
    StoredRun("r08", experiment_id="3", start_time=T + 3,
              tags={"": "empty key", "back`tick": "q", 'say "hi"': "q"}),
    StoredRun("r09", experiment_id="4611686018427387904", start_time=T + 3,
              metrics={"loss": 0.5, "val/loss": 1.5}),
]
# fmt: on
HIDDEN = [
    StoredRun(
        "h0", status="UNSTARTED", metrics={"loss": -5.0}, params={"lr": "0.1"}, tags={"team": "vision"}
    ),
    StoredRun("h1", lifecycle_stage="purged", metrics={"loss": -6.0}, params={"lr": "0.1"}),
]
EXPERIMENTS: list[tuple[str, str, str, int, int, dict[str, str]]] = [
    ("1", "alpha", "active", T, T + 9, {"team": "vision"}),
    ("2", "Beta", "active", T + 5, T + 5, {"team": "nlp", "note": "a\\b"}),
    ("3", "gamma", "deleted", T + 5, T + 7, {}),
    ("4611686018427387904", "alpha_2", "active", T + 1, T + 1, {"team": ""}),
    ("5", "gone", "purged", T, T, {"team": "vision"}),
]


@contextmanager
def small_store(engine_dir: Path) -> Iterator[Engine]:
    """Yield an engine on a database of its own that holds RUNS, HIDDEN and EXPERIMENTS, some rows twice."""
    engine = Engine(engine_dir, database=f"small_{new_id()}")
    migrate(engine)
    with engine.client() as client:
        for version, changed in ((1, {"lifecycle_stage": "active", "status": "RUNNING"}), (2, {})):
            # The first time round everything is out of date, so that a search that forgot FINAL would show.
            _insert_runs(client, version, changed)
        _insert_experiments(client)
        _insert_history(client)
    yield engine
    with engine.client() as client:
        client.command(f"DROP DATABASE {engine.database} SYNC")
    engine.close()


def _insert_runs(client: Any, version: int, changed: dict[str, str]) -> None:
    stale = version == 1
    runs, params, tags, latest, points = [], [], [], [], []
    for run in RUNS + HIDDEN:
        row = {**vars(run), **changed}
        runs.append([
            run.run_id, run.experiment_id, run.name, run.user_id, row["status"], row["lifecycle_stage"],
            run.start_time, run.end_time, run.params, run.tags, json.dumps(run.inputs), version,
        ])  # fmt: skip
        params += [[key, run.run_id, value, version, 0] for key, value in run.params.items()]
        tags += [
            [key, run.run_id, "stale" if stale else value, version, 0] for key, value in run.tags.items()
        ]
        if stale:
            tags.append(["removed", run.run_id, "x", version, 0])
        else:
            tags.append(["removed", run.run_id, "x", version, 1])
        for key, value in run.metrics.items():
            shown = 0.123 if stale else value
            latest.append([key, run.run_id, shown, version, run.start_time, version])
            points += [
                [run.run_id, key, step, run.start_time + step, value, "", "p", step, 0] for step in range(3)
            ]
    client.insert(
        "runs", runs,
        ["run_id", "experiment_id", "name", "user_id", "status", "lifecycle_stage", "start_time", "end_time",
         "params", "tags", "inputs", "version"],
    )  # fmt: skip
    client.insert("run_params", params)
    client.insert("run_tags", tags)
    client.insert("latest_metrics", latest, ["key", "run_id", "value", "step", "timestamp", "rank"])
    client.insert(
        "metric_points", points,
        ["run_id", "key", "step", "timestamp", "value", "writer", "producer_id", "sequence", "point"],
    )  # fmt: skip


def _insert_experiments(client: Any) -> None:
    columns = ["experiment_id", "name", "lifecycle_stage", "created_at", "updated_at", "tags", "version"]
    rows = []
    for experiment_id, name, stage, created, updated, tags in EXPERIMENTS:
        moments = [datetime.fromtimestamp(moment / 1000, UTC) for moment in (created, updated)]
        rows.append([experiment_id, "old", "active", *moments, {"team": "old"}, 1])
        rows.append([experiment_id, name, stage, *moments, tags, 2])
    client.insert("experiments", rows, columns)


def _insert_history(client: Any) -> None:
    moment = datetime.fromtimestamp(T / 1000, UTC)
    files = [("plots/a.png", 1234, "image/png"), ("model.bin", 5, "")]
    client.insert("artifacts", [["r00", path, size, "00", kind, moment, 1, 0] for path, size, kind in files])
    kinds = enumerate(("RunStarted", "ParamsLogged", "ParamsLogged"))
    payload = json.dumps({"run_id": "r00"})
    client.insert(
        "events",
        [
            ["trackstream.runs", "r00", 0, n, kind, f"e{n}", moment, "p", n, "ann", payload, "message"]
            for n, kind in kinds
        ],
    )
