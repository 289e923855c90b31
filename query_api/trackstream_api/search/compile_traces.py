"""Searches for traces, as one statement each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.search.grammar import MAX_JOINS, PRESENCE, Comparison, Identifier, Parser, parse_filter
from trackstream_api.search.page_statement import SortOrder, page_statement
from trackstream_api.search.page_token import query_hash
from trackstream_api.search.statement import Bindings, Statement, condition
from trackstream_api.search.trace_vocabulary import TRACES
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.search.page_token import KeyType

NAME_TAG = "mlflow.traceName"
SOURCE_RUN = "mlflow.sourceRun"
"""Metadata: the run within which the trace was made (mlflow.tracing.constant.TraceMetadataKey)."""

_ATTRIBUTES: dict[str, tuple[str, KeyType]] = {
    "client_request_id": ("client_request_id", "String"),
    "end_time": ("(request_time + ifNull(execution_duration, 0))", "Int64"),
    "execution_time": ("execution_duration", "Int64"),
    "experiment_id": ("experiment_id", "String"),
    "status": ("state", "String"),
    "timestamp": ("request_time", "Int64"),
    "trace_id": ("trace_id", "String"),
}
_NULLABLE = {"client_request_id", "execution_time"}
_MAPS = {"tag": "tags", "metadata": "metadata"}
_COLUMNS = (
    "trace_id, experiment_id, request_time, execution_duration, client_request_id, state, tags, metadata"
)


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """Which traces, in what order. `experiment_ids` () means of none."""

    experiment_ids: tuple[str, ...]
    filter: str = ""
    order_by: tuple[str, ...] = ()
    limit: int = 100
    page_token: str | None = None


def search_traces_statement(request: TraceSearch) -> Statement:
    """Compile a search. Rows: trace_id, then the sort keys; see Statement.

    Order: the terms of `order_by`, then the newest first, then trace_id; what a trace does not have comes
    last in both directions. Raises FilterSyntaxError for the filter and the order, InvalidInput for what
    a term is compared with and the page token.
    """
    bindings = Bindings()
    comparisons = parse_filter(request.filter, TRACES)
    terms = _order_terms(request.order_by)
    conditions = [
        "state != 'UNLOGGED'",
        "lifecycle_stage = 'active'",
        f"experiment_id IN {bindings.bind(list(request.experiment_ids), 'Array(String)')}",
        *(_condition(comparison, bindings) for comparison in comparisons),
    ]
    rows = f"SELECT {_COLUMNS} FROM traces FINAL WHERE {' AND '.join(conditions)}"
    identity = query_hash("traces", request.experiment_ids, comparisons, terms)
    return page_statement(rows, "trace_id", _sort_order(terms, bindings), identity, request, bindings)


def _condition(comparison: Comparison, bindings: Bindings) -> str:
    identifier = comparison.identifier
    match identifier.entity:
        case "tag" | "metadata":
            if identifier.key == SOURCE_RUN and identifier.entity == "metadata":
                return _of_run(comparison, bindings)
            return _held(_MAPS[identifier.entity], identifier.key, comparison, bindings)
        case "feedback" | "expectation" | "issue":
            return _assessed(comparison, bindings)
    match identifier.key:
        case "name":
            return _held("tags", NAME_TAG, comparison, bindings)
        case "run_id":
            return _of_run(comparison, bindings)
        case "prompt":
            if str(comparison.value).count("/") != 1:
                raise InvalidInput("filter", comparison.value, "a prompt version, as in prompt = 'name/3'")
            return f"has(prompts, {bindings.bind(comparison.value, 'String')})"
    return _compared(_ATTRIBUTES[identifier.key][0], comparison, bindings)


def _compared(expression: str, comparison: Comparison, bindings: Bindings) -> str:
    if comparison.operator != "RLIKE":
        return condition(expression, comparison, bindings)
    pattern = str(comparison.value)
    try:
        re.compile(pattern)
    except re.error as error:
        raise InvalidInput("filter", pattern, f"a regular expression ({error})") from error
    return f"match({expression}, {bindings.bind(pattern, 'String')})"


def _held(column: str, name: str, comparison: Comparison, bindings: Bindings) -> str:
    """Return the condition on an entry of a map; a missing one satisfies IS NULL only."""
    key = bindings.bind(name, "String")
    if comparison.operator in PRESENCE:
        return f"{'NOT ' if comparison.operator == 'IS NULL' else ''}mapContains({column}, {key})"
    return f"(mapContains({column}, {key}) AND {_compared(f'{column}[{key}]', comparison, bindings)})"


def _of_run(comparison: Comparison, bindings: Bindings) -> str:
    """Return the condition on the runs that a trace belongs to: made within, or linked to."""
    made_within = _held("metadata", SOURCE_RUN, comparison, bindings)
    if comparison.operator == "=":
        return f"({made_within} OR has(run_ids, {bindings.bind(comparison.value, 'String')}))"
    if comparison.operator == "IN" and isinstance(comparison.value, tuple):
        linked = bindings.bind(list(comparison.value), "Array(String)")
        return f"({made_within} OR hasAny(run_ids, {linked}))"
    return made_within


def _assessed(comparison: Comparison, bindings: Bindings) -> str:
    """Return the condition on what was said about a trace; what was overridden does not count."""
    identifier, operator = comparison.identifier, comparison.operator
    items = "JSONExtractArrayRaw(assessments)"
    kind = bindings.bind(identifier.entity, "String")
    wanted = [f"JSONExtractString(item, 'kind') = {kind}"]
    if identifier.entity == "issue":
        if identifier.key != "id":
            raise InvalidInput("filter", f"issue.{identifier.key}", "issue.id")
        wanted.append(f"JSONExtractString(item, 'name') = {bindings.bind(comparison.value, 'String')}")
    else:
        wanted.append(f"JSONExtractString(item, 'name') = {bindings.bind(identifier.key, 'String')}")
        overridden = f"arrayMap(other -> JSONExtractString(other, 'overrides'), {items})"
        wanted.append(f"NOT has({overridden}, JSONExtractString(item, 'assessment_id'))")
        if operator not in PRESENCE:
            wanted.append(_value_compared(comparison, bindings))
    found = f"arrayExists(item -> {' AND '.join(wanted)}, {items})"
    return f"NOT {found}" if operator == "IS NULL" else found


def _value_compared(comparison: Comparison, bindings: Bindings) -> str:
    """Compare an assessment's value, which is JSON: texts with and without quotes, numbers as numbers."""
    value = "JSONExtractString(item, 'value')"
    if isinstance(comparison.value, int | float):
        number = f"JSONExtractFloat({value})"
        is_number = f"JSONType({value}) IN ('Int64', 'UInt64', 'Double')"
        return f"({is_number} AND {condition(number, comparison, bindings, as_float=True)})"
    if comparison.operator in ("=", "!="):
        spelt = [str(comparison.value), json.dumps(comparison.value, ensure_ascii=False)]
        listed = "IN" if comparison.operator == "=" else "NOT IN"
        return f"{value} {listed} {bindings.bind(spelt, 'Array(String)')}"
    return _compared(value, comparison, bindings)


