from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from trackstream_api.cli import rows_out, run_table
from trackstream_api.cli.output import flat
from trackstream_api.cli.run_statuses import status_hints
from trackstream_api.cli.runs_compare import compared
from trackstream_api.cli.runs_export import POINT_COLUMNS, format_of
from trackstream_schemas.errors import InvalidInput, StorageFailed

if TYPE_CHECKING:
    from pathlib import Path


def run(run_id: str, **changes: Any) -> dict[str, Any]:
    whole = {
        "run_id": run_id,
        "experiment_id": "1",
        "experiment_name": "vision",
        "name": f"run {run_id}",
        "user_id": "u",
        "status": "FINISHED",
        "lifecycle_stage": "active",
        "start_time": 1000,
        "end_time": 3000,
        "params": {"lr": "0.1", "layers": "2"},
        "tags": {},
        "metrics": {"loss": {"value": 0.5, "step": 3, "timestamp": 9}},
        "inputs": [],
        "conflicts": [],
    }
    return whole | changes


def test_default_columns_name_the_experiment_only_where_there_are_several() -> None:
    assert "experiment_name" not in run_table.default_columns([run("a"), run("b")])
    assert "experiment_name" in run_table.default_columns([run("a"), run("b", experiment_id="2")])


def test_only_params_that_differ_are_columns() -> None:
    assert run_table.differing([run("a")], "params") == ["params.layers", "params.lr"]
    assert run_table.differing([run("a"), run("b", params={"lr": "0.2", "layers": "2"})], "params") == [
        "params.lr"
    ]


def test_cells_of_a_run() -> None:
    columns = ["name", "duration", "metrics.loss", "step.loss", "metrics.other", "params.lr", "tags.none"]
    assert run_table.run_cells(run("a"), columns) == ["run a", "2.0 s", 0.5, 3, None, "0.1", None]


def test_an_unknown_column_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(
        InvalidInput, match=r"--columns: got 'nmae', expected one of run_id, name.*mean name\?"
    ):
        run_table.resolved(["nmae"], [run("a")])
    with pytest.raises(InvalidInput, match=r"at least one of run_id"):
        run_table.resolved([], [run("a")])


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("loss", "metrics.loss"),
        ("LR", "params.lr"),
        ("mlflow.user", "tags.mlflow.user"),
        ("los", "metrics.loss"),
    ],
)
def test_an_unknown_column_is_answered_with_what_the_runs_have(given: str, meant: str) -> None:
    with pytest.raises(InvalidInput, match=f"did you mean {meant}\\?"):
        run_table.resolved([given], [run("a", tags={"mlflow.user": "u"})])


def test_columns_go_by_id_or_by_heading_in_any_case() -> None:
    given = ["Started", "RUN ID", "took", "metrics.loss", "step.loss", "Status", "params.never"]
    assert run_table.resolved(given, []) == [
        "start_time",
        "run_id",
        "duration",
        "metrics.loss",
        "step.loss",
        "status",
        "params.never",
    ]


def test_a_record_holds_plain_numbers() -> None:
    columns = ["start_time", "end_time", "duration", "metrics.loss", "step.loss", "params.none"]
    assert list(run_table.run_record(run("a"), columns).values()) == [1000, 3000, 2000, 0.5, 3, None]
    assert run_table.run_record(run("a", end_time=None), ["duration"]) == {"duration": None}


def test_system_metrics_are_no_default_columns() -> None:
    metrics = {key: {"value": 1.0, "step": 0, "timestamp": 0} for key in ("system/cpu", "loss")}
    columns = run_table.default_columns([run("a", metrics=metrics)])
    assert [name for name in columns if name.startswith("metrics.")] == ["metrics.loss"]


