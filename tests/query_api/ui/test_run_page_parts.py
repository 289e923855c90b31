"""The run's page: what it says of completeness, how charts are grouped and addressed, how runs are loaded."""

from __future__ import annotations

import ast
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from trackstream_api.ui.pages.run.about import commit_url
from trackstream_api.ui.pages.run.loading import snippets
from trackstream_api.ui.pages.run.metric_groups import ChartChoice, grouped
from trackstream_api.ui.pages.run.proof import missing_of, sentence


def writer(**fields: Any) -> dict[str, Any]:
    sent = {"batches": 2, "points": 10, "run_events": 3, "artifact_events": 1}
    return {
        "writer": "",
        "producer_id": "p1",
        "sent": sent,
        "projected": sent,
        "lost_points": 0,
        "lost_events": 0,
        "metrics": [],
        "missing_sequences": [],
        **fields,
    }


def found(completeness: str, *writers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"completeness": completeness, "writers": list(writers), "records_behind": 0, **fields}


def test_a_complete_run_says_what_is_here() -> None:
    assert sentence(found("complete", writer())) == (
        "Everything that its writer sent is here: 10 points in 2 batches, and 4 other events."
    )
    assert "its 2 writers sent is here: 20 points in 4 batches" in sentence(
        found("complete", writer(), writer(writer="rank 1"))
    )


def test_what_is_under_way() -> None:
    assert sentence(found("in flight", writer(), records_behind=1)) == (
        "1 record on the log is not read yet."
    )
    assert sentence(found("in flight", writer())).startswith("The run goes on")


def test_what_nobody_reported() -> None:
    assert sentence(found("unconfirmed")).startswith("No writer has reported")
    assert sentence(found("unconfirmed", writer(), summary="unconfirmed: x")) == "Unconfirmed: x."


def test_exactly_what_is_missing() -> None:
    missing = writer(
        writer="rank 1",
        metrics=[{"key": "loss", "sent": 10, "projected": 8}, {"key": "lr", "sent": 1, "projected": 1}],
        missing_sequences=[{"first": 4, "last": 4}, {"first": 7, "last": 9}],
        lost_points=5,
        lost_events=1,
    )
    assert missing_of(missing) == [
        "rank 1: 2 points of loss",
        "rank 1: events 4, 7–9 of process p1",
        "rank 1: 5 points and 1 other event that its process could not keep",
    ]
    assert missing_of(writer()) == []


def test_metrics_are_grouped_by_what_stands_before_the_slash() -> None:
    assert grouped(["val/loss", "lr", "train/loss", "train/a/b"]) == {
        "": ["lr"],
        "train": ["train/a/b", "train/loss"],
        "val": ["val/loss"],
    }
    assert grouped(["system/cpu", "system/gpu/0"], "system/") == {"": ["system/cpu"], "gpu": ["system/gpu/0"]}


@pytest.mark.parametrize(
    "choice",
    [
        ChartChoice(),
        ChartChoice("loss", "relative", 0.6, True, True, frozenset({"", "train", "a,b", "50%"})),
        ChartChoice(closed=frozenset({""})),
    ],
)
def test_a_choice_of_charts_is_in_the_address(choice: ChartChoice) -> None:
    kept = {name: value for name, value in choice.query().items() if value is not None}
    read = parse_qs(urlencode(kept))
    assert ChartChoice.asked(lambda name: read[name][0] if name in read else None) == choice


@pytest.mark.parametrize(("name", "value"), [("x", "weeks"), ("smoothing", "nan"), ("smoothing", "2")])
def test_an_address_that_says_it_wrongly_is_as_at_first(name: str, value: str) -> None:
    assert ChartChoice.asked(lambda asked: value if asked == name else None) == ChartChoice()


def test_a_filter_finds_any_of_its_words() -> None:
    choice = ChartChoice(filter="LOSS acc")
    assert [key for key in ("val/loss", "accuracy", "lr") if choice.shows(key)] == ["val/loss", "accuracy"]


def test_snippets_are_programs() -> None:
    for _, name, text in snippets("http://127.0.0.1:5000", "abc", 'it\'s "odd"'):
        if name.endswith(".py"):
            ast.parse(text)
        assert "abc" in text
        assert "http://127.0.0.1:5000" in text


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b/commit/12ab"),
        ("https://user:secret@github.com/a/b", None),
        ("git@github.com:a/b.git", None),
        ("javascript:alert(1)//", None),
        ("", None),
    ],
)
def test_where_a_commit_can_be_seen(repository: str, address: str | None) -> None:
    assert commit_url(repository, "12ab") == address
