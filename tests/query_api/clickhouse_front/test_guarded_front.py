"""The read-only front of an embedded store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from trackstream_api.sql_guard import VIEWS

if TYPE_CHECKING:
    from tests.query_api.clickhouse_front.conftest import Front
    from trackstream_consumers.engine import Engine


def test_a_stock_client_reads_the_views(guarded_front: Front) -> None:
    client = guarded_front.client()
    found = client.query("SELECT run_id, name FROM v_runs WHERE name = {n:String}", {"n": "it's a run"})
    assert found.result_rows == [("r1", "it's a run")]
    assert client.query_arrow("SELECT count() AS runs FROM v_runs").to_pylist() == [{"runs": 1}]
    assert client.query("SELECT run_id FROM v_runs WHERE run_id = 'no'").result_rows == []


@pytest.mark.parametrize("text", ["a'b\\", "\t\n\0", "☃", "\\n"])
def test_parameters_arrive_unchanged(guarded_front: Front, text: str) -> None:
    asked = "SELECT {x:String} AS x, {y:Array(String)} AS y FROM v_runs"
    found = guarded_front.client().query(asked, {"x": text, "y": [text, "b"]})
    assert found.result_rows == [(text, [text, "b"])]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM runs",
        "SELECT * FROM system.users",
        "SELECT query FROM system.processes",
        "SELECT file('/etc/passwd')",
        "SELECT * FROM url('http://127.0.0.1/', CSV, 'a String')",
        "SELECT 1 FROM v_runs SETTINGS readonly = 0",
        "SELECT run_id FROM v_runs FORMAT JSON SETTINGS readonly = 0",
        "DROP TABLE runs",
        "INSERT INTO runs (run_id) VALUES ('x')",
        "SET readonly = 0",
        "USE system",
        "KILL QUERY WHERE 1",
        "DESCRIBE TABLE runs",
        "DESCRIBE TABLE system.v_runs",
        "SHOW TABLES FROM system",
        "SHOW CREATE TABLE v_runs",
        "EXPLAIN SELECT run_id FROM v_runs",
        "SELECT run_id FROM v_runs; DROP TABLE runs",
    ],
)
def test_everything_else_is_refused(guarded_front: Front, reading_engine: Engine, sql: str) -> None:
    answer = guarded_front.post(sql)
    assert answer.status_code in (400, 500), answer.text
    assert answer.text.startswith("Code: ")
    with reading_engine.client() as client:
        assert client.command("SELECT count() FROM runs") == 1


@pytest.mark.parametrize("setting", ["readonly", "allow_ddl", "max_memory_usage", "user_files_path"])
def test_settings_of_the_url_are_refused(guarded_front: Front, setting: str) -> None:
    answer = guarded_front.post("SELECT run_id FROM v_runs", **{setting: "0"})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


def test_a_format_cannot_carry_sql(guarded_front: Front) -> None:
    answer = guarded_front.post("SELECT run_id FROM v_runs", default_format="CSV SETTINGS readonly=0")
    assert answer.status_code == 501


def test_the_limits_hold(guarded_front: Front) -> None:
    with pytest.raises(DatabaseError):
        guarded_front.client().query("SELECT arrayJoin(range(5000000)) FROM v_runs")


def test_another_database_is_not_there(guarded_front: Front) -> None:
    assert guarded_front.post("SELECT run_id FROM v_runs", database="system").status_code == 404


def test_what_an_editor_lists(guarded_front: Front, reading_engine: Engine) -> None:
    assert guarded_front.post("SHOW DATABASES").text == f"{reading_engine.database}\n"
    assert guarded_front.post("show tables").text.split() == sorted(VIEWS)
    assert guarded_front.post(f"SHOW TABLES FROM `{reading_engine.database}`").text.split() == sorted(VIEWS)
    described = guarded_front.post(f"DESCRIBE TABLE {reading_engine.database}.v_params").text
    assert [line.split("\t")[0] for line in described.splitlines()] == ["run_id", "key", "value"]


def test_nobody_gets_in_without_the_password(guarded_front: Front) -> None:
    refused = guarded_front._replace(password="guess").post("SELECT run_id FROM v_runs")
    assert refused.status_code == 403


def test_a_large_body_is_refused(guarded_front: Front) -> None:
    assert guarded_front.post(b"SELECT 1 --" + b"x" * (5 << 20)).status_code == 413
