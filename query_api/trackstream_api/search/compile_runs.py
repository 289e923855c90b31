"""Searches for runs, as one statement each.

Shape, chosen by measuring 1,000,000 runs: conditions on params, tags and metrics become a
chain of nested semi-joins, `run_id IN (SELECT run_id ... AND run_id IN (...))`, the most selective kind
innermost. Every table of the chain is sorted by (key, run_id), so the set of one step prunes the next,
and because `key` and `run_id` are the sorting key they may stand in PREWHERE under FINAL without
changing what FINAL means. Only `runs` rows that survive the chain are read, and of those only the
columns that the order needs; the caller fetches the full rows of the page by id. Values to sort by are
joined from the left (RIGHT JOIN), so that the hash table holds the few survivors and not every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.search.grammar import PRESENCE, Comparison, parse_filter
from trackstream_api.search.order_by import OrderTerm, parse_order_by
from trackstream_api.search.page_statement import SortOrder, page_statement
from trackstream_api.search.page_token import query_hash
from trackstream_api.search.statement import SETTINGS, STAGES, Bindings, Statement, View, condition
from trackstream_api.search.vocabulary import RUNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.search.page_token import KeyType

_ARTIFACT_ROOT = "mlflow-artifacts:"
# More experiments than this are likely most of the store: finding their runs first would not prune much.
_FEW_EXPERIMENTS = 16
INACTIVE_EXPERIMENTS = "SELECT experiment_id FROM experiments FINAL WHERE lifecycle_stage != 'active'"
"""Experiments whose runs a search for active runs leaves out where it names no experiment."""
_MORE_OF_SOME_EXPERIMENTS = 250
"""Values more to guess with where other experiments' runs are among them."""
_DATASET_CONTEXT = "mlflow.data.context"
COMPLETENESS_TAG = "trackstream.completeness"
"""A tag that nobody sets: its value is the verdict of the view v_completeness at the time of the search."""

_TABLES = {
    "param": "run_params",
    "tag": "run_tags",
    "metric": "latest_metrics",
}
_ATTRIBUTES: dict[str, tuple[str, KeyType]] = {
    "run_id": ("run_id", "String"),
    "run_name": ("name", "String"),
    "user_id": ("user_id", "String"),
    "status": ("status", "String"),
    "start_time": ("start_time", "Int64"),
    "end_time": ("end_time", "Int64"),
    "duration": ("(end_time - start_time)", "Int64"),
}
_NULLABLE = {"end_time", "duration"}


@dataclass(frozen=True, slots=True)
class RunSearch:
    """Which runs, in what order. `experiment_ids` None means runs of all experiments, () of none."""

    experiment_ids: tuple[str, ...] | None = None
    filter: str = ""
    order_by: tuple[str, ...] = ()
    view: View = "active"
    limit: int = 100
    page_token: str | None = None
    offset: int = 0
    """Runs to pass over first, behind the page token's place."""
    artifact_root: str = _ARTIFACT_ROOT
    """What `artifact_uri` starts with: ROOT/EXPERIMENT_ID/RUN_ID/artifacts."""


def search_runs_statement(request: RunSearch) -> Statement:
    """Compile a search. Rows: run_id, then the sort keys; see Statement.

    Order: the terms of `order_by`, then start_time descending, then run_id; values that a run does not
    have come last in both directions, NaN right before them. Raises FilterSyntaxError for the filter
    and the order, InvalidInput for the page token.
    """
    bindings = Bindings()
    comparisons = parse_filter(request.filter, RUNS)
    terms = parse_order_by(request.order_by, RUNS)
    rows = matching_rows(request, terms, bindings)
    order = _order(terms, request.artifact_root, bindings)
    identity = _identity(request, comparisons, terms)
    return page_statement(rows, "run_id", order, identity, request, bindings, request.offset)


