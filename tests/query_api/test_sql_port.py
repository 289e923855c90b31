"""`trackstream server --sql-port`: ClickHouse clients and the SQL port of a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
import numpy as np
import pytest

from tests.query_api.hostile_queries import HARMLESS, REFUSED, lines
from trackstream.log.http import HttpLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACKSTREAM = Path(sys.executable).parent / "trackstream"
PASSWORD = "open sesame"
VALUES = [0.5, float("nan"), -0.0]
# What is refused in user SQL and answered here: with words of the front's own, about the views, in a format.
_ABOUT_THE_SERVER = ("version()", "currentDatabase()", "currentUser()", "hostName()", "user()", "uptime()")
_ANSWERED = {
    "DESC v_runs",
    "SHOW TABLES",
    "EXISTS TABLE runs",
    "SELECT 1 FORMAT JSON",
    "SELECT 1 UNION ALL SELECT 2 FORMAT CSV",
}


class SqlPort(NamedTuple):
    """A server's two addresses, and a producer that logs to it."""

    url: str
    api: str
    producer: Producer

    def post(self, sql: str, **url: str) -> httpx.Response:
        """Ask as curl does."""
        return httpx.post(self.url, params=url, content=sql, auth=("reader", PASSWORD), timeout=60)


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKSTREAM_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **variables}


