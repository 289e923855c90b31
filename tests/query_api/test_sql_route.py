"""SQL over HTTP: three formats, bound parameters, and nothing but reading."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from trackstream_api.sql_guard import VIEWS
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

VALUES = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.5]


@pytest.fixture(scope="module")
def run_id(server: LiveServer) -> str:
    run_id = new_id()
    count = len(VALUES)
    batch = e.MetricsLogged(
        run_id,
        "",
        ("loss",),
        np.zeros(count, np.int32),
        np.arange(-2, count - 2, dtype=np.int64) * 2**60,
        np.full(count, 1_700_000_000_123, np.int64),
        np.array(VALUES),
    )
    further: list[e.Body] = [batch, e.TagsSet(run_id, {"quote": 'a "b", ü\n'})]
    server.new_run(further=further, run_id=run_id, name="sql run")
    return run_id


def answer(server: LiveServer, query: str, status: int = 200, **body: Any) -> Any:
    return server.call("POST", "/api/v1/sql", status, json={"query": query, **body})


def test_json(server: LiveServer, run_id: str) -> None:
    query = "SELECT step, timestamp, value FROM v_metrics WHERE run_id = {id:String} ORDER BY step"
    found = answer(server, query, parameters={"id": run_id})
    assert found["columns"] == [
        {"name": "step", "type": "Int64"},
        {"name": "timestamp", "type": "DateTime64(3, 'UTC')"},
        {"name": "value", "type": "Float64"},
    ]
    assert [row[0] for row in found["rows"]] == [number * 2**60 for number in range(-2, len(VALUES) - 2)]
    assert {row[1] for row in found["rows"]} == {"2023-11-14T22:13:20.123000Z"}
    shown = [row[2] for row in found["rows"]]
    assert shown[:3] == ["NaN", "Infinity", "-Infinity"]
    assert [repr(value) for value in shown[3:]] == ["-0.0", "5e-324", "1.5"]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("UInt8", "abc"),
        ("UInt8", "5abc"),
        ("Float64", "h"),
        ("Array(String)", "h"),
        ("DateTime64(3)", "soon"),
    ],
)
@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_value_that_does_not_fit_names_its_parameter(
    server: LiveServer, kind: str, given: str, form: str
) -> None:
    body = {"parameters": {"x": given, "other": "1"}, "format": form}
    found = answer(server, f"SELECT {{x:{kind}}}, {{other:UInt8}}", 400, **body)
    assert found["message"] == f"parameters.x: got {given!r}, expected a value of type {kind}"
    assert found["field"] == "parameters.x"


def test_csv(server: LiveServer, run_id: str) -> None:
    query = "SELECT name, tags['quote'] AS quote FROM v_runs WHERE run_id = {id:String}"
    body = {"query": query, "parameters": {"id": run_id}, "format": "csv"}
    found = server.client.post("/api/v1/sql", json=body)
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(io.StringIO(found.text))) == [["name", "quote"], ["sql run", 'a "b", ü\n']]


def test_arrow(server: LiveServer, run_id: str) -> None:
    query = "SELECT key, step, value FROM v_metrics WHERE run_id = {id:String} ORDER BY step"
    body = {"query": query, "parameters": {"id": run_id}, "format": "arrow"}
    found = server.client.post("/api/v1/sql", json=body)
    assert found.headers["content-type"] == "application/vnd.apache.arrow.stream"
    assert found.headers["x-trackstream-lag-ms"] == "0"
    table = pa.ipc.open_stream(io.BytesIO(found.content)).read_all()
    assert table.column("key").to_pylist() == ["loss"] * len(VALUES)
    bits = table.column("value").to_numpy().view(np.int64)
    assert bits.tolist() == np.array(VALUES).view(np.int64).tolist()


def test_no_rows_still_have_columns(server: LiveServer) -> None:
    query = "SELECT run_id FROM v_runs WHERE run_id = 'none'"
    assert answer(server, query) == {"columns": [{"name": "run_id", "type": "String"}], "rows": []}
    found = server.client.post("/api/v1/sql", json={"query": query, "format": "csv"})
    assert found.text == '"run_id"\n'


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("Int64", -(2**63), -(2**63)),
        ("Int64", "17", 17),
        ("Float64", 0.1, 0.1),
        ("String", "'; DROP TABLE runs; --", "'; DROP TABLE runs; --"),
        ("String", "\\N", "\\N"),
        ("Array(String)", ["a'b", "ü"], ["a'b", "ü"]),
    ],
)
def test_parameters_are_bound(server: LiveServer, kind: str, value: object, shown: object) -> None:
    query = f"SELECT {{x:{kind}}} AS x FROM v_runs LIMIT 1"
    server.new_run()
    assert answer(server, query, parameters={"x": value})["rows"] == [[shown]]


def test_a_view_of_every_kind_answers(server: LiveServer) -> None:
    for name in ("experiments", "runs", "params", "tags", "metrics", "latest_metrics", "artifacts", "events"):
        assert answer(server, f"SELECT count() FROM v_{name}")["rows"][0][0] >= 0


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO v_runs SELECT 1",
        "DROP TABLE runs",
        "SELECT * FROM runs",
        "SELECT * FROM system.tables",
        "SELECT * FROM file('/etc/passwd', 'CSV', 'line String')",
        "SELECT file('/etc/passwd')",
        "SELECT * FROM url('http://localhost/', 'CSV', 'x String')",
        "SELECT 1; SELECT 2",
        "SELECT * FROM v_runs INTO OUTFILE '/tmp/trackstream-stolen'",
        "SET readonly = 0",
        "SELECT count() FROM v_runs SETTINGS readonly = 0",
        "SELECT nosuchcolumn FROM v_runs",
        "SELECT count(",
        "",
    ],
)
@pytest.mark.parametrize("encoding", ["json", "csv", "arrow"])
def test_what_is_not_reading_of_views_is_refused(server: LiveServer, query: str, encoding: str) -> None:
    refused = answer(server, query, 400, format=encoding)
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    assert refused["field"] == "query"


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("SELECT {x:Int64} AS x FROM v_runs", {}),
        ("SELECT {x:Int64} AS x FROM v_runs", {"x": "seven"}),
        ("SELECT 1 AS x FROM v_runs", {"unused": 1}),
    ],
)
def test_parameters_that_do_not_fit(server: LiveServer, query: str, parameters: dict[str, object]) -> None:
    assert answer(server, query, 400, parameters=parameters)["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_refused_query_leaves_the_session_usable(server: LiveServer) -> None:
    for _ in range(12):
        answer(server, "SELECT throwIf(1) FROM v_experiments", 400)
        answer(server, "SELECT toUInt8('x') FROM v_experiments", 400)
    assert answer(server, "SELECT count() FROM v_experiments")["rows"][0][0] >= 1


def test_the_views_are_described(server: LiveServer) -> None:
    found = {view["name"]: view for view in server.call("GET", "/api/v1/sql/views")["views"]}
    assert set(found) == set(VIEWS)
    runs = found["v_runs"]
    assert runs["meaning"]
    columns = {column["name"]: column for column in runs["columns"]}
    assert columns["run_id"]["type"] == "String"
    assert columns["duration_seconds"]["meaning"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("SELECT run_id,\n  nothing_like_it\nFROM v_runs", "nothing_like_it"),
        ("SELECT 1 FROM system.tables", "system"),
        ("SELECT 1 FROM runs", "runs"),
        ("SELECT file('x') FROM v_runs", "file"),
        ("SELECT name\nFROM v_runs WHERE WHERE status = 'x'", None),
    ],
)
def test_a_refusal_says_where(server: LiveServer, query: str, place: str | None) -> None:
    refused = server.call("POST", "/api/v1/sql", 400, json={"query": query})
    assert refused["field"] == "query"
    assert refused["position"] == (query.index(place) if place is not None else query.rindex("WHERE"))
