"""What clients ask when they connect, and when they list what there is, of the guarded front.

The queries are those of the clients' own sources: clickhouse-connect's SQLAlchemy dialect (which Superset
uses), clickhouse-go (which Grafana's plugin uses) and clickhouse-jdbc (which DBeaver uses).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import URL

from trackstream_api.clickhouse_front.block_compression import decompressed
from trackstream_api.sql_guard import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine as SqlAlchemyEngine

    from tests.query_api.clickhouse_front.conftest import Front
    from trackstream_consumers.engine import Engine

_JDBC_TABLES = """SELECT '' AS TABLE_CAT, t.database AS TABLE_SCHEM, t.name AS TABLE_NAME,
 if(t.is_temporary = 1, concat('Temporary', t.engine), t.engine) AS TABLE_TYPE, t.comment AS REMARKS,
 CAST(null as Nullable(String)) AS TYPE_CAT, d.engine AS TYPE_SCHEM
 FROM system.tables t JOIN system.databases d ON system.tables.database = system.databases.name
 WHERE t.database LIKE '%' AND t.name LIKE 'v_r%' AND (t.engine IN ('View', 'Log'))
 AND (t.is_temporary = 0)"""
_JDBC_COLUMNS = """SELECT database AS TABLE_SCHEM, table AS TABLE_NAME, name AS COLUMN_NAME,
 type AS TYPE_NAME,
 toInt32(multiIf(character_octet_length IS NOT NULL, character_octet_length,
  system.columns.type == 'Float64', 8, numeric_precision IS NOT NULL, numeric_precision, 0)) AS COLUMN_SIZE,
 toInt32(position(type, 'Nullable(') >= 1 ? 1 : 0) as NULLABLE,
 toInt32(system.columns.position) AS ORDINAL_POSITION, character_octet_length::Nullable(Int32) AS OCTETS
 FROM system.columns WHERE database LIKE '%' AND table LIKE 'v_latest_metrics' AND name LIKE '%'
 ORDER BY TABLE_SCHEM, TABLE_NAME, ORDINAL_POSITION"""


def rows(front: Front, sql: str, **url: str) -> list[list[str]]:
    answer = front.post(sql, **url)
    assert answer.status_code == 200, answer.text
    return [line.split("\t") for line in answer.text.splitlines()]


def test_what_a_client_asks_about_the_server(guarded_front: Front, reading_engine: Engine) -> None:
    [[version]] = rows(guarded_front, "SELECT version()")
    assert version[0].isdigit()
    [[zone]] = rows(guarded_front, "select timezone()")
    assert rows(
        guarded_front, "SELECT currentUser() AS user, timezone() AS zone, version() AS v LIMIT 1"
    ) == [[guarded_front.user, zone, version]]
    assert rows(guarded_front, "SELECT currentDatabase()") == [[reading_engine.database]]
    named = guarded_front.post("SELECT version(), timeZone() FORMAT JSON").json()
    assert [column["name"] for column in named["meta"]] == ["version()", "timeZone()"]


def test_databases_tables_and_columns_are_the_views(guarded_front: Front, reading_engine: Engine) -> None:
    database = reading_engine.database
    assert rows(guarded_front, "SELECT name FROM system.databases ORDER BY name") == [[database]]
    listed = f"SELECT name FROM system.tables WHERE database = '{database}' ORDER BY name"
    assert [row[0] for row in rows(guarded_front, listed)] == sorted(VIEWS)
    assert rows(guarded_front, "SELECT DISTINCT engine, is_temporary FROM system.tables") == [["View", "0"]]
    columns = (
        f"SELECT name, type FROM system.columns WHERE database = '{database}' AND table = 'v_latest_metrics'"
    )
    described = rows(guarded_front, "DESCRIBE TABLE v_latest_metrics")
    assert rows(guarded_front, columns) == [row[:2] for row in described]
    assert rows(guarded_front, "SELECT count() FROM system.columns WHERE table NOT LIKE 'v\\_%'") == [["0"]]
    assert rows(guarded_front, f"EXISTS TABLE {database}.v_runs") == [["1"]]
    assert rows(guarded_front, "EXISTS TABLE `runs`") == [["0"]]
    assert rows(guarded_front, "EXISTS DATABASE `system`") == [["0"]]


def test_what_the_jdbc_driver_asks(guarded_front: Front, reading_engine: Engine) -> None:
    assert rows(guarded_front, _JDBC_TABLES, wait_end_of_query="1") == [
        ["", reading_engine.database, "v_runs", "View", "Runs", "\\N", "Atomic"]
    ]
    names = [row[2:4] for row in rows(guarded_front, _JDBC_COLUMNS)]
    assert names == [row[:2] for row in rows(guarded_front, "DESCRIBE v_latest_metrics")]
    # It takes the version for told only where the summary has a row.
    asked = "SELECT version() as server_version"
    answer = guarded_front.post(asked, {"X-ClickHouse-Format": "TSV"}, compress="1", wait_end_of_query="1")
    assert '"result_rows": "1"' in answer.headers["X-ClickHouse-Summary"]
    assert decompressed(answer.content, 100).decode().strip() == rows(guarded_front, asked)[0][0]


def test_the_hello_of_clickhouse_go(guarded_front: Front) -> None:
    asked = "SELECT displayName(), version(), revision(), timezone()"
    answer = guarded_front.post(asked, default_format="Native", client_protocol_version="54460").content
    [[name, version, _, zone]] = rows(guarded_front, asked)

    def column(title: str, kind: str, value: bytes) -> bytes:
        return bytes((len(title),)) + title.encode() + bytes((len(kind),)) + kind.encode() + b"\0" + value

    def string(value: str) -> bytes:
        return bytes((len(value),)) + value.encode()

    assert answer == b"".join(
        (
            b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01",
            column("displayName()", "String", string(name)),
            column("version()", "String", string(version)),
            # Later answers are in the format of revision 0, which says nothing of serialisations.
            column("revision()", "UInt32", struct.pack("<I", 0)),
            column("timezone()", "String", string(zone)),
        )
    )


@pytest.fixture(scope="module")
def superset(guarded_front: Front, reading_engine: Engine) -> Iterator[SqlAlchemyEngine]:
    """What Superset makes of the address that a user gives it."""
    host, _, port = guarded_front.url.removeprefix("http://").partition(":")
    made = create_engine(
        URL.create(
            "clickhousedb",
            guarded_front.user,
            guarded_front.password,
            host,
            int(port),
            reading_engine.database,
        )
    )
    yield made
    made.dispose()


def test_superset_lists_views_with_their_columns_and_reads_them(
    superset: SqlAlchemyEngine, reading_engine: Engine
) -> None:
    found = inspect(superset)
    assert found.get_schema_names() == [reading_engine.database]
    assert sorted(found.get_view_names(reading_engine.database)) == sorted(VIEWS)
    assert found.has_table("v_runs", reading_engine.database)
    assert not found.has_table("runs", reading_engine.database)
    columns = found.get_columns("v_params", reading_engine.database)
    assert [column["name"] for column in columns] == ["run_id", "key", "value"]
    with superset.connect() as connection:
        asked = text(
            "SELECT name AS name, COUNT(*) AS runs FROM v_runs GROUP BY name ORDER BY runs DESC LIMIT 10"
        )
        assert [tuple(row) for row in connection.execute(asked)] == [("it's a run", 1)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM system.users",
        "SELECT name FROM system.tables UNION ALL SELECT name FROM system.clusters",
        "SELECT create_table_query FROM system.tables FINAL",
        "SELECT * FROM system.tables, runs",
        "SELECT file('/etc/passwd') FROM system.tables",
        "SELECT version() FROM runs",
        "SELECT name FROM system.tables WHERE name IN (SELECT run_id FROM runs)",
        "SELECT name FROM system.tables INTO OUTFILE '/tmp/x'",
        "SELECT currentDatabase(file('/etc/passwd'))",
        "SELECT version() SETTINGS readonly = 0",
        "WITH runs AS (SELECT name FROM system.tables) SELECT * FROM trackstream.runs",
    ],
)
def test_a_question_about_the_catalogue_opens_nothing(guarded_front: Front, sql: str) -> None:
    answer = guarded_front.post(sql)
    assert answer.status_code in (400, 404, 500), answer.text
    assert answer.text.startswith("Code: ")
