"""What a sweep tries: texts are read to spaces and written back, and errors name the parameter."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream.projects.sweeps.search_space import Choice, Number, Space, parse_space
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.secret_texts import redacted

FINITE = st.floats(-1e12, 1e12)
POSITIVE = st.floats(1e-12, 1e12)
WHOLE = st.integers(-(2**53), 2**53)
WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


def two(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1])


NUMBERS = st.one_of(
    two(FINITE).map(lambda ends: Number(*ends)),
    two(POSITIVE).map(lambda ends: Number(*ends, log=True)),
    two(WHOLE.map(float)).map(lambda ends: Number(*ends, whole=True)),
    two(st.integers(1, 2**53).map(float)).map(lambda ends: Number(*ends, whole=True, log=True)),
    st.builds(
        lambda low, steps, step: Number(float(low), float(low + steps * step), True, False, float(step)),
        st.integers(-1000, 1000),
        st.integers(1, 50),
        st.integers(2, 9),
    ),
)
CHOICES = st.lists(WORD, min_size=2, max_size=5, unique=True).map(lambda words: Choice(tuple(words)))


@given(st.dictionaries(st.sampled_from(["a", "lr", "n", "opt"]), NUMBERS | CHOICES, min_size=1))
def test_what_is_written_is_read_back(searched: dict[str, Choice | Number]) -> None:
    space = Space(searched, {})
    assert parse_space(space.texts()) == space


@given(st.text(max_size=30))
def test_a_fixed_text_is_read_back_whatever_it_is(text: str) -> None:
    space = Space({"x": Number(0, 1)}, {"given": text})
    assert parse_space(space.texts()).fixed == redacted({"given": text})


@given(st.text(max_size=30), st.sampled_from(["log:", "int:", "float:", "logint:", "choice:", "2:", ""]))
def test_any_text_is_a_space_a_value_or_an_error_that_names_it(text: str, kind: str) -> None:
    wrong: InvalidInput | None = None
    try:
        found = parse_space({"x": "0:1", "p": kind + text})
    except InvalidInput as error:
        wrong = error
    if wrong is not None:
        assert wrong.field == "parameter p"
        return
    one = found.searched.get("p")
    if isinstance(one, Number):
        assert math.isfinite(one.low)
        assert one.low < one.high
        assert one.low > 0 or not one.log
    assert ("p" in found.fixed) != ("p" in found.searched)


@given(NUMBERS, st.floats(0, 1))
def test_the_text_of_a_value_is_the_same_number(one: Number, part: float) -> None:
    number = min(one.high, max(one.low, one.low + part * (one.high - one.low)))
    if one.whole:
        number = float(math.floor(number))
        assert int(one.value(number)) == number
    else:
        assert float(one.value(number)) == number


def test_the_forms() -> None:
    found = parse_space(
        {
            "lr": "log:1e-4:1e-1",
            "depth": "int:2:8",
            "opt": "choice:adam, sgd",
            "wd": "0.1:0.5",
            "drop": "float:0:0.35:0.1",
            "width": "logint:16:1024",
            "seed": "7",
            "data": "runs:/abc/data",
            "at": "fixed:12:30",
            "note": "a:b",
        }
    )
    assert found.searched == {
        "lr": Number(1e-4, 1e-1, log=True),
        "depth": Number(2, 8, whole=True),
        "opt": Choice(("adam", "sgd")),
        "wd": Number(0.1, 0.5),
        "drop": Number(0.0, 0.3, step=0.1),
        "width": Number(16, 1024, whole=True, log=True),
    }
    assert found.fixed == {"seed": "7", "data": "runs:/abc/data", "at": "12:30", "note": "a:b"}
    assert parse_space({"drop": "float:0:1:0.1"}).grid()[3] == {"drop": "0.3"}
    # 0.3 - 0.1 is less than 0.2 in binary.
    assert parse_space({"drop": "float:0.1:0.3:0.2"}).grid() == [{"drop": "0.1"}, {"drop": "0.3"}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lgo:1e-4:1e-1", "did you mean log:1e-4:1e-1"),
        ("linear:1:2", "one of log:"),
        ("log:0:1", "LOW above 0"),
        ("log:1:0.1", "LOW below HIGH"),
        ("log:1", "log:LOW:HIGH"),
        ("log:1:10:2", "log:LOW:HIGH"),
        ("int:2:8.5", "whole numbers"),
        ("int:2:99999999999999999999", "whole numbers of at most"),
        ("float:1:nan", "with numbers"),
        ("float:0:1e999", "with numbers"),
        ("float:0:1:0", "STEP above 0"),
        ("float:0:1:1e-300", "a larger STEP"),
        ("int:0:4:5", "STEP above 0"),
        ("8:2", "LOW below HIGH"),
        ("12:30:00", "fixed:12:30:00"),
        ("choice:adam", "at least two different"),
        ("choice:a,,b", "at least two different"),
        ("choice:a,a", "at least two different"),
    ],
)
def test_what_is_wrong_is_told_with_its_parameter(text: str, told: str) -> None:
    with pytest.raises(InvalidInput, match="parameter lr: got") as caught:
        parse_space({"lr": text})
    assert told in str(caught.value)


def test_a_space_has_something_to_try_and_no_secrets() -> None:
    with pytest.raises(InvalidInput, match="at least one parameter to try"):
        parse_space({"seed": "7"})
    with pytest.raises(InvalidInput, match="parameter api_key") as caught:
        parse_space({"api_key": "choice:hunter2,hunter3"})
    assert "hunter" not in str(caught.value)
    assert parse_space({"x": "0:1", "api_key": "hunter2"}).texts() == {
        "x": "float:0.0:1.0",
        "api_key": "[redacted]",
    }


def test_corners_have_every_end_and_every_choice() -> None:
    found = parse_space({"n": "int:2:8", "opt": "choice:a,b,c", "seed": "7"}).corners()
    assert found == [
        {"seed": "7", "n": "2", "opt": "a"},
        {"seed": "7", "n": "8", "opt": "b"},
        {"seed": "7", "n": "2", "opt": "c"},
    ]


def test_a_grid_is_all_values_with_each_other() -> None:
    found = parse_space({"n": "int:2:6:2", "opt": "choice:a,b"}).grid()
    assert [tuple(one.values()) for one in found] == [
        ("2", "a"), ("2", "b"), ("4", "a"), ("4", "b"), ("6", "a"), ("6", "b"),
    ]  # fmt: skip
    with pytest.raises(InvalidInput, match="parameter lr"):
        parse_space({"lr": "log:1e-4:1"}).grid()
    with pytest.raises(InvalidInput, match="at most 100000"):
        parse_space({"a": "int:1:1000", "b": "int:1:1000"}).grid()
