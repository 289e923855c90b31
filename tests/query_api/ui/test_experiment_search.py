"""What is typed into the search of experiments."""

from __future__ import annotations

import pytest

from trackstream_api.search.grammar import parse_filter
from trackstream_api.search.vocabulary import EXPERIMENTS
from trackstream_api.ui.experiment_search import ORDERS, search_filter


@pytest.mark.parametrize("typed", ["vision", "it's", " in the dark ", "is null", "like a rolling stone"])
def test_words_are_part_of_a_name(typed: str) -> None:
    (comparison,) = parse_filter(search_filter(typed), EXPERIMENTS)
    assert (comparison.identifier.key, comparison.operator) == ("name", "ILIKE")
    assert comparison.value == f"%{typed.strip()}%"


@pytest.mark.parametrize(
    "typed", ["tags.team = 'vision'", "creation_time > 1", "name LIKE 'v%'", "name = 'x' AND tags.a != 'b'"]
)
def test_what_compares_is_a_filter(typed: str) -> None:
    assert search_filter(typed) == typed


def test_nothing_is_no_filter() -> None:
    assert search_filter("  ") == ""


def test_the_orders_can_be_asked_for() -> None:
    from trackstream_api.search.order_by import parse_order_by

    for _, terms in ORDERS.values():
        assert parse_order_by(terms, EXPERIMENTS)
