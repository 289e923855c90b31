"""Questions about all runs that a search matches, as one statement each: how many, in which groups, in what
order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from trackstream_api.search.compile_runs import RunSearch, matching_rows, search_runs_statement
from trackstream_api.search.order_by import OrderTerm, parse_order_by
from trackstream_api.search.statement import SETTINGS, Bindings
from trackstream_api.search.vocabulary import RUNS
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from typing import Any

_TEXTS = {"status": "status", "user_id": "user_id", "run_name": "name"}
_ALL = 2**40


def count_runs_statement(request: RunSearch) -> tuple[str, dict[str, Any]]:
    """Compile how many runs match: one row, one number. Raises FilterSyntaxError."""
    bindings = Bindings()
    return f"SELECT count() FROM ({matching_rows(request, (), bindings)}){SETTINGS}", bindings.values


def all_ids_statement(request: RunSearch) -> tuple[str, dict[str, Any]]:
    """Compile the ids of all runs that match, in order, in the first column. Raises as a search does."""
    statement = search_runs_statement(replace(request, limit=_ALL, page_token=None, offset=0))
    return f"SELECT id FROM ({statement.sql})", statement.parameters


def group_runs_statement(
    request: RunSearch, by: str, metric: str | None, mode: Literal["min", "max"]
) -> tuple[str, dict[str, Any]]:
    """Compile the groups of the matching runs by a param, a tag or a text of their own.

    Rows: whether the group has a value, the value, runs, runs with a number for the metric, the best one, its
    run, their mean. At most `request.limit` and one more; NaN is no number. Raises FilterSyntaxError, and
    InvalidInput for `by`.
    """
    bindings = Bindings()
    terms = [_grouped_by(by)]
    if metric is not None:
        terms.append(OrderTerm("metric", metric, True))
    rows = matching_rows(request, terms, bindings)
    has_value, value = "found0", "value0"
    if terms[0].entity == "attribute":
        has_value, value = "1", _TEXTS[terms[0].key]
    measured = "found1 AND NOT isNaN(value1)" if metric is not None else "0"
    number = "value1" if metric is not None else "0."
    arg, direction = ("argMinIf", "ASC") if mode == "min" else ("argMaxIf", "DESC")
    sql = (
        f"SELECT {has_value} AS has, {value} AS of_group, count() AS runs, countIf({measured}) AS numbers, "
        f"{mode}If({number}, {measured}) AS best, {arg}(run_id, {number}, {measured}) AS best_run, "
        f"avgIf({number}, {measured}) AS mean "
        f"FROM ({rows}) GROUP BY has, of_group "
        f"ORDER BY numbers = 0, best {direction}, runs DESC, of_group "
        f"LIMIT {bindings.bind(request.limit + 1, 'UInt64')}{SETTINGS}"
    )
    return sql, bindings.values


def _grouped_by(by: str) -> OrderTerm:
    (term,) = parse_order_by([by], RUNS)
    if term.entity == "metric" or (term.entity == "attribute" and term.key not in _TEXTS):
        raise InvalidInput("by", by, "a param, a tag, status, user_id or run_name: numbers make no groups")
    return term