def matching_rows(request: RunSearch, terms: Sequence[OrderTerm], bindings: Bindings) -> str:
    """Return a SELECT of all runs that match, whatever the order and the page, as SQL.

    Columns: run_id, experiment_id, name, user_id, status, start_time, end_time; for the Nth of the terms,
    where it is no attribute, also valueN, and foundN, which is 0 where a run has none. Raises
    FilterSyntaxError.
    """
    comparisons = parse_filter(request.filter, RUNS)
    head = _head(request.experiment_ids, comparisons, bindings)
    rows = _runs(request.experiment_ids, request.view, comparisons, head, request.artifact_root, bindings)
    for index, term in enumerate(terms):
        if term.entity != "attribute":
            rows = _joined(rows, term, index, head, bindings)
    return rows


def single_metric(request: RunSearch) -> OrderTerm | None:
    """Return the metric that a search is sorted by, where it is by one and nothing else."""
    terms = parse_order_by(request.order_by, RUNS)
    return terms[0] if len(terms) == 1 and terms[0].entity == "metric" else None


def leading_candidates_statement(request: RunSearch) -> Statement | None:
    """Compile a guess at the first runs of a search by one metric. Rows: run_id, value.

    The first values that the metric ever had as latest, replaced ones among them, of all runs there are. So
    every run that stands strictly before the guess's last row is in it, and some that stand behind. It takes
    a fifth of the time of reading which values stand (FINAL), and a fraction of that of joining a million
    runs. None where the search is of another kind: other orders, or a further page. Raises FilterSyntaxError.
    """
    term = single_metric(request)
    if term is None or request.page_token or request.offset:
        return None
    bindings = Bindings()
    # Enough for some values that no longer stand and some runs that do not match; more cost more to look up.
    limit = 4 * (request.limit + 1) + (24 if request.experiment_ids is None else _MORE_OF_SOME_EXPERIMENTS)
    sql = (
        f"SELECT run_id, value FROM latest_metrics PREWHERE key = {bindings.bind(term.key, 'String')} "
        f"WHERE NOT isNaN(value) ORDER BY value {'ASC' if term.ascending else 'DESC'} "
        f"LIMIT {bindings.bind(limit, 'UInt64')}"
    )
    identity = _identity(request, parse_filter(request.filter, RUNS), (term,))
    return Statement(sql, bindings.values, limit, identity)


def leading_runs_statement(
    request: RunSearch, among: Sequence[str] | None = None, before: float | None = None
) -> Statement | None:
    """Compile the beginning of a search by one metric: the first runs of those that have a number there.

    Rows: run_id, value; in order, with all that tie with the last of `limit + 1`, or fewer where too few runs
    have one. It reads the metric of the runs `among`, or of those of few experiments, and joins nothing;
    with `before` only values that come strictly before it. None where neither narrows it down. Raises
    FilterSyntaxError.
    """
    bindings = Bindings()
    terms = parse_order_by(request.order_by, RUNS)
    comparisons = parse_filter(request.filter, RUNS)
    if among is None:
        head = _head(request.experiment_ids, comparisons, bindings)
    else:
        head = f"SELECT arrayJoin({bindings.bind(list(among), 'Array(String)')}) AS run_id"
    if head is None:
        return None
    rows = _runs(request.experiment_ids, request.view, comparisons, head, request.artifact_root, bindings)
    key = bindings.bind(terms[0].key, "String")
    sign = "<" if terms[0].ascending else ">"
    bound = "" if before is None else f" AND value {sign} {bindings.bind(before, 'Float64')}"
    sql = (
        f"SELECT run_id, value FROM latest_metrics FINAL PREWHERE key = {key} "
        f"AND run_id IN (SELECT run_id FROM ({rows})) WHERE NOT isNaN(value){bound} "
        f"ORDER BY value {'ASC' if terms[0].ascending else 'DESC'} "
        f"LIMIT {bindings.bind(request.limit + 1, 'UInt64')} WITH TIES{SETTINGS}"
    )
    return Statement(sql, bindings.values, request.limit, _identity(request, comparisons, terms))


