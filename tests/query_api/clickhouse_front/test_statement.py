"""Telling statements apart, and an insert's head from its data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.clickhouse_front.errors import (
    INTO_OUTFILE_NOT_ALLOWED,
    NOT_IMPLEMENTED,
    SYNTAX_ERROR,
    EngineError,
)
from trackstream_api.clickhouse_front.statement import parse


@given(st.binary())
def test_data_begin_right_behind_the_line_break(data: bytes) -> None:
    sql = b"INSERT INTO t (`a`, b) FORMAT Native\n" + data
    found = parse(sql)
    assert found.format == "Native"
    assert found.insert_into == b"INSERT INTO t (`a`, b)"
    assert sql[found.data_at :] == data


def test_settings_of_an_insert_are_kept_apart() -> None:
    found = parse(b"insert into t settings async_insert = 0 format CSV\n1,2\n")
    assert (found.insert_into, found.insert_settings) == (b"insert into t", b"settings async_insert = 0")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t FORMAT Values (1)",
        "INSERT INTO t SELECT 'FORMAT CSV'",
        "INSERT INTO format.t WITH 1 AS x SELECT x",
        "INSERT INTO t.format SELECT 1",
    ],
)
def test_other_inserts_are_run_as_they_stand(sql: str) -> None:
    found = parse(sql.encode())
    assert (found.keyword, found.insert_into, found.text) == ("INSERT", None, sql.encode())


@pytest.mark.parametrize(
    ("sql", "text", "format_"),
    [
        ("SELECT 1 FORMAT JSON", "SELECT 1 ", "JSON"),
        ("SELECT 1\n format  CSV;;", "SELECT 1\n ", "CSV"),
        ("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "SELECT 1  SETTINGS max_threads = 1", "JSON"),
        ("SELECT 'a FORMAT JSON'", "SELECT 'a FORMAT JSON'", None),
        ("SELECT format FROM t", "SELECT format FROM t", None),
        ("SELECT t.format x", "SELECT t.format x", None),
        ("SELECT (SELECT 1 FORMAT x)", "SELECT (SELECT 1 FORMAT x)", None),
        ("SELECT 1 -- FORMAT JSON", "SELECT 1 -- FORMAT JSON", None),
        ("/* a */ WITH 1 AS x SELECT x FORMAT Native", "/* a */ WITH 1 AS x SELECT x ", "Native"),
        ("SELECT $q$;'$q$ FORMAT CSV", "SELECT $q$;'$q$ ", "CSV"),
    ],
)
def test_the_format_clause(sql: str, text: str, format_: str | None) -> None:
    found = parse(sql.encode())
    assert (found.text.decode(), found.format) == (text, format_)
    assert found.gives_rows


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("", SYNTAX_ERROR),
        (" ; ", SYNTAX_ERROR),
        ("-- nothing", SYNTAX_ERROR),
        ("SELECT 1; SELECT 2", SYNTAX_ERROR),
        ("INSERT INTO t FORMAT", SYNTAX_ERROR),
        ("SELECT 1 INTO OUTFILE 'x'", INTO_OUTFILE_NOT_ALLOWED),
        ("INSERT INTO t FROM INFILE 'x' FORMAT CSV", NOT_IMPLEMENTED),
    ],
)
def test_what_a_server_refuses(sql: str, code: int) -> None:
    with pytest.raises(EngineError) as caught:
        parse(sql.encode())
    assert caught.value.code == code


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        found = parse(text.encode())
    except EngineError:
        return
    assert found.text in text.encode() or found.format is not None


@pytest.mark.parametrize(
    ("sql", "rows", "reads"),
    [("DROP TABLE t", False, False), ("SET a = 1", False, True), ("KILL QUERY WHERE 1", True, False)],
)
def test_kinds(sql: str, rows: bool, reads: bool) -> None:
    found = parse(sql.encode())
    assert (found.gives_rows, found.only_reads) == (rows, reads)
