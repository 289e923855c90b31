"""Runs over HTTP: found, ranked, read whole, deleted, restored, tagged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.query_api.live_server import START_TIME
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer


def points(run_id: str, **series: list[tuple[int, float]]) -> e.MetricsLogged:
    rows = [(key, step, value) for key, values in series.items() for step, value in values]
    keys = tuple(series)
    return e.MetricsLogged(
        run_id,
        "",
        keys,
        np.array([keys.index(key) for key, _, _ in rows], np.int32),
        np.array([step for _, step, _ in rows], np.int64),
        np.array([START_TIME + abs(step) for _, step, _ in rows], np.int64),
        np.array([value for _, _, value in rows]),
    )


def test_a_run_is_read_whole(server: LiveServer) -> None:
    experiment_id = server.new_experiment("whole")
    run_id = new_id()
    server.new_run(
        experiment_id,
        [
            e.ParamsLogged(run_id, {"lr": "0.01", "odd-key/a b": "ü"}),
            e.ParamsLogged(run_id, {"lr": "0.02"}),
            e.TagsSet(run_id, {"team": "vision"}),
            e.InputsLogged(run_id, [e.DatasetInput("digits", "abc", "sklearn", "load_digits")]),
            points(run_id, loss=[(0, 2.0), (5, float("nan")), (-3, 9.0)], accuracy=[(1, -0.0)]),
            e.RunUpdated(run_id, "FINISHED", START_TIME + 1000),
        ],
        run_id=run_id,
        name="first",
        user_id="ada",
        tags={"a": "b"},
    )
    run = server.call("GET", f"/api/v1/runs/{run_id}")
    conflicts = run.pop("conflicts")
    assert run.pop("inputs")[0]["name"] == "digits"
    assert (run.pop("model_inputs"), run.pop("model_outputs")) == ([], [])
    assert repr(run["metrics"]["accuracy"]["value"]) == "-0.0"
    assert run == {
        "run_id": run_id,
        "experiment_id": experiment_id,
        "experiment_name": "whole",
        "name": "first",
        "user_id": "ada",
        "status": "FINISHED",
        "lifecycle_stage": "active",
        "start_time": START_TIME,
        "end_time": START_TIME + 1000,
        "params": {"lr": "0.01", "odd-key/a b": "ü"},
        "tags": {"a": "b", "team": "vision", "mlflow.runName": "first"},
        "metrics": {
            "loss": {"value": "NaN", "step": 5, "timestamp": START_TIME + 5},
            "accuracy": {"value": 0.0, "step": 1, "timestamp": START_TIME + 1},
        },
    }
    assert len(conflicts) == 1
    assert (conflicts[0]["key"], conflicts[0]["kept"], conflicts[0]["rejected"]) == ("lr", "0.01", "0.02")


def test_a_life(server: LiveServer) -> None:
    run_id = server.new_run()
    path = f"/api/v1/runs/{run_id}"
    assert server.call("PUT", f"{path}/tags", json={"k": "v"})["tags"]["k"] == "v"
    assert server.call("DELETE", path)["lifecycle_stage"] == "deleted"
    assert server.call("DELETE", path, 400)["error_code"] == "INVALID_STATE"
    assert server.call("PUT", f"{path}/tags", 400, json={"k": "w"})["error_code"] == "INVALID_STATE"
    assert server.call("GET", path)["tags"]["k"] == "v"
    assert server.call("POST", f"{path}/restore")["lifecycle_stage"] == "active"
    assert server.call("POST", f"{path}/restore", 400)["error_code"] == "INVALID_STATE"


def test_a_name_and_a_tag_are_changed(server: LiveServer) -> None:
    run_id = server.new_run(name="before", tags={"a/b c": "v", "kept": "w"})
    path = f"/api/v1/runs/{run_id}"
    renamed = server.call("PATCH", path, json={"name": "after ü"})
    assert (renamed["name"], renamed["tags"]["mlflow.runName"]) == ("after ü", "after ü")
    assert server.call("PATCH", path, json={})["name"] == "after ü"
    for wrong in ("", "  ", "a\0b"):
        assert server.call("PATCH", path, 400, json={"name": wrong})["field"] == "name"
    left = server.call("DELETE", f"{path}/tags/a%2Fb%20c")["tags"]
    assert left == {"kept": "w", "mlflow.runName": "after ü"}
    assert server.call("DELETE", f"{path}/tags/never%20set")["tags"] == left


def test_what_is_not_there(server: LiveServer) -> None:
    for method, path in [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/restore"),
        ("PUT", "/tags"),
        ("GET", "/metrics"),
        ("GET", "/metric-history?key=loss"),
        ("GET", "/artifacts"),
        ("GET", "/artifacts/content?path=a"),
        ("DELETE", "/artifacts?path=a"),
        ("PUT", "/artifacts/content?path=a"),
    ]:
        options: dict[str, Any] = {"json": {"k": "v"}} if method == "PUT" else {}
        refused = server.call(method, f"/api/v1/runs/nosuchrun{path}", 404, **options)
        assert refused["error_code"] == "RESOURCE_DOES_NOT_EXIST"
        assert "nosuchrun" in refused["message"]


def test_a_run_of_which_only_points_are_known_is_no_run_yet(server: LiveServer) -> None:
    run_id = new_id()
    server.log(points(run_id, loss=[(0, 1.0)]), e.ParamsLogged(run_id, {"a": "b"}))
    server.call("GET", f"/api/v1/runs/{run_id}", 404)
    server.new_run(run_id=run_id)
    run = server.call("GET", f"/api/v1/runs/{run_id}")
    assert run["params"] == {"a": "b"}
    assert run["metrics"]["loss"]["value"] == 1.0


@pytest.mark.parametrize("run_id", ["%2e%2e", "a%20b", "-x", "x" * 257, "a'b"])
def test_a_bad_run_id_is_named(server: LiveServer, run_id: str) -> None:
    refused = server.call("GET", f"/api/v1/runs/{run_id}", 400)
    assert refused["field"] == "run_id"


def test_a_run_ends_up_in_the_order_asked_for(server: LiveServer) -> None:
    experiment_id = server.new_experiment()
    losses = [0.5, float("nan"), 0.25, float("-inf"), None, 0.25, float("inf")]
    ids = []
    for number, loss in enumerate(losses):
        run_id = new_id()
        further: list[e.Body] = [e.ParamsLogged(run_id, {"n": str(number)})]
        if loss is not None:
            further.append(points(run_id, loss=[(number, loss)]))
        ids.append(server.new_run(experiment_id, further, run_id=run_id, start_time=START_TIME + number))
    body = {"experiment_ids": [experiment_id], "order_by": ["start_time ASC"]}
    page = server.call("POST", "/api/v1/runs/search", json=body)
    assert [run["run_id"] for run in page["runs"]] == ids
    assert [run["params"]["n"] for run in page["runs"]] == [str(number) for number in range(7)]
    best = {"experiment_ids": [experiment_id], "metric": "loss", "top": 10}
    # Neither the NaN nor the run without a loss wins anything.
    ranked = server.call("POST", "/api/v1/runs/best", json={**best, "mode": "min"})["runs"]
    assert [run["metrics"]["loss"]["value"] for run in ranked] == ["-Infinity", 0.25, 0.25, 0.5, "Infinity"]
    ranked = server.call("POST", "/api/v1/runs/best", json={**best, "mode": "max", "top": 2})["runs"]
    assert [run["metrics"]["loss"]["value"] for run in ranked] == ["Infinity", 0.5]
    filtered = server.call("POST", "/api/v1/runs/best", json={**best, "filter": "params.n = '0'"})["runs"]
    assert [run["run_id"] for run in filtered] == [ids[0]]
    assert server.call("POST", "/api/v1/runs/best", json={**best, "metric": "other"}) == {"runs": []}


def test_pages_are_stable_while_runs_come_in(server: LiveServer) -> None:
    experiment_id = server.new_experiment()
    made = [server.new_run(experiment_id, start_time=START_TIME) for _ in range(23)]
    seen: list[str] = []
    body: dict[str, Any] = {"experiment_ids": [experiment_id], "order_by": ["start_time DESC"], "limit": 5}
    while True:
        page = server.call("POST", "/api/v1/runs/search", json=body)
        seen += [run["run_id"] for run in page["runs"]]
        server.new_run(experiment_id, start_time=START_TIME + 1)
        if page["next_page_token"] is None:
            break
        body["page_token"] = page["next_page_token"]
    assert len(seen) == len(set(seen))
    assert sorted(seen) == sorted(made)


def test_search_by_experiment_name_and_filter(server: LiveServer) -> None:
    name = f"named {new_id()}"
    experiment_id = server.new_experiment(name)
    run_id = new_id()
    server.new_run(experiment_id, [e.TagsSet(run_id, {"team": "Vision"})], run_id=run_id)
    server.new_run(experiment_id)
    body = {
        "experiment_names": [name],
        "filter": "tags.team ILIKE '%vision%' and attributes.status = 'RUNNING'",
    }
    page = server.call("POST", "/api/v1/runs/search", json=body)
    assert [run["run_id"] for run in page["runs"]] == [run_id]


@pytest.mark.parametrize(
    ("comparison", "most"), [("metrics.loss < 1", 20), ("params.a = 'x'", 20), ("run_id != 'x'", 100)]
)
def test_a_long_filter_is_run_and_a_longer_one_refused(
    server: LiveServer, comparison: str, most: int
) -> None:
    body = {"filter": " and ".join([comparison] * most)}
    server.call("POST", "/api/v1/runs/search", json=body)
    refused = server.call(
        "POST", "/api/v1/runs/search", 400, json={"filter": " and ".join([comparison] * 2000)}
    )
    assert refused["field"] == "filter"
    assert f"at most {most} comparisons" in refused["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"view": "some"}, "view"),
        ({"filter": "metrics.loss <"}, "filter"),
        ({"filter": "nonsense"}, "filter"),
        ({"order_by": ["metrics."]}, "order_by"),
        ({"experiment_names": "a"}, "experiment_names"),
        ({"page_token": "???"}, "page_token"),
        ({"experiment_ids": "0"}, "experiment_ids"),
        ({"misspelt": 1}, "misspelt"),
    ],
)
def test_a_bad_search_names_the_field(server: LiveServer, body: dict[str, Any], field: str) -> None:
    refused = server.call("POST", "/api/v1/runs/search", 400, json=body)
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    assert field in refused["field"]
    assert field in refused["message"]