def test_compare_shows_only_what_differs() -> None:
    second = run("b", params={"lr": "0.2", "layers": "2"}, name="run a", tags={"x": "1"})
    rows = compared([run("a"), second], show_all=False)
    assert rows == [["params.lr", "0.1", "0.2"], ["tags.x", None, "1"]]
    everything = [row[0] for row in compared([run("a"), second], show_all=True)]
    assert {"name", "params.layers", "metrics.loss", "tags.x"} <= set(everything)
    assert "run_id" not in everything


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        (None, "csv"),
        ("a.csv", "csv"),
        ("a.JSON", "json"),
        ("a.ndjson", "jsonl"),
        ("a.parquet", "parquet"),
        ("a", "csv"),
    ],
)
def test_the_format_follows_the_ending(name: str | None, chosen: str, tmp_path: Path) -> None:
    assert format_of(tmp_path / name if name else None) == chosen


def test_an_unknown_ending_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidInput, match=r"runs.xlsx', expected a file that ends in one of \.ndjson, \.csv"
    ):
        format_of(tmp_path / "runs.xlsx")


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ("status = 'DONE'", ["DONE"]),
        ("attributes.status = 'finished' AND metrics.loss < 1", ["finished"]),
        ("status = 'FINISHED'", []),
        ("status != 'DONE' AND tags.status = 'DONE' AND status LIKE 'D%'", []),
        ("", []),
    ],
)
def test_a_status_that_no_run_can_have_is_pointed_out(expression: str, unknown: list[str]) -> None:
    known = "it is one of RUNNING, SCHEDULED, FINISHED, FAILED, KILLED"
    assert status_hints(expression) == [f"no run has the status {value!r}: {known}" for value in unknown]


def test_runs_as_parquet_keep_types_and_non_finite_values(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    runs = [run("a", end_time=None), run("b", metrics={"loss": {"value": "NaN", "step": 0, "timestamp": 0}})]
    target = tmp_path / "runs.parquet"
    assert rows_out.write_runs(runs, [flat(item) for item in runs], "parquet", target) == 2
    table = pq.read_table(target)
    assert table["run_id"].to_pylist() == ["a", "b"]
    assert table["metrics.loss"].to_pylist()[0] == 0.5
    assert str(table["metrics.loss"].to_pylist()[1]) == "nan"
    assert table["end_time"].to_pylist()[0] is None
    assert str(table.schema.field("start_time").type) == "timestamp[ms, tz=UTC]"


def test_points_are_written_in_every_format(tmp_path: Path) -> None:
    import json

    import pyarrow.parquet as pq

    point = {
        "run_id": "a",
        "run_name": "n",
        "key": "k",
        "step": -1,
        "timestamp": 5,
        "value": "-Infinity",
        "writer": "",
    }
    for format_ in ("csv", "json", "jsonl", "parquet"):
        target = tmp_path / f"points.{format_}"
        assert rows_out.write_points(iter([point, point]), POINT_COLUMNS, format_, target) == 2
    assert (tmp_path / "points.csv").read_text().splitlines() == [
        "run_id,run_name,key,step,timestamp,value,writer",
        "a,n,k,-1,5,-Infinity,",
        "a,n,k,-1,5,-Infinity,",
    ]
    assert json.loads((tmp_path / "points.json").read_text()) == [point, point]
    assert [json.loads(line) for line in (tmp_path / "points.jsonl").read_text().splitlines()] == [
        point,
        point,
    ]
    assert pq.read_table(tmp_path / "points.parquet")["value"].to_pylist() == [float("-inf")] * 2


def test_a_failed_export_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "points.csv"
    target.write_text("old")

    def points() -> Any:
        yield dict.fromkeys(POINT_COLUMNS, "x")
        raise RuntimeError("connection lost")

    with pytest.raises(RuntimeError):
        rows_out.write_points(points(), POINT_COLUMNS, "csv", target)
    assert [path.name for path in tmp_path.iterdir()] == ["points.csv"]
    assert target.read_text() == "old"


def test_a_directory_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="cannot write"):
        rows_out.write_points(iter([]), POINT_COLUMNS, "csv", tmp_path / "missing" / "points.csv")
