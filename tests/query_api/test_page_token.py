"""Page tokens come back as they went, and nothing else gets in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.queries import page_token
from trackstream_schemas.errors import InvalidInput


@given(st.integers(-(2**63), 2**64), st.text())
def test_round_trip(number: int, text: str) -> None:
    token = page_token.write([number, text], ("run", "key"))
    assert token.isascii()
    assert page_token.read(token, (int, str), ("run", "key")) == [number, text]


@given(st.text())
def test_foreign_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="page_token"):
        page_token.read(text, (int, int, str, int, int), ("run", "key"))


def test_a_token_of_another_query_is_refused() -> None:
    with pytest.raises(InvalidInput):
        page_token.read(page_token.write([1, "a"], ("r",)), (int, int), ("r",))
    with pytest.raises(InvalidInput):
        page_token.read(page_token.write([True], ("r",)), (int,), ("r",))
    for query in [("r", "b"), ("s", "a"), ("ra", ""), ("a", "r"), ("r",), ()]:
        with pytest.raises(InvalidInput, match="of the same query"):
            page_token.read(page_token.write([1], ("r", "a")), (int,), query)
