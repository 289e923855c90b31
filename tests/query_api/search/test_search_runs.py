"""Searches for runs on the engine, against the same filter worked out in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.query_api.search.expected import matching, ordered
from tests.query_api.search.small_store import RUNS
from trackstream_api.models.runs import BestRuns, SearchRuns
from trackstream_api.queries.search import best_runs, search_runs
from trackstream_api.search import RunSearch, page, search_runs_statement
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from trackstream_api.search import Page, Statement
    from trackstream_consumers.engine import Engine

ON_THE_ENGINE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def rows(engine: Engine, statement: Statement) -> list[Any]:
    with engine.client() as client:
        return list(client.query(statement.sql, parameters=statement.parameters).result_rows)


def searched(engine: Engine, **request: Any) -> Page:
    statement = search_runs_statement(RunSearch(**request))
    return page(statement, rows(engine, statement))


FILTERS = [
    "",
    "   ",
    "metrics.loss < 0.5",
    "metrics.loss <= .5 and metrics.acc > 8e-1",
    "metric.loss != 0.5",
    "metrics.loss = 0",
    "metrics.loss > -1e400",
    "metrics.loss >= 1e308",
    "metrics.loss < -1",
    "metrics.acc = -0.0",
    "metrics.`val/loss` > 1",
    'metrics."val/loss" = 1.5',
    "metrics.missing != 1",
    "params.lr = '0.1'",
    'param.lr = "0.1" AND parameters.bs = "32"',
    "params.lr != '0.1'",
    "params.lr = ''",
    "params.`a b` LIKE 'x'",
    "params.lr LIKE '0.%'",
    "params.lr IS NULL",
    "params.lr is not null and params.bs IS NULL",
    "params.path = 'C:\\data\\new'",
    "params.path LIKE '%\\data%'",
    "params.path LIKE 'C:\\%'",
    "params.path LIKE 'c:%'",
    "params.path ILIKE 'c:%'",
    "tags.team = 'vision'",
    "tags.team != 'vision'",
    "tag.team LIKE '%ision'",
    "tags.team ILIKE 'VISION'",
    "tags.team LIKE 'vision_lab'",
    "tags.team LIKE 'vision%lab'",
    "tags.team = 'stale'",
    "tags.removed IS NOT NULL",
    "tags.team IS NULL",
    "tags.emoji LIKE '_é'",
    "tags.emoji = '😀é'",
    "tags.mlflow.user = 'ann'",
    "tags.`mlflow.user` = 'ann'",
    'tags."" = "empty key"',
    "tags.`back``tick` = 'q'",
    'tags."say ""hi""" = \'q\'',
    "run_id = 'r03'",
    "attributes.run_id IN ('r03', \"r05\", 'nobody')",
    "run_id NOT IN ('r03') and run_id != 'r04'",
    "run_id LIKE 'r0_'",
    "attr.run_name = 'it''s'",
    'run.run_name = "it\'s"',
    "`Run name` LIKE '100%'",
    "attributes.`run name` LIKE '100_sure'",
    "\"Run Name\" ILIKE 'FIRST'",
    "status = 'FINISHED'",
    "status != 'FINISHED' and user_id = 'bob'",
    "user_id ILIKE 'ANN'",
    "start_time > 1700000000001",
    "Created <= 1700000000001.5",
    "attributes.created = 1700000000002",
    "start_time < 99999999999999999999999",
    "start_time > -99999999999999999999999999999999999999999999",
    "end_time > 0",
    "end_time != 1700000000004",
    "duration >= 60000",
    "artifact_uri LIKE '%/r00/artifacts'",
    "datasets.name = 'mnist'",
    "dataset.name = 'mnist' and dataset.digest = 'def'",
    "dataset.name IN ('cifar', 'other')",
    "dataset.name NOT IN ('mnist')",
    "dataset.digest LIKE 'a%' AND dataset.context = 'train'",
    "dataset.context != 'train'",
    "dataset.name != 'mnist'",
    "metrics.loss < 0.6 and params.lr = '0.1' and tags.team ILIKE '%vision%' and attr.status = 'FINISHED'",
    "params.lr = '0.1' and params.lr != '0.1'",
]


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("view", ["active", "deleted", "all"])
def test_filter_means_what_it_says(store: Engine, text: str, view: str) -> None:
    found = searched(store, filter=text, view=view)
    assert found.ids == [run.run_id for run in matching(text, view)]
    assert found.next_page_token is None


