"""Runs that were rewound, over HTTP: the newest branch everywhere, older ones by their number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.query_api.test_completeness_routes import Writer, completeness
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer


@pytest.fixture(scope="module")
def rewound(server: LiveServer) -> str:
    """Two ranks log steps 1 to 4; one goes back to 2, the other joins late; a metric is only on branch 0."""
    run_id = server.new_run()
    first, second = Writer(server, run_id, "rank0"), Writer(server, run_id, "rank1")
    first.log(1, 2, 3, 4)
    second.log(1, 2, 3, 4)
    first.log(4, key="gone")
    again = Writer(server, run_id, "rank0")
    again.send(e.RunRewound(run_id, "rank0", 2))
    again.log(3)
    second.log(5)
    second.send(e.RunRewound(run_id, "rank1", 2))
    second.log(3)
    return run_id


def history(server: LiveServer, run_id: str, **query: Any) -> list[tuple[int, str]]:
    params = {"key": "loss", **query}
    found = server.call("GET", f"/api/v1/runs/{run_id}/metric-history", params=params)["points"]
    return sorted((point["step"], point["writer"]) for point in found)


def both(*steps: int) -> list[tuple[int, str]]:
    return sorted((step, writer) for step in steps for writer in ("rank0", "rank1"))


def test_histories_show_the_newest_branch_or_the_one_that_is_named(server: LiveServer, rewound: str) -> None:
    assert history(server, rewound) == history(server, rewound, branch=1) == both(1, 2, 3)
    # Step 5 came behind the rewind, from a process that had not gone back.
    assert history(server, rewound, branch=0) == [*both(1, 2, 3, 4), (5, "rank1")]
    assert history(server, rewound, writer="rank1", branch=0) == [(step, "rank1") for step in range(1, 6)]
    assert history(server, rewound, writer="rank0") == [(step, "rank0") for step in range(1, 4)]
    refused = server.call(
        "GET", f"/api/v1/runs/{rewound}/metric-history", 404, params={"key": "loss", "branch": 2}
    )
    assert "branches 0 to 1" in refused["message"]


def test_mlflow_reads_the_newest_branch(server: LiveServer, rewound: str) -> None:
    def steps(path: str, **query: Any) -> list[int]:
        found = server.call("GET", f"/api/2.0/mlflow/metrics/{path}", params={"metric_key": "loss", **query})
        return sorted({point["step"] for point in found["metrics"]})

    other = server.new_run()
    Writer(server, other).log(9)
    assert steps("get-history", run_id=rewound) == [1, 2, 3]
    assert steps("get-history-bulk-interval", run_ids=[rewound, other], max_results=100) == [1, 2, 3, 9]


def test_pages_of_a_branch_are_pages_of_that_branch(server: LiveServer, rewound: str) -> None:
    path = f"/api/v1/runs/{rewound}/metric-history"
    query: dict[str, Any] = {"key": "loss", "branch": 0, "limit": 4}
    steps = []
    while True:
        page = server.call("GET", path, params=query)
        steps += [point["step"] for point in page["points"]]
        if page["next_page_token"] is None:
            break
        query["page_token"] = page["next_page_token"]
    assert steps == [1, 1, 2, 2, 3, 3, 4, 4, 5]
    server.call("GET", path, 400, params={**query, "branch": 1})


def test_latest_values_follow_the_newest_branch(server: LiveServer, rewound: str) -> None:
    run = server.call("GET", f"/api/v1/runs/{rewound}")
    assert {key: latest["step"] for key, latest in run["metrics"].items()} == {"loss": 3}
    body = {"filter": f"run_id = '{rewound}' AND metrics.gone > 0"}
    assert server.call("POST", "/api/v1/runs/search", json=body)["runs"] == []
    best = {"metric": "loss", "mode": "max", "filter": f"run_id = '{rewound}'"}
    (winner,) = server.call("POST", "/api/v1/runs/best", json=best)["runs"]
    assert winner["metrics"]["loss"]["value"] == 3.0


def test_summaries_and_the_view(server: LiveServer, rewound: str) -> None:
    path = f"/api/v1/runs/{rewound}/metrics"
    assert [item["key"] for item in server.call("GET", path)["metrics"]] == ["loss"]
    old = server.call("GET", path, params={"branch": 0})["metrics"]
    assert [(item["key"], item["points"], item["last_step"]) for item in old] == [
        ("gone", 1, 4),
        ("loss", 9, 5),
    ]
    sql = {
        "query": "SELECT key, count(), max(step) FROM v_metrics WHERE run_id = {run:String} GROUP BY key",
        "parameters": {"run": rewound},
    }
    assert server.call("POST", "/api/v1/sql", json=sql)["rows"] == [["loss", 6, 3]]


def test_series_merged_and_by_writer(server: LiveServer, rewound: str) -> None:
    def curves(**more: Any) -> dict[Any, list[int]]:
        body = {"run_ids": [rewound], "keys": ["loss"], "buckets": 100, **more}
        found = server.call("POST", "/api/v1/metrics/series", json=body)["series"]
        return {curve["writer"]: [bucket["x_first"] for bucket in curve["buckets"]] for curve in found}

    assert curves() == {None: [1, 2, 3]}
    assert curves(writers="each") == {"rank0": [1, 2, 3], "rank1": [1, 2, 3]}
    assert curves(writers="each", branch=0) == {"rank0": [1, 2, 3, 4], "rank1": [1, 2, 3, 4, 5]}
    several = {"run_ids": [rewound, new_id()], "keys": ["loss"], "branch": 0}
    assert "run_ids" in server.call("POST", "/api/v1/metrics/series", 400, json=several)["message"]


def test_steps_merge_the_writers(server: LiveServer) -> None:
    run_id = server.new_run()
    for number, writer in enumerate(("rank0", "rank1", "rank2")):
        Writer(server, run_id, writer).log(*(10 * step + number for step in (1, 2)))
    Writer(server, run_id, "rank3").log(11)
    path = f"/api/v1/runs/{run_id}/metric-steps"
    page = server.call("GET", path, params={"key": "loss", "limit": 2})
    assert page["steps"] == [
        {"step": 10, "points": 1, "writers": 1, "min": 10.0, "max": 10.0, "mean": 10.0, "last": 10.0},
        {"step": 11, "points": 2, "writers": 2, "min": 11.0, "max": 11.0, "mean": 11.0, "last": 11.0},
    ]
    rest = {"key": "loss", "page_token": page["next_page_token"]}
    assert [step["step"] for step in server.call("GET", path, params=rest)["steps"]] == [12, 20, 21, 22]


def test_branches_are_listed(server: LiveServer, rewound: str) -> None:
    first, second = server.call("GET", f"/api/v1/runs/{rewound}/branches")["branches"]
    assert (first["branch"], first["rewound_to_step"], first["writers"]) == (0, None, [])
    assert (second["branch"], second["rewound_to_step"], second["writers"]) == (1, 2, ["rank0", "rank1"])


def test_what_is_superseded_still_counts_as_arrived(server: LiveServer) -> None:
    run_id = server.new_run()
    writer = Writer(server, run_id)
    writer.log(1, 2, 3)
    writer.send(e.RunRewound(run_id, "", 1))
    writer.log(2)
    writer.report("closed", batches=2, points={"loss": 4})
    assert completeness(server, run_id)["completeness"] == "complete"
    assert history(server, run_id) == [(1, ""), (2, "")]
