"""What is exported from one store and imported into another is equal there, table by table."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.query_api.cli.conftest import command_line
from tests.query_api.live_server import LiveServer
from tests.query_api.transfer.stored_facts import facts
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

_LARGE = 9 << 20


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A store that is closed, a file of its experiment, and the id of the run."""
    place = tmp_path_factory.mktemp("exported")
    server = LiveServer(place / "source")
    try:
        run_id, file = _filled(server), place / "vision.avro"
        done = command_line("export", "-e", "vision", str(file), store=server.url)
        assert done.code == 0, done.err
        assert command_line("export", "--run", run_id, str(place / "run.avro"), store=server.url).code == 0
        assert server.stop()[0] == 0
    finally:
        server.close()
    return place, file, run_id


def _filled(server: LiveServer) -> str:
    experiment_id = server.new_experiment("vision")
    index, steps = np.zeros(3, dtype=np.int32), np.arange(3, dtype=np.int64)
    values = np.array([math.nan, 0.5, math.inf])
    run_id = new_id()
    server.new_run(
        experiment_id,
        [
            e.ParamsLogged(run_id, {"lr": "0.1"}),
            e.MetricsLogged(run_id, "0", ("loss",), index, steps, steps + 1_700_000_000_000, values),
            e.MetricsLogged(run_id, "0", ("loss",), index, steps, steps + 1_700_000_000_009, values),
            e.RunRewound(run_id, "0", 1),
            e.LoggedModelCreated("m-1", experiment_id, "model", run_id),
            e.LoggedModelMetricsLogged("m-1", run_id, [e.ModelMetric("acc", 0.9, 1, 1_700_000_000_000)]),
            e.TraceLogged("tr-1", experiment_id, 1_700_000_000_000, "OK", tags={"a": "b"}),
            e.RunUpdated(run_id, "FINISHED", 1_700_000_001_000),
        ],
        run_id=run_id,
    )
    path = f"/api/v1/runs/{run_id}/artifacts"
    for name, content in (("small.txt", b"hello"), ("gone.txt", b"gone"), ("large.bin", os.urandom(_LARGE))):
        server.call("PUT", f"{path}/content", 201, params={"path": name}, content=content)
    assert server.client.delete(path, params={"path": "gone.txt"}).is_success
    deleted = server.new_run(experiment_id)
    assert server.client.delete(f"/api/v1/runs/{deleted}").is_success
    server.new_run()
    return run_id


def test_all_tables_are_equal_however_often_the_file_is_imported(exported: tuple[Path, Path, str]) -> None:
    place, file, _ = exported
    target = place / "target"
    for _ in range(2):
        done = command_line("import", str(file), "-o", "json", store=target)
        assert done.code == 0, done.err
        assert done.json[0]["points"] == 6
        assert command_line("status", store=target).code == 0
    source, imported = facts(place / "source"), facts(target)
    assert source["metric_points"]
    assert source["superseded"]
    for table, rows in source.items():
        expected = [row for row in rows if not _of_the_run_elsewhere(row, source)]
        missing = [row for row in expected if row not in imported[table]]
        further = [row for row in imported[table] if row not in expected]
        assert (missing, further) == ([], []), table
        # What was appended again stands on the log twice, and so among the events; nowhere else.
        assert len(imported[table]) == len(expected) * (2 if table == "events" else 1), table
    blobs = [
        {path.name for path in (place / store / "blobs").rglob("*") if path.is_file()}
        for store in ("source", "target")
    ]
    assert blobs[0] == blobs[1]


def _of_the_run_elsewhere(row: dict[str, str], source: dict[str, list[Any]]) -> bool:
    """Whether a row is of the run of experiment 0, which was not exported."""
    known = {run["run_id"] for run in source["runs"]} | {"m-1", "tr-1"}
    known |= {item["experiment_id"] for item in source["experiments"]}
    owner = row.get("run_id") or row.get("entity_id") or row.get("model_id") or row.get("trace_id")
    return owner is not None and owner not in known


def test_a_run_comes_with_its_experiment_and_model_alone(exported: tuple[Path, Path, str]) -> None:
    place, _, run_id = exported
    target = place / "one run"
    done = command_line("import", str(place / "run.avro"), "-o", "json", store=target)
    assert done.code == 0, done.err
    assert done.json[0]["runs"] == 1
    runs = command_line("runs", "list", "-e", "vision", "--view", "all", "-o", "json", store=target).json
    assert [run["run_id"] for run in runs] == [run_id]


def test_what_cannot_be_exported_or_imported_is_refused_by_name(exported: tuple[Path, Path, str]) -> None:
    place, file, _ = exported
    target = place / "refusing"
    cut = place / "cut.avro"
    cut.write_bytes(file.read_bytes()[:-100])
    done = command_line("import", str(cut), store=target)
    assert (done.code, "cut.avro" in done.err) == (2, True)
    assert command_line("export", str(place / "x.avro"), store=place / "one run").code == 2
    missing = command_line("export", "-e", "nothing", str(place / "x.avro"), store=place / "source")
    assert missing.code == 3
    assert not (place / "x.avro").exists()


def test_a_store_of_mlflow_that_is_not_there_is_no_store_made(tmp_path: Path) -> None:
    for uri in (f"sqlite:///{tmp_path}/none.db", str(tmp_path / "none"), str(tmp_path)):
        done = command_line("import", "mlflow", uri, store=tmp_path / "target")
        assert done.code == 2, done.err
    assert not list(tmp_path.iterdir())