def _order_terms(texts: Sequence[str]) -> list[tuple[Identifier, bool]]:
    """Return what to sort by, most significant first, and whether ascending."""
    if len(texts) > MAX_JOINS:
        raise InvalidInput("order_by", f"{len(texts)} terms", f"at most {MAX_JOINS}")
    terms: list[tuple[Identifier, bool]] = []
    for index, text in enumerate(texts):
        parser = Parser(text, TRACES, f"order_by[{index}]")
        start = parser.peek()
        identifier = parser.identifier()
        if identifier.entity not in ("attribute", "tag", "metadata") or identifier.key == "prompt":
            raise parser.wrong(start, "an attribute, tags.KEY or metadata.KEY")
        ascending = True
        if parser.peek().is_keyword("ASC", "DESC"):
            ascending = parser.take().text.upper() == "ASC"
        if not parser.at_end:
            raise parser.wrong(parser.peek(), "ASC, DESC or the end")
        if any((known.entity, known.key) == (identifier.entity, identifier.key) for known, _ in terms):
            raise InvalidInput(f"order_by[{index}]", text, "every key once: an earlier term has it")
        terms.append((identifier, ascending))
    return terms


def _sort_order(terms: Sequence[tuple[Identifier, bool]], bindings: Bindings) -> SortOrder:
    order = SortOrder()
    seen = set()
    for identifier, ascending in terms:
        held = _map_entry(identifier)
        if held is not None:
            column, name = held
            key = bindings.bind(name, "String")
            order.add(f"toUInt8(NOT mapContains({column}, {key}))", "UInt8", True)
            order.add(f"{column}[{key}]", "String", ascending)
            continue
        seen.add(identifier.key)
        expression, kind = _ATTRIBUTES[identifier.key]
        if identifier.key in _NULLABLE:
            order.add(f"isNull({expression})", "UInt8", True)
            default = "''" if kind == "String" else "0"
            expression = f"ifNull({expression}, {default})"
        order.add(expression, kind, ascending)
    if "timestamp" not in seen:
        order.add("request_time", "Int64", False)
    if "trace_id" not in seen:
        order.add("trace_id", "String", True)
    return order


def _map_entry(identifier: Identifier) -> tuple[str, str] | None:
    """Return the map and the key in it that hold what is sorted by, or None for a column."""
    if identifier.entity in _MAPS:
        return _MAPS[identifier.entity], identifier.key
    if identifier.key == "name":
        return "tags", NAME_TAG
    return ("metadata", SOURCE_RUN) if identifier.key == "run_id" else None