def leading_row(run_id: str, value: float, start_time: int) -> tuple[str, int, float, int, str]:
    """Return the row of the whole statement for a run that the leading one found."""
    return run_id, 0, value, start_time, run_id


def _identity(request: RunSearch, comparisons: tuple[Comparison, ...], terms: tuple[OrderTerm, ...]) -> str:
    return query_hash("runs", request.experiment_ids, request.view, request.artifact_root, comparisons, terms)


def _chain(comparisons: tuple[Comparison, ...], head: str | None, bindings: Bindings) -> str | None:
    """Return a SELECT of all run ids that may match, or None where nothing narrows them down."""
    steps = [
        found for found in comparisons if found.identifier.entity in _TABLES and found.operator != "IS NULL"
    ]
    select = head
    for step in sorted(steps, key=_unselectivity):
        select = _step(step, select, bindings)
    return select


def _head(
    experiment_ids: tuple[str, ...] | None, comparisons: tuple[Comparison, ...], bindings: Bindings
) -> str | None:
    """Return a SELECT of the ids of all runs of few experiments, or of the runs that are named."""
    # Without FINAL: the row that FINAL would keep is among the rows, so these are all and maybe more.
    conditions = []
    if experiment_ids is not None and len(experiment_ids) <= _FEW_EXPERIMENTS:
        conditions.append(f"experiment_id IN {bindings.bind(list(experiment_ids), 'Array(String)')}")
    conditions += [
        condition("run_id", comparison, bindings)
        for comparison in comparisons
        if comparison.identifier.key == "run_id"
        and comparison.identifier.entity == "attribute"
        and comparison.operator in ("=", "IN")
    ]
    return f"SELECT run_id FROM runs WHERE {' AND '.join(conditions)}" if conditions else None


def _unselectivity(comparison: Comparison) -> int:
    """Return the place in the chain: what usually leaves few runs comes first."""
    if _asks_completeness(comparison):
        # Made of all that the runs' writers sent: only for runs that are left.
        return 5
    if comparison.operator in PRESENCE:
        return 4
    if comparison.operator == "!=":
        return 3
    if comparison.identifier.entity == "metric":
        return 2 if comparison.operator != "=" else 0
    return 0 if comparison.operator == "=" else 1


def _step(comparison: Comparison, among: str | None, bindings: Bindings) -> str:
    """Return a SELECT of the run ids for which a param, tag or metric compares so; missing ones never do."""
    entity = comparison.identifier.entity
    compared = ""
    if comparison.operator not in PRESENCE:
        compared = condition("value", comparison, bindings, as_float=entity == "metric")
    if _asks_completeness(comparison):
        among_these = f"run_id IN ({among})" if among else "1"
        verdict = "1" if comparison.operator in PRESENCE else condition("completeness", comparison, bindings)
        return f"SELECT run_id FROM v_completeness WHERE {among_these} AND {verdict}"
    first = f"key = {bindings.bind(comparison.identifier.key, 'String')}"
    narrowed = f"run_id IN ({among})" if among else ""
    final = " FINAL"
    if entity == "param":
        # The first value of a param stands, so all its rows agree (and a purged run fails as a run). Most are
        # sieved by their values, which are read faster than ids are looked for.
        final, compared, narrowed = "", narrowed, compared
    prewhere = " AND ".join(filter(None, (first, narrowed)))
    where = f" WHERE {compared}" if compared else ""
    return f"SELECT run_id FROM {_TABLES[entity]}{final} PREWHERE {prewhere}{where}"


def _asks_completeness(comparison: Comparison) -> bool:
    identifier = comparison.identifier
    return identifier.entity == "tag" and identifier.key == COMPLETENESS_TAG


