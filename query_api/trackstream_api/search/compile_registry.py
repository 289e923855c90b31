"""Searches for registered models and for versions, as one statement each. The tables are read whole.

As in MLflow, prompts (models and versions with the tag mlflow.prompt.is_prompt) are found only by a filter
that asks for them. Source: mlflow.store.model_registry.sqlalchemy_store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.search.grammar import LISTS, STRING, Comparison, Vocabulary, parse_filter
from trackstream_api.search.order_by import parse_order_by
from trackstream_api.search.page_statement import SortOrder, page_statement
from trackstream_api.search.page_token import query_hash
from trackstream_api.search.statement import Bindings, Statement, condition
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.search.page_token import KeyType

IS_PROMPT_TAG = "mlflow.prompt.is_prompt"

MODELS = Vocabulary(
    entities={"tags": "tag", "tag": "tag", "attributes": "attribute", "attribute": "attribute"},
    attributes={"name": "name"},
    numeric_attributes=frozenset(),
    attribute_operators={"name": STRING + LISTS},
    presence=frozenset(),
    example="name LIKE 'vision%'",
)
_MODELS_ORDER = Vocabulary(
    entities=MODELS.entities,
    attributes={
        "name": "name",
        "creation_timestamp": "creation_timestamp",
        "last_updated_timestamp": "last_updated_timestamp",
        "timestamp": "last_updated_timestamp",
    },
    numeric_attributes=frozenset(),
    attribute_operators={},
    presence=frozenset(),
    example="last_updated_timestamp DESC",
)
VERSIONS = Vocabulary(
    entities=MODELS.entities,
    attributes={
        "name": "name",
        "run_id": "run_id",
        "source_path": "source_path",
        "version_number": "version_number",
    },
    numeric_attributes=frozenset({"version_number"}),
    attribute_operators={"name": STRING + LISTS, "run_id": STRING + LISTS},
    presence=frozenset(),
    example="name = 'vision'",
    quoted_numbers=True,
)
_VERSIONS_ORDER = Vocabulary(
    entities=MODELS.entities,
    attributes={
        "name": "name",
        "version_number": "version_number",
        "creation_timestamp": "creation_timestamp",
        "last_updated_timestamp": "last_updated_timestamp",
    },
    numeric_attributes=frozenset(),
    attribute_operators={},
    presence=frozenset(),
    example="version_number DESC",
)
_EXPRESSIONS: dict[str, tuple[str, KeyType]] = {
    "name": ("name", "String"),
    "creation_timestamp": ("created_at", "Int64"),
    "last_updated_timestamp": ("updated_at", "Int64"),
    "version_number": ("toInt64(number)", "Int64"),
    "run_id": ("run_id", "String"),
    "source_path": ("source", "String"),
}


@dataclass(frozen=True, slots=True)
class RegistrySearch:
    """Which registered models or versions, in what order."""

    filter: str = ""
    order_by: tuple[str, ...] = ()
    limit: int = 100
    page_token: str | None = None


def search_models_statement(request: RegistrySearch) -> Statement:
    """Compile a search for models. Rows: registered_model_id, then the sort keys; see Statement.

    Names break ties. Raises FilterSyntaxError for the filter and the order, InvalidInput for the page token.
    """
    bindings = Bindings()
    comparisons = parse_filter(request.filter, MODELS)
    terms = parse_order_by(request.order_by, _MODELS_ORDER)
    conditions = ["lifecycle_stage = 'active'"]
    if not _asks_for_prompts(comparisons):
        comparisons = _without_prompt_tag(comparisons)
        conditions.append(f"tags[{bindings.bind(IS_PROMPT_TAG, 'String')}] != 'true'")
    conditions += [_condition(comparison, bindings) for comparison in comparisons]
    order = [(term.key, term.ascending) for term in terms]
    if "name" not in dict(order):
        order.append(("name", True))
    # Unique names are the rule; a race may have made an exception.
    rows = (
        "SELECT registered_model_id AS id, name, created_at, updated_at FROM registered_models FINAL"
        f" WHERE {' AND '.join(conditions)}"
    )
    identity = query_hash("models", comparisons, terms)
    return page_statement(rows, "id", _sort_order(order), identity, request, bindings)


def search_versions_statement(request: RegistrySearch) -> Statement:
    """Compile a search for versions. Rows: "registered_model_id/number", then the sort keys; see Statement.

    Without `order_by` those changed last come first. Ties are broken by name and then number, descending.
    Raises FilterSyntaxError for the filter and the order, InvalidInput for the page token.
    """
    bindings = Bindings()
    comparisons = parse_filter(request.filter, VERSIONS)
    for comparison in comparisons:
        if isinstance(comparison.value, float):
            raise InvalidInput("filter", comparison.value, "a whole number to compare version_number with")
    terms = parse_order_by(
        request.order_by or ("last_updated_timestamp DESC", "name ASC", "version_number DESC"),
        _VERSIONS_ORDER,
    )
    of_models = ["lifecycle_stage = 'active'"]
    conditions = ["lifecycle_stage = 'active'"]
    if not _asks_for_prompts(comparisons):
        comparisons = _without_prompt_tag(comparisons)
        key = bindings.bind(IS_PROMPT_TAG, "String")
        prompts = f"SELECT registered_model_id FROM model_versions FINAL WHERE tags[{key}] = 'true'"
        of_models.append(f"registered_model_id NOT IN ({prompts})")
    for comparison in comparisons:
        named = comparison.identifier.entity == "attribute" and comparison.identifier.key == "name"
        (of_models if named else conditions).append(_condition(comparison, bindings))
    models = f"SELECT registered_model_id, name FROM registered_models FINAL WHERE {' AND '.join(of_models)}"
    rows = (
        "SELECT concat(v.registered_model_id, '/', toString(v.number)) AS id, m.name AS name,"
        " v.number AS number, v.created_at AS created_at, v.updated_at AS updated_at"
        " FROM (SELECT registered_model_id, number, created_at, updated_at FROM model_versions FINAL"
        f" WHERE {' AND '.join(conditions)}) AS v"
        f" INNER JOIN ({models}) AS m ON v.registered_model_id = m.registered_model_id"
    )
    order = [(term.key, term.ascending) for term in terms]
    order += [last for last in (("name", True), ("version_number", False)) if last[0] not in dict(order)]
    identity = query_hash("versions", comparisons, terms)
    return page_statement(rows, "id", _sort_order(order), identity, request, bindings)


def _sort_order(names: Sequence[tuple[str, bool]]) -> SortOrder:
    order = SortOrder()
    for name, ascending in names:
        order.add(*_EXPRESSIONS[name], ascending)
    order.add("id", "String", True)
    return order


def _asks_for_prompts(comparisons: Sequence[Comparison]) -> bool:
    for comparison in comparisons:
        if _is_prompt_tag(comparison):
            value = str(comparison.value).lower()
            return (comparison.operator, value) in {("=", "true"), ("!=", "false")}
    return False


def _without_prompt_tag(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    return tuple(comparison for comparison in comparisons if not _is_prompt_tag(comparison))


def _is_prompt_tag(comparison: Comparison) -> bool:
    return comparison.identifier.entity == "tag" and comparison.identifier.key == IS_PROMPT_TAG


def _condition(comparison: Comparison, bindings: Bindings) -> str:
    identifier = comparison.identifier
    if identifier.entity == "attribute":
        return condition(_EXPRESSIONS[identifier.key][0], comparison, bindings)
    key = bindings.bind(identifier.key, "String")
    return f"(mapContains(tags, {key}) AND {condition(f'tags[{key}]', comparison, bindings)})"
