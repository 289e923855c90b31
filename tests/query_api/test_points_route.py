"""Points of many metrics as Arrow: bit for bit what each metric's own history tells."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from trackstream_api.queries.point_table import POINTS_A_PAGE, SCHEMA
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.query_api.live_server import LiveServer

LAST = 2**63 - 1
SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1]


def batch(
    run_id: str, key: str, steps: Sequence[int], values: Sequence[float], writer: str = ""
) -> e.MetricsLogged:
    return e.MetricsLogged(
        run_id,
        writer,
        (key,),
        np.zeros(len(steps), np.int32),
        np.array(steps, np.int64),
        np.full(len(steps), 1_700_000_000_123, np.int64),
        np.array(values, np.float64),
    )


def table(server: LiveServer, **body: Any) -> pa.Table:
    answer = server.client.post("/api/v1/metrics/history", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
    with pa.ipc.open_stream(io.BytesIO(answer.content)) as stream:
        return stream.read_all()


def bits(values: pa.ChunkedArray) -> list[int]:
    found: list[int] = values.to_numpy().view(np.int64).tolist()
    return found


def test_values_come_back_bit_for_bit(server: LiveServer) -> None:
    run_id = new_id()
    steps = [-LAST - 1, -1, 0, 7, 7, LAST]
    server.new_run(further=[batch(run_id, "loss", steps, SPECIAL, "rank-1")], run_id=run_id)
    found = table(server, run_ids=[run_id], keys=["loss"])
    assert found.schema.equals(SCHEMA)
    assert found.column("step").to_pylist() == steps
    assert bits(found.column("value")) == np.array(SPECIAL).view(np.int64).tolist()
    assert set(found.column("timestamp").cast(pa.int64()).to_pylist()) == {1_700_000_000_123}
    assert set(found.column("writer").to_pylist()) == {"rank-1"}


def test_all_metrics_of_several_runs_by_run_key_and_step(server: LiveServer) -> None:
    first, second = sorted([new_id(), new_id()])
    for run_id in (first, second):
        further: list[e.Body] = [batch(run_id, key, [2, 1], [1.0, 2.0]) for key in ("b", "a")]
        server.new_run(further=further, run_id=run_id)
    found = table(server, run_ids=[second, first])
    places = list(zip(*(found.column(name).to_pylist() for name in ("run_id", "key", "step")), strict=True))
    assert places == [(run, key, step) for run in (first, second) for key in "ab" for step in (1, 2)]
    assert table(server, run_ids=[first], keys=["none"]).num_rows == 0


def test_more_points_than_a_page_and_many_at_one_step(server: LiveServer) -> None:
    run_id = new_id()
    count = POINTS_A_PAGE + 1000
    steps = np.repeat(np.arange(count // 100 + 1), 100)[:count]
    server.new_run(further=[batch(run_id, "loss", steps.tolist(), np.arange(count).tolist())], run_id=run_id)
    found = table(server, run_ids=[run_id])
    assert found.column("step").to_pylist() == steps.tolist()
    # Points of one step stand in the order in which they were logged.
    assert found.column("value").to_numpy().tolist() == np.arange(count).tolist()


def test_a_rewound_run_shows_its_newest_branch(server: LiveServer) -> None:
    run_id = new_id()
    server.new_run(further=[batch(run_id, "loss", [1, 2, 3], [1.0, 2.0, 3.0])], run_id=run_id)
    server.log(e.RunRewound(run_id, "", 1))
    server.log(batch(run_id, "loss", [2], [20.0]))
    found = table(server, run_ids=[run_id])
    shown = server.call("GET", f"/api/v1/runs/{run_id}/metric-history", params={"key": "loss"})["points"]
    assert found.column("value").to_pylist() == [point["value"] for point in shown] == [1.0, 20.0]


def test_as_it_was_at_an_earlier_moment(server: LiveServer) -> None:
    run_id = new_id()
    server.new_run(further=[batch(run_id, "loss", [1], [1.0])], run_id=run_id)
    path = f"/api/v1/runs/{run_id}/metrics"
    then = server.client.get(path, params={"as_of": "0s"}).headers.get("X-Trackstream-As-Of")
    positions = server.call("GET", "/api/v1/status")["positions"]
    metrics = next(at for at in positions if at["topic"] == "trackstream.metrics")
    as_of = then or f"metrics:0:{metrics['next_offset'] - 1}"
    server.log(batch(run_id, "loss", [2], [2.0]))
    assert table(server, run_ids=[run_id], as_of=as_of).column("step").to_pylist() == [1]
    assert table(server, run_ids=[run_id]).column("step").to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"run_ids": ["f" * 32]}, 404, "f" * 32),
        ({"run_ids": []}, 400, "run_ids"),
        ({"run_ids": ["../x"]}, 400, "run_ids"),
        ({"run_ids": ["f" * 32], "keys": [""]}, 400, "keys"),
    ],
    ids=["unknown run", "no runs", "no run id", "no key"],
)
def test_what_is_refused(server: LiveServer, body: dict[str, Any], status: int, named: str) -> None:
    assert named in server.call("POST", "/api/v1/metrics/history", status, json=body)["message"]


def test_a_run_without_points_has_none(server: LiveServer) -> None:
    assert table(server, run_ids=[server.new_run()]).num_rows == 0
