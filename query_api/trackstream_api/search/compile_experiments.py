"""Searches for experiments, as one statement each. There are few experiments, so the table is read whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.search.grammar import PRESENCE, Comparison, parse_filter
from trackstream_api.search.order_by import parse_order_by
from trackstream_api.search.page_statement import SortOrder, page_statement
from trackstream_api.search.page_token import query_hash
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

    order = SortOrder()
    sorted_by = [(term.key, term.ascending) for term in terms]
    if "experiment_id" not in dict(sorted_by):
        sorted_by.append(("experiment_id", False))
    for key, ascending in sorted_by:
        if key == "experiment_id":
            order.add(f"toInt64({_ID_LENGTH})", "Int64", ascending)
        order.add(*_ATTRIBUTES[key], ascending)

    identity = query_hash("experiments", request.view, comparisons, terms)
    rows = (
        "SELECT experiment_id, name, created_at, updated_at FROM experiments FINAL"
        f" WHERE {' AND '.join(conditions)}"
    )
    return page_statement(rows, "experiment_id", order, identity, request, bindings)


def _condition(comparison: Comparison, bindings: Bindings) -> str:
    identifier = comparison.identifier
    if identifier.entity == "attribute":
        return condition(_ATTRIBUTES[identifier.key][0], comparison, bindings)
    key = bindings.bind(identifier.key, "String")
    if comparison.operator in PRESENCE:
        return f"{'NOT ' if comparison.operator == 'IS NULL' else ''}mapContains(tags, {key})"
    return f"(mapContains(tags, {key}) AND {condition(f'tags[{key}]', comparison, bindings)})"
