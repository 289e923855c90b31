"""`search_runs` and `metric_history` against a real server, in every kind of table."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Any

import mlflow.entities
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import trackstream
from tests.query_api.live_server import START_TIME, LiveServer
from trackstream import destination, sessions
from trackstream.errors import InvalidInput, NotFound
from trackstream.reading.columns import columns_of
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("store"))
    yield live
    live.close()


@pytest.fixture
def address(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(destination, "_uri", server.url)
    return server.url


@pytest.fixture(scope="module")
def runs(server: LiveServer) -> dict[str, str]:
    """Three runs of an experiment, by name: one without metrics, one that has not ended."""
    experiment = server.new_experiment("tables")
    ids = {name: new_id() for name in ("good", "bare", "open")}
    for number, (name, run_id) in enumerate(ids.items()):
        server.new_run(experiment, run_id=run_id, name=name, start_time=START_TIME + number)
        if name != "open":
            server.log(e.RunUpdated(run_id, "FINISHED", START_TIME + 60_000))
    points = e.MetricsLogged(
        ids["good"],
        "rank0",
        ("loss", "nan"),
        np.array([0, 0, 1], np.int32),
        np.array([1, 2, 0]),
        np.array([START_TIME, START_TIME + 1, START_TIME]),
        np.array([0.5, 0.25, math.nan]),
    )
    server.log(points, e.ParamsLogged(ids["good"], {"lr": "0.1"}), e.TagsSet(ids["open"], {"team": "a"}))
    return ids


def test_pandas_looks_as_mlflow_has_it(address: str, runs: dict[str, str]) -> None:
    found = trackstream.search_runs(experiment_names=["tables"])
    assert isinstance(found, pd.DataFrame)
    assert found["run_id"].tolist() == [runs["open"], runs["bare"], runs["good"]]
    assert found["status"].tolist() == ["RUNNING", "FINISHED", "FINISHED"]
    assert str(found["start_time"].dtype) == str(found["end_time"].dtype) == "datetime64[ms, UTC]"
    assert found["end_time"].isna().tolist() == [True, False, False]
    assert found["metrics.loss"].tolist()[2] == 0.25
    assert found["metrics.loss"].isna().tolist() == [True, True, False]
    assert found["params.lr"].tolist() == [None, None, "0.1"]
    assert found["tags.team"].tolist() == ["a", None, None]
    assert found["tags.mlflow.runName"].tolist() == ["open", "bare", "good"]


def test_polars_and_arrow_hold_the_same(address: str, runs: dict[str, str]) -> None:
    arrow = trackstream.search_runs(experiment_names=["tables"], format="arrow")
    polars = trackstream.search_runs(experiment_names=["tables"], format="polars")
    assert isinstance(arrow, pa.Table)
    assert isinstance(polars, pl.DataFrame)
    assert arrow.schema.field("start_time").type == pa.timestamp("ms", "UTC")
    assert arrow.schema.field("metrics.loss").type == pa.float64()
    assert polars.columns == arrow.column_names
    assert polars["params.lr"].to_list() == arrow.column("params.lr").to_pylist() == [None, None, "0.1"]
    # A NaN that was logged is a value.
    assert [math.isnan(value) for value in polars["metrics.nan"].drop_nulls()] == [True]


def test_conditions_order_and_bounds(address: str, runs: dict[str, str]) -> None:
    def ids(**options: Any) -> list[str]:
        found: list[str] = trackstream.search_runs(experiment_names=["tables"], **options)["run_id"].tolist()
        return found

    assert ids(filter_string="metrics.loss < 0.3") == [runs["good"]]
    assert ids(order_by=["start_time ASC"], max_results=2) == [runs["good"], runs["bare"]]
    assert ids(run_view_type=mlflow.entities.ViewType.DELETED_ONLY) == []
    assert ids(run_view_type="all", filter_string="status = 'RUNNING'") == [runs["open"]]
    now = time.time_ns() // 1_000_000
    assert ids(as_of=now) == ids(as_of=str(now)) == [runs["open"], runs["bare"], runs["good"]]


def test_the_experiment_that_is_set_is_searched(
    address: str, runs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(trackstream.search_runs()) == 0
    monkeypatch.setattr(sessions, "experiment", sessions.ActiveExperiment(name="tables"))
    assert len(trackstream.search_runs()) == 3
    assert len(trackstream.search_runs(search_all_experiments=True)) == 3
    assert list(trackstream.search_runs(experiment_ids=["0"]).columns[:3]) == [
        "run_id",
        "experiment_id",
        "status",
    ]


def test_points_as_arrow(address: str, runs: dict[str, str]) -> None:
    found = trackstream.metric_history([runs["good"], runs["bare"]], ["loss"])
    assert found.to_pydict() == {
        "run_id": [runs["good"]] * 2,
        "key": ["loss"] * 2,
        "step": [1, 2],
        "timestamp": [pd.Timestamp(START_TIME + at, unit="ms", tz="UTC") for at in (0, 1)],
        "value": [0.5, 0.25],
        "writer": ["rank0"] * 2,
    }
    assert trackstream.metric_history(runs["good"]).num_rows == 3
    assert trackstream.metric_history(runs["bare"]).num_rows == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"format": "xml"}, "format"),
        ({"max_results": 0}, "max_results"),
        ({"run_view_type": 7}, "run_view_type"),
        ({"experiment_names": "tables"}, "a list"),
        ({"filter_string": "metrics.loss <"}, "at position 14"),
    ],
)
def test_what_is_wrong_is_named(address: str, options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidInput, match=text):
        trackstream.search_runs(**options)


def test_what_is_not_there(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match="no experiment named 'nobody'"):
        trackstream.search_runs(experiment_names=["nobody"])
    with pytest.raises(NotFound, match="ffffffff"):
        trackstream.metric_history("f" * 32)
    monkeypatch.setattr(destination, "_uri", str(tmp_path / "none"))
    with pytest.raises(NotFound, match="holds no Trackstream store"):
        trackstream.search_runs()


@pytest.mark.parametrize("uri", ["kafka://127.0.0.1:1", "offline:/nowhere"])
def test_a_log_alone_cannot_be_asked(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destination, "_uri", uri)
    with pytest.raises(InvalidInput, match="search_runs asks the store"):
        trackstream.search_runs()


@pytest.mark.parametrize(("name", "extra"), [("polars", "polars"), ("pyarrow", "dataframes")])
def test_a_library_that_is_missing_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InvalidInput, match=rf"{name}, which is not installed: .*\[{extra}\]"):
        trackstream.search_runs(format="polars" if name == "polars" else "arrow")


def test_a_directory_that_nobody_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destination, "_uri", str(tmp_path / "store"))
    monkeypatch.setattr(sessions, "_clients", {})
    monkeypatch.setattr(sessions, "experiment", sessions.ActiveExperiment(name="here"))
    with trackstream.start_run(run_name="only") as run:
        trackstream.log_metric("loss", 0.5, step=3)
        # What was logged a moment ago is part of the answer.
        assert trackstream.metric_history(run.run_id).column("step").to_pylist() == [3]
    for client in sessions.clients():
        client.close()


def test_columns_of_no_runs() -> None:
    assert columns_of([]) == {
        name: [] for name in ("run_id", "experiment_id", "status", "start_time", "end_time")
    }
