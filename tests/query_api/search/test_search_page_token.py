"""Page tokens of searches."""

from __future__ import annotations

import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.search import RunSearch, search_runs_statement
from trackstream_api.search.page_token import SortKey, after, page
from trackstream_api.search.statement import Bindings, Statement
from trackstream_schemas.errors import InvalidInput

KEYS = (
    SortKey("k0", "UInt8", True),
    SortKey("k1", "Float64", False),
    SortKey("k2", "Int64", False),
    SortKey("k3", "String", True),
)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@given(st.integers(0, 255), st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1), st.text())
def test_keys_come_back_bit_for_bit(flag: int, number: float, whole: int, text: str) -> None:
    statement = Statement("", {}, 1, "hash")
    token = page(statement, [["a", flag, number, whole, text], ["b", 0, 0.0, 0, ""]]).next_page_token
    assert token is not None
    bindings = Bindings()
    after(token, "hash", KEYS, bindings)
    assert set(bindings.values.values()) >= {flag, whole, text}
    assert any(isinstance(found, float) and found.hex() == number.hex() for found in bindings.values.values())


def test_condition_is_lexicographic() -> None:
    statement = Statement("", {}, 1, "hash")
    token = page(statement, [["a", 1, 0.5, 7, "x"], ["b", 0, 0.0, 0, ""]]).next_page_token
    assert token is not None
    bindings = Bindings()
    assert after(token, "hash", KEYS, bindings) == (
        "(k0 > {p3:UInt8} OR (k0 = {p3:UInt8} AND (k1 < {p2:Float64} OR (k1 = {p2:Float64} AND "
        "(k2 < {p1:Int64} OR (k2 = {p1:Int64} AND k3 > {p0:String}))))))"
    )
    assert bindings.values == {"p0": "x", "p1": 7, "p2": 0.5, "p3": 1}


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        "é",
        "====",
        encoded([]),
        encoded({}),
        encoded("hash"),
        encoded(["hash", 1, {"f": "0x1p0"}, 1]),
        encoded(["hash", 1, {"f": "0x1p0"}, 1, "a", "b"]),
        encoded(["other", 1, {"f": "0x1p0"}, 1, "a"]),
        encoded(["hash", 256, {"f": "0x1p0"}, 1, "a"]),
        encoded(["hash", True, {"f": "0x1p0"}, 1, "a"]),
        encoded(["hash", 1, 0.5, 1, "a"]),
        encoded(["hash", 1, {"f": "nan"}, 1, "a"]),
        encoded(["hash", 1, {"f": "x"}, 1, "a"]),
        encoded(["hash", 1, {"f": "0x1p99999"}, 1, "a"]),
        encoded(["hash", 1, {"f": "0x1p0"}, 2**63, "a"]),
        encoded(["hash", 1, {"f": "0x1p0"}, "1", "a"]),
        encoded(["hash", 1, {"f": "0x1p0"}, 1, ["a"]]),
        encoded(["hash", 1, {"f": "0x1p0"}, 1, None]),
        "[" * 5000,
    ],
)
def test_foreign_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidInput, match="next_page_token"):
        after(token, "hash", KEYS, Bindings())


def test_infinity_has_a_form() -> None:
    statement = Statement("", {}, 1, "hash")
    for number in (math.inf, -math.inf):
        token = page(statement, [["a", 1, number, 7, "x"], ["b", 0, 0.0, 0, ""]]).next_page_token
        bindings = Bindings()
        after(str(token), "hash", KEYS, bindings)
        assert number in bindings.values.values()


def test_text_of_a_user_is_bound_and_never_in_the_statement() -> None:
    needle = "n33dle"
    statement = search_runs_statement(
        RunSearch(
            (needle,),
            f"tags.`{needle}` = '{needle}' and params.{needle} LIKE '{needle}' and run_id IN ('{needle}') "
            f"and metrics.{needle} < 1 and dataset.name != '{needle}' and tags.{needle} IS NULL",
            (f"metrics.{needle}", f"params.{needle} DESC", f"tags.{needle}"),
            artifact_root=needle,
        )
    )
    assert needle not in statement.sql
    assert needle in str(statement.parameters)