def _runs(
    experiment_ids: tuple[str, ...] | None,
    view: View,
    comparisons: tuple[Comparison, ...],
    head: str | None,
    artifact_root: str,
    bindings: Bindings,
) -> str:
    """Return a SELECT of the rows of the runs that match all conditions."""
    survivors = _chain(comparisons, head, bindings)
    stages = bindings.bind(STAGES[view], "Array(String)")
    conditions = [f"lifecycle_stage IN {stages}", "status != 'UNSTARTED'"]
    if experiment_ids is not None:
        conditions.append(f"experiment_id IN {bindings.bind(list(experiment_ids), 'Array(String)')}")
    elif view == "active":
        # Who names no experiment means those that are there.
        conditions.append(f"experiment_id NOT IN ({INACTIVE_EXPERIMENTS})")
    for comparison in comparisons:
        identifier = comparison.identifier
        if identifier.entity == "attribute":
            expression = _attribute(identifier.key, artifact_root, bindings)
            conditions.append(condition(expression, comparison, bindings))
        elif identifier.entity == "dataset":
            conditions.append(_dataset(comparison, bindings))
        elif comparison.operator == "IS NULL":
            conditions.append(f"run_id NOT IN ({_step(comparison, head, bindings)})")
    prewhere = f" PREWHERE run_id IN ({survivors})" if survivors else ""
    columns = "run_id, experiment_id, name, user_id, status, start_time, end_time"
    return f"SELECT {columns} FROM runs FINAL{prewhere} WHERE {' AND '.join(conditions)}"


def _attribute(key: str, artifact_root: str, bindings: Bindings) -> str:
    if key == "artifact_uri":
        return (
            f"concat({bindings.bind(artifact_root, 'String')}, '/', experiment_id, '/', run_id, '/artifacts')"
        )
    return _ATTRIBUTES[key][0]


def _dataset(comparison: Comparison, bindings: Bindings) -> str:
    """Return the condition that some data set of the run compares so."""
    path = bindings.bind(comparison.identifier.key, "String")
    held = ""
    if comparison.identifier.key == "context":
        path = f"'tags', '{_DATASET_CONTEXT}'"
        held = f"JSONHas(input, {path}) AND "
    compared = condition(f"JSONExtractString(input, {path})", comparison, bindings)
    return f"arrayExists(input -> {held}{compared}, JSONExtractArrayRaw(inputs))"


def _joined(rows: str, term: OrderTerm, index: int, head: str | None, bindings: Bindings) -> str:
    """Return the rows with the value to sort by beside them, as `valueN`, and `foundN`: 0 where missing."""
    narrowed = f" AND run_id IN ({head})" if head else ""
    table = _TABLES[term.entity]
    return (
        f"SELECT r.*, v.value AS value{index}, v.found AS found{index} FROM "
        f"(SELECT run_id AS holder, value, toUInt8(1) AS found FROM {table} FINAL "
        f"PREWHERE key = {bindings.bind(term.key, 'String')}{narrowed}) AS v "
        f"RIGHT JOIN ({rows}) AS r ON v.holder = r.run_id"
    )


def _order(terms: tuple[OrderTerm, ...], artifact_root: str, bindings: Bindings) -> SortOrder:
    order = SortOrder()
    for index, term in enumerate(terms):
        value, missing = f"value{index}", f"found{index} = 0"
        if term.entity == "attribute":
            expression = _attribute(term.key, artifact_root, bindings)
            kind = _ATTRIBUTES[term.key][1] if term.key in _ATTRIBUTES else "String"
            if term.key in _NULLABLE:
                order.add(f"isNull({expression})", "UInt8", True)
                expression = f"ifNull({expression}, 0)"
            order.add(expression, kind, term.ascending)
        elif term.entity == "metric":
            order.add(f"multiIf({missing}, 2, isNaN({value}), 1, 0)", "UInt8", True)
            order.add(f"if(isNaN({value}), 0., {value})", "Float64", term.ascending)
        else:
            order.add(missing, "UInt8", True)
            order.add(value, "String", term.ascending)

    sorted_by = {term.key for term in terms if term.entity == "attribute"}
    if "start_time" not in sorted_by:
        order.add("start_time", "Int64", False)
    if "run_id" not in sorted_by:
        order.add("run_id", "String", True)
    return order
