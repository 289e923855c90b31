"""What filters and sort terms are read as, and what is said about wrong ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.errors import FilterSyntaxError
from trackstream_api.search.grammar import MAX_COMPARISONS, MAX_JOINS, parse_filter
from trackstream_api.search.order_by import OrderTerm, parse_order_by
from trackstream_api.search.vocabulary import RUNS
from trackstream_schemas.errors import InvalidInput


def read(text: str) -> list[tuple[str, str, str, object]]:
    return [
        (found.identifier.entity, found.identifier.key, found.operator, found.value)
        for found in parse_filter(text, RUNS)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.loss<.5", [("metric", "loss", "<", 0.5)]),
        ("metrics.5 > 1", [("metric", "5", ">", 1)]),
        ("metrics.1e5 > 1e5", [("metric", "1e5", ">", 1e5)]),
        ("metrics.a.b.1 >= -3", [("metric", "a.b.1", ">=", -3)]),
        ("metrics.and = +2.", [("metric", "and", "=", 2.0)]),
        ("`metrics`.`a b` = 1", [("metric", "a b", "=", 1)]),
        ("metrics.größe = 1", [("metric", "größe", "=", 1)]),
        ("params.x = 'a' AnD tags.y iLiKe \"b\"", [("param", "x", "=", "a"), ("tag", "y", "ILIKE", "b")]),
        ("params.x = 'it''s \\ \"q\"'", [("param", "x", "=", 'it\'s \\ "q"')]),
        ("params.x='' and params.y=\"\"", [("param", "x", "=", ""), ("param", "y", "=", "")]),
        ("\n\tparams.x\n!=\n'a'\n", [("param", "x", "!=", "a")]),
        ("params.x\tis\nnot  NULL", [("param", "x", "IS NOT NULL", None)]),
        ("run_id not in ( 'a' , \"b\", )", [("attribute", "run_id", "NOT IN", ("a", "b"))]),
        ("Created > 1", [("attribute", "start_time", ">", 1)]),
        ("run.`Run Name` = 'a'", [("attribute", "run_name", "=", "a")]),
        ("datasets.context IN ('a')", [("dataset", "context", "IN", ("a",))]),
    ],
)
def test_reads(text: str, expected: list[tuple[str, str, str, object]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "found", "expected"),
    [
        ("metrics.loss", 12, "the end", "an operator for metric 'loss': =, !=, <, <=, >, >="),
        ("metrics.loss <", 14, "the end", "a number"),
        ("metrics.loss < '0.5'", 15, "\"'0.5'\"", "not in quotes"),
        ("metrics.loss LIKE 'a'", 13, "'LIKE'", "an operator for metric"),
        ("metrics.loss < 1 or metrics.a > 2", 17, "'or'", "OR is not part"),
        ("metrics.loss < 1 metrics.a > 2", 17, "'metrics'", "AND and another comparison"),
        ("metrics.loss < 1 and", 20, "the end", "a comparison such as metrics.loss < 0.5"),
        ("and metrics.loss < 1", 0, "'and'", "a comparison such as"),
        ("(metrics.loss < 1)", 0, "'('", "a comparison such as"),
        ("params.lr = 0.1", 12, "'0.1'", "in quotes to compare param 'lr' with, as in '0.1'"),
        ("params.lr = `a`", 12, "'`a`'", "in quotes"),
        ("params.lr > '1'", 10, "'>'", "=, !=, LIKE, ILIKE, IS NULL, IS NOT NULL"),
        ("params.lr IN ('1')", 10, "'IN'", "=, !=, LIKE"),
        ("params.lr = 'a", 12, '"\'a"', "a closing '"),
        ("params.`lr = 'a'", 7, "\"`lr = 'a'\"", "a closing `"),
        ("params.a-b = 'x'", 8, "'-'", "back-ticks, as in metrics.`val-loss`"),
        ("params.a/b = 'x'", 8, "'/'", "back-ticks"),
        ("params. lr = 'x'", 8, "'lr'", "right after the dot"),
        ("params.'lr' = 'x'", 7, "\"'lr'\"", "a key right after the dot"),
        ("statsu = 'a'", 0, "'statsu'", "did you mean status?"),
        ("attributes.colour = 'a'", 11, "'colour'", "run_name, start_time, status, user_id"),
        ("Metrics.loss < 1", 0, "'Metrics'", "metrics.KEY"),
        ("dataset.size = 'a'", 8, "'size'", "context, digest, name"),
        ("status IN ('a')", 7, "'IN'", "=, !=, LIKE, ILIKE"),
        ("status IS NULL", 7, "'IS'", "=, !=, LIKE, ILIKE"),
        ("params.a IS 'x'", 12, "\"'x'\"", "NULL"),
        ("params.a NOT LIKE 'x'", 13, "'LIKE'", "IN"),
        ("run_id IN ()", 11, "')'", "a string in quotes"),
        ("run_id IN ('a' 'b')", 15, "\"'b'\"", "a comma"),
        ("run_id IN 'a'", 10, "\"'a'\"", "a list of strings"),
        ("run_id IN (1)", 11, "'1'", "as in '1'"),
        ("start_time > 'x'", 13, "\"'x'\"", "a number"),
        ("0.5 > metrics.loss", 0, "'0.5'", "a name first"),
        ("'a' = params.lr", 0, "\"'a'\"", "a comparison such as"),
        ("metrics.loss == 1", 14, "'='", "a number"),
        ("metrics.loss <> 1", 14, "'>'", "a number"),
        ("params.a = 'x'; drop", 14, "';'", "joined to others with AND"),
        ("metrics.loss < nan", 15, "'nan'", "a number"),
        ("metrics.loss < 1e", 15, "'1e'", "a number"),
    ],
)
def test_error_shows_where_and_what(text: str, position: int, found: str, expected: str) -> None:
    with pytest.raises(FilterSyntaxError) as caught:
        parse_filter(text, RUNS)
    assert caught.value.position == position
    first, shown, caret = str(caught.value).splitlines()
    assert first.startswith(f"filter: at position {position}: got {found}, expected ")
    assert expected in first
    assert shown[2:] == text
    assert caret.index("^") == 2 + position


def test_pointer_stays_readable_in_a_long_filter() -> None:
    text = " and ".join(f"run_id != '{index}'" for index in range(50)) + " nonsense"
    with pytest.raises(FilterSyntaxError) as caught:
        parse_filter(text, RUNS)
    _, shown, caret = str(caught.value).splitlines()
    assert len(shown) < 140
    assert shown[caret.index("^") :] == "nonsense"


@given(st.text(alphabet=st.sampled_from("metricsparams.tag`'\"=<>!()0123 andINnot,\\-é\x00"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    position = 0
    try:
        parse_filter(text, RUNS)
    except FilterSyntaxError as error:
        position = error.position
    assert 0 <= position <= len(text)


@given(key=st.text(min_size=1), value=st.text())
def test_any_key_and_value_can_be_quoted(key: str, value: str) -> None:
    text = "tags.`{}` = '{}'".format(key.replace("`", "``"), value.replace("'", "''"))
    assert read(text) == [("tag", key, "=", value)]


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("metrics.loss", OrderTerm("metric", "loss", True)),
        ("metrics.`val loss` DESC", OrderTerm("metric", "val loss", False)),
        ('params."a" asc', OrderTerm("param", "a", True)),
        ("Created desc", OrderTerm("attribute", "start_time", False)),
        ("attribute.end_time", OrderTerm("attribute", "end_time", True)),
    ],
)
def test_order(term: str, expected: OrderTerm) -> None:
    assert parse_order_by([term], RUNS) == (expected,)


@pytest.mark.parametrize(
    ("term", "position"),
    [
        ("", 0),
        ("metrics.a up", 10),
        ("metrics.a, metrics.b", 9),
        ("nothing", 0),
        ("dataset.name", 0),
        ("metrics.a > 1", 10),
    ],
)
def test_wrong_order(term: str, position: int) -> None:
    with pytest.raises(FilterSyntaxError) as caught:
        parse_order_by(["start_time", term], RUNS)
    assert caught.value.position == position
    assert caught.value.field == "order_by[1]"


def test_order_names_a_key_once() -> None:
    with pytest.raises(InvalidInput, match=r"order_by\[1\]"):
        parse_order_by(["Created", "start_time DESC"], RUNS)


def test_a_filter_has_an_end() -> None:
    one = "run_id != 'x'"
    assert len(read(" and ".join([one] * MAX_COMPARISONS))) == MAX_COMPARISONS
    with pytest.raises(FilterSyntaxError, match="at most 100 comparisons") as refused:
        read(" and ".join([one] * 2000))
    assert refused.value.position == MAX_COMPARISONS * len(f"{one} and ") - len("and ")
    assert len(str(refused.value)) < 500


def test_a_filter_compares_so_many_keys() -> None:
    allowed = [f"metrics.m{number} < 1" for number in range(MAX_JOINS)]
    assert len(read(" and ".join([*allowed, "run_id != 'x'"]))) == MAX_JOINS + 1
    with pytest.raises(FilterSyntaxError, match="at most 20 comparisons of") as refused:
        read(" and ".join([*allowed, "params.m0 = 'x'"]))
    assert refused.value.position == len(" and ".join([*allowed, ""]))