def test_filters_of_the_table_tell_runs_apart() -> None:
    """A table in which every filter left nothing would prove nothing."""
    answers = {tuple(run.run_id for run in matching(text, "all")) for text in FILTERS}
    assert len(answers) >= 25


@pytest.mark.parametrize("experiment_ids", [(), ("1",), ("2", "3"), ("nobody",), tuple(map(str, range(40)))])
@pytest.mark.parametrize("text", ["", "params.lr = '0.1'", "tags.team IS NULL"])
def test_only_runs_of_the_experiments(store: Engine, experiment_ids: tuple[str, ...], text: str) -> None:
    expected = [run.run_id for run in matching(text, experiment_ids=experiment_ids)]
    assert searched(store, experiment_ids=experiment_ids, filter=text).ids == expected


ORDERS = [
    (),
    ("metrics.loss",),
    ("metrics.loss DESC",),
    ("metrics.acc asc", "metrics.loss desc"),
    ("params.lr", "start_time ASC"),
    ("params.lr DESC", "metrics.`val/loss`"),
    ("tags.team", "run_id DESC"),
    ("tags.`team` DESC",),
    ("attributes.end_time",),
    ("end_time DESC",),
    ("duration desc", "status"),
    ("Created", "run_id"),
    ("`Run name` DESC",),
    ("status", "user_id DESC"),
    ("artifact_uri DESC",),
    ("metrics.missing", "params.missing desc", "tags.missing"),
]


@pytest.mark.parametrize("order_by", ORDERS, ids=" ".join)
@pytest.mark.parametrize("text", ["", "params.lr LIKE '0.%'"])
def test_order_and_pages(store: Engine, order_by: tuple[str, ...], text: str) -> None:
    expected = ordered(matching(text, "all"), order_by)
    for limit in (1, 2, 3, 100):
        request: dict[str, Any] = {"filter": text, "order_by": order_by, "view": "all", "limit": limit}
        ids: list[str] = []
        token = None
        while True:
            found = searched(store, **request, page_token=token)
            ids += found.ids
            token = found.next_page_token
            if token is None:
                break
            assert len(found.ids) == limit
        assert ids == expected


def test_page_size_may_change_between_pages(store: Engine) -> None:
    first = searched(store, limit=2)
    rest = searched(store, limit=100, page_token=first.next_page_token)
    assert first.ids + rest.ids == [run.run_id for run in matching("")]


@pytest.mark.parametrize(
    "other",
    [
        {"filter": "params.lr = '0.1'"},
        {"order_by": ("metrics.loss",)},
        {"view": "all"},
        {"experiment_ids": ("1",)},
    ],
)
def test_token_of_another_query_is_refused(store: Engine, other: dict[str, Any]) -> None:
    token = searched(store, limit=2).next_page_token
    with pytest.raises(InvalidInput, match="page_token"):
        search_runs_statement(RunSearch(limit=2, page_token=token, **other))


@pytest.mark.parametrize(
    ("mode", "top", "text", "expected"),
    [
        ("min", 1, "", ["r03"]),
        ("max", 1, "", ["r02"]),
        ("min", 100, "", ["r03", "r04", "r05", "r09", "r00", "r02"]),
        ("max", 3, "", ["r02", "r05", "r09"]),
        ("min", 2, "params.lr = '0.1'", ["r05", "r00"]),
        ("min", 1, "params.lr = 'nothing'", []),
    ],
)
def test_best_runs(store: Engine, mode: Any, top: int, text: str, expected: list[str]) -> None:
    """NaN and missing never win, infinities are values, among equals the newest comes first."""
    found = best_runs(store, BestRuns(metric="loss", mode=mode, top=top, filter=text))
    assert [run.run_id for run in found.runs] == expected