@pytest.fixture(scope="module")
def sql_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlPort]:
    """A server with a SQL port and one run on it."""
    root = tmp_path_factory.mktemp("sql-port")
    command = [str(TRACKSTREAM), "server", "--dir", str(root / "store"), "--port", "0", "--sql-port", "0"]
    process = subprocess.Popen(
        command,
        env=environment(TRACKSTREAM_SQL_USER="reader", TRACKSTREAM_SQL_PASSWORD=PASSWORD),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().split(" at ")[1].strip()
    api = process.stdout.readline().split(" at ")[1].split()[0]
    writer = HttpLogWriter(api)
    producer = Producer(writer, Settings())
    producer.emit_and_wait([e.RunStarted("r1", "0", "it's a run", 1_700_000_000_000)])
    try:
        yield SqlPort(url, api, producer)
    finally:
        producer.close(1)
        writer.close()
        process.terminate()
        assert process.wait(60) == 0
        process.stdout.close()


def test_a_stock_client_sees_at_once_what_was_logged(sql_port: SqlPort) -> None:
    where = urlsplit(sql_port.url)
    client = clickhouse_connect.get_client(
        host=where.hostname or "", port=where.port or 0, username="reader", password=PASSWORD
    )
    steps = np.arange(len(VALUES), dtype=np.int64)
    batch = e.MetricsLogged(
        "r1", "", ("loss",), np.zeros(len(VALUES), np.int32), steps, steps, np.array(VALUES)
    )
    sql_port.producer.emit_and_wait([batch])
    found = client.query("SELECT value FROM v_metrics WHERE run_id = {id:String} ORDER BY step", {"id": "r1"})
    assert repr([row[0] for row in found.result_rows]) == repr(VALUES)
    assert client.query_df("SELECT run_id, name FROM v_runs").to_dict("records") == [
        {"run_id": "r1", "name": "it's a run"}
    ]
    client.close()


@pytest.mark.parametrize(
    ("format_", "body"),
    [
        ("JSONEachRow", '{"run_id":"r1","name":"it\'s a run"}\n'),
        ("CSV", '"r1","it\'s a run"\n'),
        ("TabSeparatedWithNamesAndTypes", "run_id\tname\nString\tString\nr1\tit\\'s a run\n"),
    ],
)
def test_formats(sql_port: SqlPort, format_: str, body: str) -> None:
    asked = "SELECT run_id, name FROM v_runs WHERE run_id = 'r1'"
    assert sql_port.post(f"{asked} FORMAT {format_}").text == body
    # Grafana and the drivers name it outside the query.
    assert sql_port.post(asked, default_format=format_).text == body


def test_json_has_what_its_readers_need(sql_port: SqlPort) -> None:
    answer = sql_port.post("SELECT run_id, start_time FROM v_runs FORMAT JSON").json()
    assert answer["meta"] == [
        {"name": "run_id", "type": "String"},
        {"name": "start_time", "type": "DateTime64(3, 'UTC')"},
    ]
    assert answer["data"] == [{"run_id": "r1", "start_time": "2023-11-14 22:13:20.000"}]
    assert answer["rows"] == 1


@pytest.mark.parametrize("query", lines(REFUSED))
def test_hostile_queries(sql_port: SqlPort, query: str) -> None:
    answer = sql_port.post(query)
    if answer.status_code == 200:
        known = any(call.casefold() in query.casefold() for call in _ABOUT_THE_SERVER)
        assert known or query in _ANSWERED, answer.text
    else:
        assert answer.text.startswith("Code: "), answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize("query", lines(HARMLESS))
def test_queries_that_only_look_hostile(sql_port: SqlPort, query: str) -> None:
    answer = sql_port.post(query, param_t="x")
    assert "root:" not in answer.text


def test_nobody_gets_in_without_the_password(sql_port: SqlPort) -> None:
    for auth in (None, ("reader", ""), ("reader", "x"), ("default", ""), ("default", PASSWORD)):
        answer = httpx.post(sql_port.url, content="SELECT run_id FROM v_runs", auth=auth)
        assert answer.status_code in (401, 403)
        assert "r1" not in answer.text
    assert httpx.get(f"{sql_port.url}/ping").text == "Ok.\n"


def test_pages_of_other_sites_get_nothing(sql_port: SqlPort) -> None:
    port = urlsplit(sql_port.url).port
    for headers, status in (
        ({"Host": f"evil.example:{port}"}, 400),
        ({"Origin": "https://evil.example"}, 403),
    ):
        answer = httpx.post(sql_port.url, content="SELECT 1", headers=headers, auth=("reader", PASSWORD))
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("options", "variables", "told"),
    [
        ((), {}, "--sql-no-password"),
        (("--sql-no-password", "--host", "0.0.0.0"), {}, "127.0.0.1"),
        (("--sql-no-password",), {"TRACKSTREAM_SQL_PASSWORD": "x"}, "either this or a password"),
    ],
)
def test_what_would_let_anybody_in_is_refused(
    tmp_path: Path, options: tuple[str, ...], variables: dict[str, str], told: str
) -> None:
    command = [str(TRACKSTREAM), "server", "--dir", str(tmp_path), "--port", "0", "--sql-port", "0", *options]
    ended = subprocess.run(
        command, env=environment(**variables), capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert told in ended.stderr


def test_without_a_password_and_with_one_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    for options, password in (
        ("--sql-no-password", ""),
        (f"--sql-password-file={tmp_path}/password", "from a file"),
    ):
        command = [
            str(TRACKSTREAM),
            "server",
            "--dir",
            str(tmp_path / "s"),
            "--port=0",
            "--sql-port=0",
            options,
        ]
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split(" at ")[1].strip()
            headers = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": password}
            assert httpx.post(url, content="SELECT count() FROM v_runs", headers=headers).text == "0\n"
        finally:
            process.terminate()
            process.communicate(timeout=60)


def test_on_the_servers_of_a_stack_clickhouse_itself_is_named(tmp_path: Path) -> None:
    variables = {
        "TRACKSTREAM_KAFKA": "127.0.0.1:1",
        "TRACKSTREAM_CLICKHOUSE": "http://u:secret@ch.example:8123",
        "TRACKSTREAM_SQL_PASSWORD": "x",
    }
    ended = subprocess.run(
        [str(TRACKSTREAM), "server", "--sql-port", "0"],
        env=environment(**variables),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    assert "ch.example:8123/trackstream" in ended.stderr
    assert "secret" not in ended.stderr
