"""Searches for experiments, as one statement each. There are few experiments, so the table is read whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.search.grammar import PRESENCE, Comparison, parse_filter
from trackstream_api.search.order_by import parse_order_by
from trackstream_api.search.page_token import SortKey, after, query_hash
from trackstream_api.search.statement import STAGES, Bindings, Statement, View, condition
from trackstream_api.search.vocabulary import EXPERIMENTS

if TYPE_CHECKING:
    from trackstream_api.search.page_token import KeyType

_ATTRIBUTES: dict[str, tuple[str, KeyType]] = {
    "name": ("name", "String"),
    "experiment_id": ("experiment_id", "String"),
    "creation_time": ("toUnixTimestamp64Milli(created_at)", "Int64"),
    "last_update_time": ("toUnixTimestamp64Milli(updated_at)", "Int64"),
}
# Ids are decimal numbers without leading zeros, which sort as numbers by (length, text).
_ID_LENGTH = "length(experiment_id)"


@dataclass(frozen=True, slots=True)
class ExperimentSearch:
    """Which experiments, in what order."""

    filter: str = ""
    order_by: tuple[str, ...] = ()
    view: View = "active"
    limit: int = 100
    page_token: str | None = None


def search_experiments_statement(request: ExperimentSearch) -> Statement:
    """Compile a search. Rows: experiment_id, then the sort keys; see Statement.

    Without `order_by` the newest come first. Equal ones are told apart by experiment_id, descending as
    in MLflow. Raises FilterSyntaxError for the filter and the order, InvalidInput for the page token.
    """
    bindings = Bindings()
    comparisons = parse_filter(request.filter, EXPERIMENTS)
    terms = parse_order_by(request.order_by or ("creation_time DESC", "experiment_id ASC"), EXPERIMENTS)

    conditions = [f"lifecycle_stage IN {bindings.bind(STAGES[request.view], 'Array(String)')}"]
    # An experiment of which only stray events are known has not been created.
    conditions.append("toUnixTimestamp64Milli(created_at) > 0")
    conditions += [_condition(comparison, bindings) for comparison in comparisons]

    expressions: list[str] = []
    keys: list[SortKey] = []
    sorted_by = [(term.key, term.ascending) for term in terms]
    if "experiment_id" not in dict(sorted_by):
        sorted_by.append(("experiment_id", False))
    for key, ascending in sorted_by:
        if key == "experiment_id":
            expressions.append(f"toInt64({_ID_LENGTH})")
            keys.append(SortKey(f"k{len(keys)}", "Int64", ascending))
        expression, kind = _ATTRIBUTES[key]
        expressions.append(expression)
        keys.append(SortKey(f"k{len(keys)}", kind, ascending))

    identity = query_hash("experiments", request.view, comparisons, terms)
    behind = f" WHERE {after(request.page_token, identity, keys, bindings)}" if request.page_token else ""
    columns = ", ".join(
        f"{expression} AS {key.column}" for expression, key in zip(expressions, keys, strict=True)
    )
    order = ", ".join(f"{key.column} {'ASC' if key.ascending else 'DESC'}" for key in keys)
    rows = f"SELECT experiment_id AS id, {columns} FROM experiments FINAL WHERE {' AND '.join(conditions)}"
    sql = (
        f"SELECT id, {', '.join(key.column for key in keys)} FROM "
        f"({rows}){behind} "
        f"ORDER BY {order} LIMIT {bindings.bind(request.limit + 1, 'UInt64')}"
    )
    return Statement(sql, bindings.values, request.limit, identity)


def _condition(comparison: Comparison, bindings: Bindings) -> str:
    identifier = comparison.identifier
    if identifier.entity == "attribute":
        return condition(_ATTRIBUTES[identifier.key][0], comparison, bindings)
    key = bindings.bind(identifier.key, "String")
    if comparison.operator in PRESENCE:
        return f"{'NOT ' if comparison.operator == 'IS NULL' else ''}mapContains(tags, {key})"
    return f"(mapContains(tags, {key}) AND {condition(f'tags[{key}]', comparison, bindings)})"
