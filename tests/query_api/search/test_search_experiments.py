"""Searches for experiments on the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from trackstream_api.errors import FilterSyntaxError
from trackstream_api.search import ExperimentSearch, page, search_experiments_statement

if TYPE_CHECKING:
    from trackstream_api.search import Page
    from trackstream_consumers.engine import Engine

BIG = "4611686018427387904"


def searched(engine: Engine, **request: Any) -> Page:
    statement = search_experiments_statement(ExperimentSearch(**request))
    with engine.client() as client:
        found = client.query(statement.sql, parameters=statement.parameters).result_rows
    return page(statement, found)


@pytest.mark.parametrize(
    ("text", "view", "expected"),
    [
        ("", "active", ["2", BIG, "1"]),
        ("", "deleted", ["3"]),
        ("", "all", ["2", "3", BIG, "1"]),
        ("name = 'alpha'", "active", ["1"]),
        ("name != 'alpha'", "active", ["2", BIG]),
        ("name LIKE 'alpha%'", "active", [BIG, "1"]),
        ("attribute.name LIKE 'alpha\\_2'", "active", []),
        ("name ILIKE 'b%'", "active", ["2"]),
        ("experiment_id IN ('1', '2', '5')", "all", ["2", "1"]),
        ("experiment_id NOT IN ('1') and experiment_id != '2'", "active", [BIG]),
        ("creation_time >= 1700000000001", "active", ["2", BIG]),
        ("last_update_time = 1700000000009", "active", ["1"]),
        ("tags.team = 'vision'", "active", ["1"]),
        ("tags.team = 'old'", "all", []),
        ("tag.team != 'vision'", "active", ["2", BIG]),
        ("tags.team IS NULL", "all", ["3"]),
        ("tags.team is not null and name ILIKE 'ALPHA%'", "active", [BIG, "1"]),
        ("tags.note = 'a\\b'", "active", ["2"]),
    ],
)
def test_filter(store: Engine, text: str, view: str, expected: list[str]) -> None:
    assert searched(store, filter=text, view=view).ids == expected


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        (("name",), ["2", "1", BIG, "3"]),
        (("name DESC",), ["3", BIG, "1", "2"]),
        (("experiment_id",), ["1", "2", "3", BIG]),
        (("creation_time",), ["1", BIG, "3", "2"]),
        (("attribute.creation_time DESC", "name DESC"), ["3", "2", BIG, "1"]),
        (("last_update_time desc",), ["1", "3", "2", BIG]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 10])
def test_order_and_pages(store: Engine, order_by: tuple[str, ...], expected: list[str], limit: int) -> None:
    found = searched(store, order_by=order_by, view="all", limit=limit)
    ids = found.ids
    while found.next_page_token is not None:
        found = searched(store, order_by=order_by, view="all", limit=limit, page_token=found.next_page_token)
        ids += found.ids
    assert ids == expected


@pytest.mark.parametrize(
    "text", ["metrics.a > 1", "params.a = '1'", "status = 'a'", "tags.a IN ('b')", "name IN ('a')"]
)
def test_what_experiments_do_not_have(text: str) -> None:
    with pytest.raises(FilterSyntaxError):
        search_experiments_statement(ExperimentSearch(filter=text))


@pytest.mark.parametrize("term", ["tags.team", "metrics.a", "start_time"])
def test_what_experiments_are_not_sorted_by(term: str) -> None:
    with pytest.raises(FilterSyntaxError, match=r"order_by\[0\]"):
        search_experiments_statement(ExperimentSearch(order_by=(term,)))
