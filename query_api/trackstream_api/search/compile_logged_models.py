"""Searches for logged models, as one statement each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.search.grammar import MAX_JOINS, Comparison, parse_filter
from trackstream_api.search.logged_model_vocabulary import LOGGED_MODELS
from trackstream_api.search.page_statement import SortOrder, page_statement
from trackstream_api.search.page_token import query_hash
from trackstream_api.search.statement import Bindings, Statement, condition
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from trackstream_api.search.page_token import KeyType

_ATTRIBUTES: dict[str, tuple[str, KeyType]] = {
    "creation_timestamp": ("created_at", "Int64"),
    "experiment_id": ("experiment_id", "String"),
    "last_updated_timestamp": ("updated_at", "Int64"),
    "model_id": ("model_id", "String"),
    "model_type": ("model_type", "String"),
    "name": ("name", "String"),
    "source_run_id": ("source_run_id", "String"),
    "status": ("status", "String"),
}
_NULLABLE = {"model_type", "source_run_id"}
_MAPS = {"param": "params", "tag": "tags"}


@dataclass(frozen=True, slots=True)
class MeasuredOn:
    """A data set: all of a name, or the one of a name and a digest."""

    name: str
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedModelOrder:
    """A sort key: an attribute, or `metrics.KEY`, of which `on` says where it was measured."""

    field: str
    ascending: bool = True
    on: MeasuredOn | None = None


@dataclass(frozen=True, slots=True)
class LoggedModelSearch:
    """Which models, in what order. With `datasets`, metrics count only where measured on one of them."""

    experiment_ids: tuple[str, ...]
    filter: str = ""
    datasets: tuple[MeasuredOn, ...] = ()
    order_by: tuple[LoggedModelOrder, ...] = ()
    limit: int = 100
    page_token: str | None = None


def search_logged_models_statement(request: LoggedModelSearch) -> Statement:
    """Compile a search for active models. Rows: model_id, then the sort keys; see Statement.

    Order: the terms of `order_by`, then the newest first, then model_id; a metric counts with its latest
    point, and values that a model does not have come last in both directions, NaN right before them.
    Raises FilterSyntaxError for the filter, InvalidInput for the order and the page token.
    """
    bindings = Bindings()
    comparisons = parse_filter(request.filter, LOGGED_MODELS)
    conditions = [
        "lifecycle_stage = 'active'",
        "created_at > 0",
        f"experiment_id IN {bindings.bind(list(request.experiment_ids), 'Array(String)')}",
        *(_condition(comparison, request.datasets, bindings) for comparison in comparisons),
    ]
    if request.datasets and all(found.identifier.entity != "metric" for found in comparisons):
        conditions.append(_measured(_on(request.datasets, bindings)))
    columns = ", ".join(expression for expression, _ in _ATTRIBUTES.values())
    rows = f"SELECT {columns} FROM logged_models FINAL WHERE {' AND '.join(conditions)}"
    rows, order = _sorted(rows, request.order_by, bindings)
    identity = query_hash(
        "logged models", request.experiment_ids, request.datasets, comparisons, request.order_by
    )
    return page_statement(rows, "model_id", order, identity, request, bindings)


def _condition(comparison: Comparison, datasets: tuple[MeasuredOn, ...], bindings: Bindings) -> str:
    identifier = comparison.identifier
    if identifier.entity == "attribute":
        return condition(_ATTRIBUTES[identifier.key][0], comparison, bindings)
    key = bindings.bind(identifier.key, "String")
    if identifier.entity == "metric":
        where = f"key = {key} AND {condition('value', comparison, bindings, as_float=True)}"
        return _measured(f"{where} AND {_on(datasets, bindings)}" if datasets else where)
    held = _MAPS[identifier.entity]
    return f"(mapContains({held}, {key}) AND {condition(f'{held}[{key}]', comparison, bindings)})"


def _measured(where: str) -> str:
    return f"model_id IN (SELECT model_id FROM logged_model_metrics FINAL WHERE {where})"


def _on(datasets: tuple[MeasuredOn, ...], bindings: Bindings) -> str:
    """Return the condition that a measurement was made on one of the data sets."""
    found = []
    for dataset in datasets:
        one = f"dataset_name = {bindings.bind(dataset.name, 'String')}"
        if dataset.digest:
            one = f"({one} AND dataset_digest = {bindings.bind(dataset.digest, 'String')})"
        found.append(one)
    return f"({' OR '.join(found)})"


def _sorted(rows: str, terms: tuple[LoggedModelOrder, ...], bindings: Bindings) -> tuple[str, SortOrder]:
    """Return the rows with what they are sorted by beside them, and the order."""
    if len(terms) > MAX_JOINS:
        raise InvalidInput("order_by", f"{len(terms)} terms", f"at most {MAX_JOINS}")
    order = SortOrder()
    seen = set()
    for index, term in enumerate(terms):
        entity, _, key = term.field.partition(".")
        if key:
            if entity != "metrics":
                raise InvalidInput(
                    f"order_by[{index}].field_name", term.field, "an attribute, or metrics.KEY"
                )
            rows = _with_latest(rows, key, term.on, index, bindings)
            order.add(f"multiIf(found{index} = 0, 2, isNaN(value{index}), 1, 0)", "UInt8", True)
            order.add(f"if(isNaN(value{index}), 0., value{index})", "Float64", term.ascending)
            continue
        name = LOGGED_MODELS.attributes.get(term.field)
        if name is None:
            wanted = f"one of {', '.join(sorted(_ATTRIBUTES))}, or metrics.KEY"
            raise InvalidInput(f"order_by[{index}].field_name", term.field, wanted)
        seen.add(name)
        expression, kind = _ATTRIBUTES[name]
        if name in _NULLABLE:
            order.add(f"isNull({expression})", "UInt8", True)
            expression = f"ifNull({expression}, '')"
        order.add(expression, kind, term.ascending)
    if "creation_timestamp" not in seen:
        order.add("created_at", "Int64", False)
    if "model_id" not in seen:
        order.add("model_id", "String", True)
    return rows, order


def _with_latest(rows: str, key: str, on: MeasuredOn | None, index: int, bindings: Bindings) -> str:
    where = f"key = {bindings.bind(key, 'String')}"
    if on is not None:
        where += f" AND {_on((on,), bindings)}"
    return (
        f"SELECT r.*, v.value AS value{index}, v.found AS found{index} FROM "
        f"(SELECT model_id AS holder, value, toUInt8(1) AS found FROM logged_model_metrics FINAL "
        f"WHERE {where} ORDER BY timestamp DESC, step DESC, run_id LIMIT 1 BY model_id) AS v "
        f"RIGHT JOIN ({rows}) AS r ON v.holder = r.model_id"
    )