def test_best_run_of_an_experiment(store: Engine) -> None:
    [best] = best_runs(store, BestRuns(metric="loss", experiment_ids=["2", "3"])).runs
    assert best.run_id == "r07"


def test_best_run_by_a_metric_of_any_name(store: Engine) -> None:
    [best] = best_runs(store, BestRuns(metric="val/loss")).runs
    assert best.run_id == "r09"
    assert best_runs(store, BestRuns(metric='no "such" `name`')).runs == []


_texts = st.sampled_from(
    ["0.1", "0.01", "", "vision", "it's", "%", "_", "\\", "\\%", "C:\\data\\new", "😀é", "a\nb"]
)
_keys = st.sampled_from(["lr", "bs", "team", "a b", "path", "no'such", "with`tick", 'q"q', "\\", "emoji"])
_numbers = st.one_of(
    st.integers(-3, 3), st.floats(allow_nan=False, width=32), st.sampled_from([0.5, 0.25, 0.1])
)


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


@st.composite
def _comparisons(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        number = draw(_numbers)
        shown = repr(number) if isinstance(number, int) or abs(number) != float("inf") else "1e999"
        key = draw(st.sampled_from(["loss", "acc", "`val/loss`"]))
        return f"metrics.{key} {draw(st.sampled_from(['=', '!=', '<', '<=', '>', '>=']))} {shown}"
    entity = draw(st.sampled_from(["params", "tags"]))
    key = draw(_keys).replace("`", "``")
    compared = draw(st.sampled_from(["=", "!=", "LIKE", "ILIKE", "IS NULL", "is not null"]))
    value = "" if compared.upper().startswith("IS") else f" {_quoted(draw(_texts))}"
    return f"{entity}.`{key}` {compared}{value}"


@ON_THE_ENGINE
@given(comparisons=st.lists(_comparisons(), min_size=1, max_size=4))
def test_any_filter_means_what_it_says(store: Engine, comparisons: list[str]) -> None:
    text = " and ".join(comparisons)
    assert searched(store, filter=text, view="all").ids == [run.run_id for run in matching(text, "all")]


@ON_THE_ENGINE
@given(text=st.text(max_size=20))
def test_any_text_is_a_value_and_never_sql(store: Engine, text: str) -> None:
    """Text that is in no row matches nothing, and everything differs from it."""
    found = searched(store, filter=f"run_name != {_quoted('no such ' + text)}", view="all")
    assert sorted(found.ids) == sorted(run.run_id for run in RUNS)
    assert searched(store, filter=f"run_name = {_quoted('no such ' + text)}").ids == []


def test_too_many_sort_terms_are_refused() -> None:
    with pytest.raises(InvalidInput, match="order_by: got '21 terms', expected at most 20"):
        search_runs_statement(RunSearch(order_by=tuple(f"metrics.m{number}" for number in range(21))))


@pytest.mark.parametrize("limit", [1, 2, 5, 50])
@pytest.mark.parametrize("order", ["metrics.loss ASC", "metrics.loss DESC", "metrics.acc"])
@pytest.mark.parametrize("filter", ["", "metrics.loss < 0.5", "params.lr = '0.1'"])
def test_a_page_by_one_metric_is_what_the_whole_statement_finds(
    store: Engine, order: str, limit: int, filter: str
) -> None:
    wanted = {"order_by": (order,), "filter": filter, "limit": limit, "view": "all"}
    request = SearchRuns.model_construct(
        experiment_ids=None, experiment_names=None, page_token=None, **wanted
    )
    found, whole = search_runs(store, request), searched(store, **wanted)
    assert [run.run_id for run in found.runs] == whole.ids
    assert found.next_page_token == whole.next_page_token
