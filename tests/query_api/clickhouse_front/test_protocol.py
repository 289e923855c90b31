"""The protocol as plain HTTP: statuses, headers, ways to say who one is."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.query_api.clickhouse_front.conftest import Front

pytestmark = pytest.mark.integration


def test_it_says_that_it_is_alive(server_front: Front) -> None:
    assert httpx.get(f"{server_front.url}/ping").text == "Ok.\n"
    assert httpx.get(f"{server_front.url}/").text == "Ok.\n"


def test_the_answer_to_a_query(server_front: Front) -> None:
    answer = server_front.post("SELECT 1 AS a, 'x' AS b", query_id="q1", wait_end_of_query="1")
    assert (answer.status_code, answer.text) == (200, "1\tx\n")
    assert answer.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert answer.headers["X-ClickHouse-Query-Id"] == "q1"
    assert answer.headers["X-ClickHouse-Timezone"] == "UTC"
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["read_rows"] == "1"


def test_any_text_may_be_a_query_id(server_front: Front) -> None:
    answer = server_front.post("SELECT 1", query_id="a\r\nX: y€")
    assert (answer.status_code, answer.text) == (200, "1\n")
    assert answer.headers["X-ClickHouse-Query-Id"] == "a%0D%0AX:%20y%E2%82%AC"


@pytest.mark.parametrize(
    ("sql", "url", "text"),
    [
        ("SELECT 1 AS a FORMAT JSONEachRow", {}, '{"a":1}\n'),
        ("SELECT 1 AS a", {"default_format": "CSVWithNames"}, '"a"\n1\n'),
        ("", {"query": "SELECT 2"}, "2\n"),
        ("2", {"query": "SELECT 1 +"}, "3\n"),
        ("SELECT {x:String}", {"param_x": "a\\tb"}, "a\\tb\n"),
        ("SELECT currentDatabase()", {"database": "system"}, "system\n"),
        ("SELECT getSetting('max_threads')", {"max_threads": "3"}, "3\n"),
    ],
)
def test_ways_to_ask(server_front: Front, sql: str, url: dict[str, str], text: str) -> None:
    answer = server_front.post(sql, **url)
    assert (answer.status_code, answer.text) == (200, text)


def test_a_query_in_a_form(server_front: Front) -> None:
    answer = httpx.post(
        f"{server_front.url}/",
        files={"query": (None, "SELECT {x:String}"), "param_x": (None, "y" * 5)},
        auth=(server_front.user, server_front.password),
    )
    assert answer.text == "yyyyy\n"


def test_bodies_are_compressed_where_both_sides_say_so(server_front: Front) -> None:
    body = gzip.compress(b"SELECT number FROM numbers(5000)")
    headers = {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"}
    plain = server_front.post(body, headers)
    packed = server_front.post(body, headers, enable_http_compression="1")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == plain.text


@pytest.mark.parametrize(
    ("sql", "url", "status", "code"),
    [
        ("SELECT nope", {}, 404, 47),
        ("SELECT (", {}, 400, 62),
        ("SELECT 1; SELECT 2", {}, 400, 62),
        ("SELECT 1", {"no_such_setting": "1"}, 404, 115),
        ("SELECT 1", {"a'b": "1"}, 400, 36),
        ("SELECT 1", {"database": "no_such"}, 404, 81),
        ("SELECT 1", {"session_id": "s", "session_check": "1"}, 500, 372),
        ("SELECT 1", {"session_id": "s", "session_timeout": "x"}, 400, 36),
        ("SELECT sleep(3)", {"max_execution_time": "1"}, 408, 159),
        ("SELECT 1 INTO OUTFILE '/dev/null'", {}, 500, 358),
    ],
)
def test_refusals(server_front: Front, sql: str, url: dict[str, str], status: int, code: int) -> None:
    answer = server_front.post(sql, **url)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_get_only_reads(server_front: Front) -> None:
    who = (server_front.user, server_front.password)
    read = httpx.get(f"{server_front.url}/", params={"query": "SELECT 1"}, auth=who)
    written = httpx.get(f"{server_front.url}/", params={"query": "CREATE DATABASE x"}, auth=who)
    assert read.text == "1\n"
    assert written.headers["X-ClickHouse-Exception-Code"] == "164"


@pytest.mark.parametrize("way", ["headers", "basic", "url"])
def test_ways_to_say_who_one_is(server_front: Front, way: str) -> None:
    def ask(user: str, password: str) -> httpx.Response:
        url, headers, auth = {"query": "SELECT 1"}, {}, None
        if way == "headers":
            headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}
        elif way == "basic":
            auth = (user, password)
        else:
            url |= {"user": user, "password": password}
        return httpx.get(f"{server_front.url}/", params=url, headers=headers, auth=auth)

    assert ask(server_front.user, server_front.password).text == "1\n"
    for user, password in ((server_front.user, "wrong"), ("nobody", server_front.password), ("", "")):
        refused = ask(user, password)
        assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
        assert server_front.password not in refused.text


def test_no_credentials_ask_for_some(server_front: Front) -> None:
    answer = httpx.get(f"{server_front.url}/", params={"query": "SELECT 1"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_two_kinds_of_credentials_are_refused(server_front: Front) -> None:
    answer = server_front.post("SELECT 1", user=server_front.user, password=server_front.password)
    assert answer.status_code == 403
