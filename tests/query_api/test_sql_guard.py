"""The guard of user SQL: what it refuses, what it leaves alone, and that both agree with the engine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from clickhouse_connect.driver.exceptions import Error as ClickHouseError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query_api.honest_queries import HONEST, PARAMETERS
from tests.query_api.hostile_queries import HARMLESS, REFUSED, lines
from tests.query_api.search.small_store import small_store
from trackstream_api.errors import QueryTooHeavy, SqlRefused
from trackstream_api.sql_guard import GUARD_SETTINGS, classify, guard
from trackstream_api.sql_guard.functions import AGGREGATE_NAMES, FUNCTIONS, HIGHER_ORDER, is_allowed
from trackstream_api.sql_guard.tree import CTE_PREFIX
from trackstream_api.sql_guard.views import VIEW_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_consumers.engine import Engine


@pytest.fixture(scope="module")
def store(engine_dir: Path) -> Iterator[Engine]:
    with small_store(engine_dir) as engine:
        yield engine


def parameters_of(sql: str) -> dict[str, Any]:
    named = re.findall(r"\{(\w+):", sql)
    return {name: PARAMETERS.get(name, "text") for name in named}


def guarded(engine: Engine, sql: str, parameters: dict[str, Any] | None = None) -> Any:
    with engine.guarded_client(GUARD_SETTINGS) as client:
        return client.query(guard(sql, parameters), parameters=parameters or None)


def test_tables_of_queries_are_as_long_as_they_say() -> None:
    assert len(lines(REFUSED)) > 200
    assert len(lines(HONEST)) > 60


@pytest.mark.parametrize("sql", ["", " ", "\n-- nothing\n", *lines(REFUSED)])
def test_refused(sql: str) -> None:
    with pytest.raises(SqlRefused) as caught:
        guard(sql, {"t": "v_runs"} if "{t:" in sql else {})
    assert caught.value.status == 400
    assert caught.value.expected


@pytest.mark.parametrize(
    ("sql", "part"),
    [
        ("SELECT count() FROM v_runs WHERE name = file('/etc/passwd')", "file()"),
        ("SELECT * FROM v_runs JOIN system.one AS o ON 1", "system.one"),
        ("SELECT * FROM url('http://x')", "url('http://x')"),
        ("SELECT 1 FROM v_runs SETTINGS max_threads = 1", "SETTINGS"),
        ("SELECT run_id FROM v_runs WHERE run_id IN runs", "run_id IN runs"),
        ("SELECT nonsense FROM v_runs", "nonsense"),
        ("SELECT 1 FRM v_runs WHERE", "line 1, column"),
        ("DROP TABLE runs", "DROP TABLE runs"),
    ],
)
def test_refusal_names_the_part(sql: str, part: str) -> None:
    with pytest.raises(SqlRefused, match=re.escape(part)):
        guard(sql)


@pytest.mark.parametrize("sql", lines(HARMLESS))
def test_harmless_passes_and_finds_out_nothing(store: Engine, sql: str) -> None:
    found = guarded(store, sql, parameters_of(sql))
    assert "root:" not in str(found.result_rows)


@pytest.mark.parametrize("sql", lines(HONEST))
def test_honest_query_keeps_its_result(store: Engine, sql: str) -> None:
    parameters = parameters_of(sql)
    with store.client() as client:
        original = sql.replace("trackstream.", "").rstrip(";")
        expected = client.query(original, parameters=parameters or None)
    found = guarded(store, sql, parameters)
    assert repr(found.result_rows) == repr(expected.result_rows)
    assert found.column_types == expected.column_types
    assert found.result_rows


# What the engine reads as the same text, whatever the characters.
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\0": "\\0", "\n": "\\n", "\t": "\\t"}


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=30) | st.text(alphabet="\\'\"`;-/*$#{}:%()x041\0\n\t ", max_size=30))
def test_text_reaches_the_engine_unchanged(store: Engine, text: str) -> None:
    """A string must end for the engine where it ends for us, or its rest would be SQL."""
    escaped = "".join(_ESCAPES.get(character, character) for character in text)
    assert guarded(store, f"SELECT '{escaped}' AS x, 1 AS y").result_rows == [(text, 1)]


@settings(max_examples=60, deadline=None)
@given(name=st.text(alphabet="\\'\"`;-/*$#{}:%()xé041\n\t ", min_size=1, max_size=20))
def test_quoted_names_reach_the_engine_unchanged(store: Engine, name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace("`", "``").replace("\n", "\\n").replace("\t", "\\t")
    try:
        sql = guard(f"SELECT 1 AS `{escaped}`, 2 AS y")
    except SqlRefused:
        return
    with store.guarded_client(GUARD_SETTINGS) as client:
        found = client.query(sql)
    assert found.result_rows == [(1, 2)]
    assert found.column_names[1] == "y"


WORDS = """
    SELECT FROM v_runs runs system . , ( ) * file 'x' IN WITH a AS UNION ALL WHERE ; -- /* */ FORMAT SETTINGS
    x = 1 ARRAY JOIN numbers {p:String} [ ] -> count() \\ ` " INTO OUTFILE EXPLAIN
"""


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(WORDS.split()),
        max_size=14,
    )
)
def test_any_words_are_rendered_or_refused(words: list[str]) -> None:
    sql = " ".join(words)
    try:
        rendered = guard(sql, {"p": "x"} if "{p:String}" in sql else {})
    except SqlRefused:
        return
    assert not re.search(r"(?i)\bfile\s*\(|\bnumbers\s*\(|system\s*\.|outfile|;|--|/\*", rendered)


@pytest.mark.parametrize(
    "piece", ["(", "[", "- ", "NOT ", "(SELECT ", "CASE WHEN ", "x -> ", "1 + (", "upper("]
)
def test_deep_nesting_is_refused(piece: str) -> None:
    closing = {"(": ")", "[": "]", "(SELECT ": ")", "1 + (": ")", "upper(": ")", "CASE WHEN ": " THEN 1 END"}
    with pytest.raises(SqlRefused):
        guard("SELECT " + piece * 5000 + "1" + closing.get(piece, "") * 5000)


def test_long_text_is_refused() -> None:
    with pytest.raises(SqlRefused, match="characters"):
        guard("SELECT " + "1, " * 100_000 + "1")


@pytest.mark.parametrize(
    ("sql", "parameters", "named"),
    [
        ("SELECT {a:String}", {}, "'a'"),
        ("SELECT 1", {"a": 1}, "'a'"),
        ("SELECT {a:Int8} + {b:Int8}", {"a": 1}, "'b'"),
    ],
)
def test_parameters_and_placeholders_go_together(sql: str, parameters: dict[str, Any], named: str) -> None:
    with pytest.raises(SqlRefused, match=f"parameters: got {named}"):
        guard(sql, parameters)


def test_allow_list_knows_only_functions_that_the_engine_has(store: Engine) -> None:
    with store.client() as client:
        rows = client.query("SELECT name, is_aggregate, higher_order FROM system.functions").result_rows
    names = {name.casefold() for name, *_ in rows}
    assert names >= FUNCTIONS | AGGREGATE_NAMES
    assert {name.casefold() for name, is_aggregate, _ in rows if is_aggregate} >= AGGREGATE_NAMES
    higher_order = {name.casefold() for name, _, higher in rows if higher}
    assert {name for name in higher_order if is_allowed(name)} == HIGHER_ORDER


LEAVING = """
    file chdb joinGet dictGet dictGetOrDefault hostName currentUser getSetting sleep sleepEachRow rand
    arrayReduce initializeAggregation finalizeAggregation in notIn globalIn nullIn addressToSymbol
    catboostEvaluate evalMLMethod aiGenerate hasColumnInTable sumState sumMerge sumIfState uniqMergeIf
    runningAccumulate showCertificate generateSerialID transactionID formatQuery COLUMNS
"""


def test_allow_list_has_nothing_that_leaves_the_query() -> None:
    for name in LEAVING.split():
        assert not is_allowed(name), name


@pytest.mark.parametrize(
    "name", ["sumIf", "argMaxIf", "quantileExactIf", "sumMapOrNull", "uniqArrayIf", "AVG", "medianIf"]
)
def test_combinators(name: str) -> None:
    assert is_allowed(name)


def test_views_are_those_of_the_migrations(store: Engine) -> None:
    with store.client() as client:
        for view, columns in VIEW_COLUMNS.items():
            described = client.query(f"DESCRIBE TABLE {view}").result_rows
            assert tuple(row[0] for row in described) == columns, view
        tables = [row[0] for row in client.query("SHOW TABLES").result_rows]
    assert {table for table in tables if table.startswith("v_")} == set(VIEW_COLUMNS)
    assert not [table for table in tables if table.startswith(CTE_PREFIX)]


def test_every_setting_holds_in_the_session(store: Engine) -> None:
    with store.guarded_client(GUARD_SETTINGS) as client:
        for name, value in {**GUARD_SETTINGS, "readonly": "1"}.items():
            found = client.query("SELECT toString(getSetting({name:String}))", parameters={"name": name})
            assert found.result_rows[0][0] in (value, {"0": "false", "1": "true"}.get(value)), name


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        (
            "SELECT run_id FROM v_params AS p JOIN v_tags AS t ON p.run_id = t.run_id WHERE payload = ''",
            SqlRefused,
        ),
        ("SELECT toInt8('x')", SqlRefused),
        ("SELECT 1 + 'a'", SqlRefused),
        ("SELECT upper(1, 2)", SqlRefused),
        ("SELECT COUNTif(1)", SqlRefused),
        ("SELECT count() + run_id FROM v_runs", SqlRefused),
        ("SELECT run_id, count() FROM v_runs", SqlRefused),
        ("SELECT 1 UNION ALL SELECT 1, 2", SqlRefused),
        ("SELECT intDiv(1, 0)", SqlRefused),
        ("SELECT match('a', '(')", SqlRefused),
        ("SELECT (SELECT run_id FROM v_runs)", SqlRefused),
        ("SELECT", SqlRefused),
        ("SELECT 'a' LIKE '\\\\'", SqlRefused),
        ("SELECT parseDateTime('x', '%Y')", SqlRefused),
        ("SELECT arrayJoin(range(1100000)) FROM v_experiments", QueryTooHeavy),
        ("SELECT repeat('x', 300000000)", SqlRefused),
        ("SELECT length(groupArray(x)) FROM (SELECT arrayJoin(range(400000000)) AS x)", SqlRefused),
    ],
)
def test_a_users_mistake_is_a_4xx(store: Engine, sql: str, kind: type[SqlRefused]) -> None:
    with pytest.raises(ClickHouseError) as caught:
        guarded(store, sql)
    error = classify(caught.value)
    assert isinstance(error, kind)
    assert error.status == 400
    assert "DB::Exception" not in str(error)


def test_time_limit(store: Engine) -> None:
    numbers = "(SELECT arrayJoin(range(100000)) AS {0}) AS t_{0}"
    pairs = f"{numbers.format('a')}, {numbers.format('b')}"
    sql = guard(f"SELECT sum(cityHash64(a, b)) FROM {pairs}")
    limits = {**GUARD_SETTINGS, "max_execution_time": "1"}
    with pytest.raises(ClickHouseError) as caught, store.guarded_client(limits) as client:
        client.query(sql)
    assert isinstance(classify(caught.value), QueryTooHeavy)


def test_failed_query_leaves_nothing_for_the_next(store: Engine) -> None:
    """chDB hands out what a query put out before it failed together with the next result."""
    # Many blocks, of which a late one fails; the guard would not let numbers() pass.
    sql = "SELECT number, throwIf(number = 200000) FROM numbers(300000)"
    for _ in range(12):
        with pytest.raises(ClickHouseError), store.guarded_client(GUARD_SETTINGS) as client:
            client.query(sql)
        assert guarded(store, "SELECT 3 AS a, 4 AS b").result_rows == [(3, 4)]


def test_session_is_read_only_behind_the_guard(store: Engine) -> None:
    """Were the guard to fail, nothing could be written all the same."""
    with store.guarded_client(GUARD_SETTINGS) as client:
        for sql in ("CREATE TABLE x (a Int8) ENGINE = Memory", "DROP TABLE runs", "SET max_threads = 64"):
            with pytest.raises(ClickHouseError) as caught:
                client.command(sql)
            assert classify(caught.value).status == 400


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT {x:Int8}", {"x": "abc"}),
        ("SELECT {x:Array(Int8)}", {"x": "abc"}),
        ("SELECT {x:DateTime}", {"x": "soon"}),
    ],
)
def test_wrong_parameter_is_a_4xx(store: Engine, sql: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(ClickHouseError) as caught:
        guarded(store, sql, parameters)
    assert classify(caught.value).status == 400


@given(st.text())
def test_value_of_a_parameter_is_never_sql(store: Engine, text: str) -> None:
    if "\0" in text:
        return
    assert guarded(store, "SELECT {x:String}", {"x": text}).result_rows == [(text,)]


def test_what_the_parser_stumbles_over_is_refused() -> None:
    with pytest.raises(SqlRefused, match="could not be read"):
        guard("FROM [ */")
