"""The unmodified clickhouse-connect HTTP client against a whole engine behind the protocol."""

from __future__ import annotations

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.summary import QuerySummary

from trackstream_consumers.engine import Engine
from trackstream_consumers.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver import Client

    from tests.query_api.clickhouse_front.conftest import Front

pytestmark = pytest.mark.integration

COLUMNS = {
    "a": "Int64",
    "s": "LowCardinality(String)",
    "u": "UInt256",
    "t": "DateTime64(3, 'UTC')",
    "f": "Float64",
    "n": "Nullable(String)",
    "m": "Map(String, String)",
    "l": "Array(Int8)",
}


@pytest.fixture(params=["lz4", "zstd", "gzip", False], ids=["lz4", "zstd", "gzip", "plain"])
def client(server_front: Front, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client with an empty database of its own."""
    name = f"test_{uuid.uuid4().hex}"
    first = server_front.client()
    first.command(f"CREATE DATABASE {name}")
    made = server_front.client(database=name, compress=request.param, autogenerate_session_id=False)
    columns = ", ".join(f"{column} {type_}" for column, type_ in COLUMNS.items())
    made.command(f"CREATE TABLE t ({columns}) ENGINE = ReplacingMergeTree ORDER BY a")
    yield made
    first.command(f"DROP DATABASE {name} SYNC")
    first.close()
    made.close()


def rows(count: int) -> list[list[Any]]:
    at = dt.datetime(2024, 5, 6, 7, 8, 9, 123000)
    return [
        [number, f"s{number % 3}'\\\n", 2**200 + number, at, number / 7, None, {"k": "v\t"}, [-1, 2]]
        for number in range(count)
    ]


def test_rows_come_back_as_they_went_in(client: Client) -> None:
    given = rows(3000)
    summary = client.insert("t", given, column_names=list(COLUMNS))
    assert summary.written_rows == 3000
    assert [list(row) for row in client.query("SELECT * FROM t ORDER BY a").result_rows] == given


def test_arrow_goes_in_as_one_part_and_comes_out(client: Client) -> None:
    table = pa.table(
        {
            "a": pa.array(range(50_000)),
            "s": pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), pa.array(["z"])),
            "f": pa.array([0.5] * 50_000),
        }
    )
    client.insert_arrow("t", table)
    assert client.query("SELECT count(), uniqExact(_part) FROM t").result_rows == [(50_000, 1)]
    found = client.query_arrow("SELECT a, f FROM t ORDER BY a")
    assert found.column("a").to_pylist() == list(range(50_000))


def test_raw_inserts_in_a_text_format(client: Client) -> None:
    client.raw_insert("t", ["a", "s"], b"1,x\n2,y\n", fmt="CSV")
    client.command("INSERT INTO t (a, s) VALUES (3, 'z')")
    client.raw_insert("t", ["a", "s"], iter([b'{"a": 4, "s"', b': "w"}']), fmt="JSONEachRow")
    found = client.query("SELECT a, s FROM t ORDER BY a").result_rows
    assert found == [(1, "x"), (2, "y"), (3, "z"), (4, "w")]


def test_an_insert_of_nothing(client: Client) -> None:
    client.insert_arrow("t", pa.table({"a": pa.array([], pa.int64())}))
    assert client.command("SELECT count() FROM t") == 0


@pytest.mark.parametrize("text", ["plain", "a'b\\n\t\n\0", "ünïcödé ☃", "x" * 100_000])
def test_typed_parameters(client: Client, text: str) -> None:
    asked = "SELECT {x:String}, {y:Int64}, {z:Array(String)}, {t:DateTime64(3)}"
    at = dt.datetime(2024, 1, 2, 3, 4, 5, 678000)
    found = client.query(asked, parameters={"x": text, "y": -3, "z": ["a'", text], "t": at})
    assert found.result_rows == [(text, -3, ["a'", text], at)]


def test_a_command_tells_an_empty_result_from_none(client: Client) -> None:
    assert client.command("SELECT a FROM t") == ""
    assert isinstance(client.command("CREATE TABLE e (a Int8) ENGINE = Memory"), QuerySummary)
    assert client.query("SELECT * FROM t LIMIT 0").column_names == tuple(COLUMNS)
    assert client.query("SELECT * FROM t").result_rows == []


@pytest.mark.parametrize(
    ("sql", "code", "name"),
    [
        ("SELECT nope FROM t", 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT * FROM nope", 60, "UNKNOWN_TABLE"),
        ("SELECT FROM WHERE", 62, "SYNTAX_ERROR"),
        ("CREATE TABLE t (a Int8) ENGINE = Memory", 57, "TABLE_ALREADY_EXISTS"),
        ("SELECT throwIf(number = 90000) FROM numbers(100000)", 395, None),
    ],
)
def test_errors_are_the_engines_own(client: Client, sql: str, code: int, name: str | None) -> None:
    with pytest.raises(
        DatabaseError, match=f"code: {code}, server response: Code: {code}. DB::Exc"
    ) as caught:
        client.query(sql)
    assert caught.value.code == code
    assert name is None or caught.value.name == name


def test_a_failed_insert_leaves_nothing(client: Client) -> None:
    with pytest.raises(DatabaseError):
        client.raw_insert("t", ["a"], b"1\nnot a number\n", fmt="CSV")
    assert client.command("SELECT count() FROM t") == 0


def test_settings_hold_for_one_query(client: Client) -> None:
    asked = "SELECT value FROM system.settings WHERE name = 'max_block_size'"
    before = client.command(asked)
    assert client.query(asked, settings={"max_block_size": 777}).result_rows == [("777",)]
    assert client.command(asked) == before
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT 1", settings={"no_such_setting": 1})
    assert caught.value.code == 115


def test_readonly_by_setting_refuses_and_does_not_stick(client: Client) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.command("DROP TABLE t", settings={"readonly": 1})
    assert caught.value.code == 164
    client.command("DROP TABLE t")


def test_a_large_result_is_streamed(client: Client) -> None:
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(1000000)") as stream:
        count = sum(len(block) for block in stream)
    assert count == 1_000_000


def test_an_error_in_the_middle_of_a_stream_reaches_the_client(client: Client) -> None:
    asked = "SELECT number, throwIf(number = 2900000, 'boom') FROM numbers(3000000)"
    with (
        pytest.raises(DatabaseError, match="boom"),
        client.query_row_block_stream(asked) as stream,
    ):
        for _ in stream:
            pass


def test_a_stream_given_up_frees_the_engine(client: Client) -> None:
    for _ in range(9):
        with client.query_row_block_stream("SELECT number FROM numbers(50000000)") as stream:
            next(iter(stream))
    assert client.command("SELECT 1") == 1


def test_a_session_keeps_what_it_set(server_front: Front) -> None:
    client = server_front.client()
    other = server_front.client()
    asked = "SELECT value FROM system.settings WHERE name = 'max_threads'"
    client.command("SET max_threads = 1")
    assert client.command(asked) == 1
    assert client.query(asked, settings={"max_threads": 3}).result_rows == [("3",)]
    assert client.command(asked) == 1
    assert other.command(asked) != 1
    client.command("USE system")
    assert client.command("SELECT currentDatabase()", use_database=False) == "system"


def test_queries_run_side_by_side(server_front: Front) -> None:
    def ask(number: int) -> list[Any]:
        client = server_front.client(autogenerate_session_id=False)
        return [client.command(f"SELECT {number} + sum(number) FROM numbers(100000)") for _ in range(5)]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(16)))
    total = 4_999_950_000
    assert found == [[number + total] * 5 for number in range(16)]


def test_the_products_engine_works_on_it(server_front: Front) -> None:
    url = server_front.url.replace("://", f"://{server_front.user}:{server_front.password}@")
    engine = Engine(url, database=f"test_{uuid.uuid4().hex}")
    assert migrate(engine)
    assert migrate(engine) == []
    with engine.guarded_client({"max_execution_time": "5", "max_result_rows": "10"}) as client:
        assert client.command("SELECT count() FROM v_runs") == 0
        with pytest.raises(DatabaseError) as caught:
            client.query("SELECT number FROM numbers(100)")
        assert caught.value.code == 396
        with pytest.raises(DatabaseError) as caught:
            client.command("DROP TABLE runs")
        assert caught.value.code == 164
    with engine.client() as client:
        client.command("CREATE TABLE x AS runs")
        client.command("EXCHANGE TABLES runs AND x")
        client.command(f"DROP DATABASE {engine.database} SYNC")
    engine.close()
