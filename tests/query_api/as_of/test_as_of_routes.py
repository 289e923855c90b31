"""`as_of` over HTTP: every route that takes it, and what is refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id, registered_model_id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.query_api.live_server import LiveServer

AS_OF = "x-trackstream-as-of"


def points(run_id: str, first: int, *values: float) -> e.MetricsLogged:
    steps = first + np.arange(len(values))
    index = np.zeros(len(values), np.int32)
    return e.MetricsLogged(run_id, "", ("loss",), index, steps, 1000 + steps, np.array(values))


class Past(NamedTuple):
    """A moment of a store, what it was asked then, and what it answered."""

    position: str
    before: int
    """A time just before the first of what is asked for."""
    run_id: str
    questions: dict[str, Callable[..., Any]]
    answers: dict[str, Any]


@pytest.fixture(scope="module")
def past(server: LiveServer) -> Past:
    """A store in which all that is asked for has changed since."""
    before = _a_tick_later()
    name = f"model {new_id()}"
    model_id = registered_model_id_of(name)
    experiment_id = server.new_experiment(f"vision {name}")
    run_id = server.new_run(experiment_id)
    other = server.new_run(experiment_id)
    server.log(
        e.ParamsLogged(run_id, {"lr": "0.1"}),
        points(run_id, 0, 0.5, 0.25),
        points(other, 0, 0.75),
        e.ArtifactLogged(run_id, "a.txt", 5, "a" * 64),
        e.RegisteredModelCreated(model_id, name, new_id()),
        e.ModelVersionCreated(model_id, new_id(), "runs:/x/m"),
        e.ModelAliasSet(model_id, "champion", 1),
        e.TagsSet(run_id, {"mark": "old"}),
    )
    entries = server.call("GET", f"/api/v1/history/runs/{run_id}", params={"limit": 1000})["entries"]
    position = next(entry["position"] for entry in entries if entry["type"] == "TagsSet")
    run = f"/api/v1/runs/{run_id}"
    gets: dict[str, tuple[str, dict[str, Any]]] = {
        "run": (run, {}),
        "metrics": (f"{run}/metrics", {}),
        "history": (f"{run}/metric-history", {"key": "loss"}),
        "steps": (f"{run}/metric-steps", {"key": "loss"}),
        "branches": (f"{run}/branches", {}),
        "files": (f"{run}/artifacts", {}),
        "experiment": (f"/api/v1/experiments/{experiment_id}", {}),
        "experiments": ("/api/v1/experiments", {"filter": "name LIKE 'vision%'"}),
        "named": ("/api/v1/experiments", {"name": f"vision {name}"}),
        "models": ("/api/v1/models", {"filter": f"name = '{name}'"}),
        "model": (f"/api/v1/models/{name}", {}),
        "versions": ("/api/v1/model-versions", {"filter": f"name = '{name}'"}),
        "version": (f"/api/v1/models/{name}/versions/1", {}),
        "alias": (f"/api/v1/models/{name}/aliases/champion", {}),
    }
    posts = {
        "search": ("/api/v1/runs/search", {"experiment_ids": [experiment_id], "order_by": ["metrics.loss"]}),
        "found": (
            "/api/v1/runs/search",
            {"experiment_names": [f"vision {name}"], "filter": "tags.mark = 'old'"},
        ),
        "best": ("/api/v1/runs/best", {"experiment_ids": [experiment_id], "metric": "loss"}),
        "series": ("/api/v1/metrics/series", {"run_ids": [run_id, other], "keys": ["loss"]}),
        "files of runs": ("/api/v1/artifacts/search", {"run_ids": [run_id, other]}),
    }

    def getting(path: str, query: dict[str, Any]) -> Callable[..., Any]:
        return lambda **moment: server.client.get(path, params={**query, **moment})

    def posting(path: str, body: dict[str, Any]) -> Callable[..., Any]:
        return lambda **moment: server.client.post(path, json={**body, **moment})

    questions = {what: getting(*asked) for what, asked in gets.items()}
    questions |= {what: posting(*asked) for what, asked in posts.items()}
    answers = {what: ask() for what, ask in questions.items()}
    assert {answer.status_code for answer in answers.values()} == {200}
    _a_tick_later()
    server.log(
        e.TagsSet(run_id, {"mark": "new"}),
        e.RunUpdated(run_id, "FINISHED", 1_800_000_000_000, "another name"),
        e.RunRewound(run_id, "", 0),
        points(run_id, 1, 9.0),
        points(other, 1, 0.1),
        e.RunDeleted(other),
        e.ArtifactDeleted(run_id, "a.txt"),
        e.ExperimentRenamed(experiment_id, f"vision again {name}"),
        e.ModelAliasSet(model_id, "champion", 2),
        e.ModelVersionUpdated(model_id, 1, "described"),
        e.ModelVersionCreated(model_id, new_id(), "runs:/x/n"),
        e.RegisteredModelRenamed(model_id, f"{name} again"),
    )
    server.new_run(experiment_id)
    return Past(position, before, run_id, questions, {what: found.json() for what, found in answers.items()})


def _a_tick_later() -> int:
    """Return the time once the log's clock, which counts milliseconds, has gone on; it goes on again."""
    millis = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= millis + 1:
        time.sleep(0.001)
    return millis + 1


def test_every_question_is_answered_as_it_was_then(past: Past) -> None:
    changed = {what for what, ask in past.questions.items() if ask().json() != past.answers[what]}
    assert changed == set(past.questions), "what has not changed says nothing of the past"
    exact = {past.questions[what](as_of=past.position).headers[AS_OF] for what in past.questions}
    assert len(exact) == 1
    for moment in (past.position, exact.pop()):
        for what, ask in past.questions.items():
            assert ask(as_of=moment).json() == past.answers[what], what
    now = past.questions["run"](as_of="now")
    assert AS_OF not in now.headers
    assert now.json()["tags"]["mark"] == "new"


def test_before_they_began_there_was_nothing(past: Past) -> None:
    assert past.questions["run"](as_of=past.before).status_code == 404
    assert past.questions["model"](as_of=past.before).status_code == 404
    assert past.questions["series"](as_of=str(past.before)).json() == {"series": []}
    assert past.questions["models"](as_of=past.before).json()["models"] == []


@pytest.mark.parametrize(
    ("moment", "right"),
    [
        ("yesterday", "10m for ten minutes ago"),
        ("9999999999999", "not in the future"),
        ("1000000000000", "the log's beginning, 20"),
        ("runs:0:999999", "the last one is trackstream.runs:0:"),
        ("runs:77:0", "that partition holds none"),
        ("runs=1", "an offset for partition 0 of trackstream"),
        ("walks=1", "one of"),
    ],
)
def test_a_moment_that_cannot_be_is_told_what_would_be_right(past: Past, moment: str, right: str) -> None:
    for what in ("run", "search"):
        refused = past.questions[what](as_of=moment)
        assert (refused.status_code, refused.json()["field"]) == (400, "as_of")
        assert right in refused.json()["message"]


def test_a_cut_behind_the_logs_end(past: Past) -> None:
    exact = past.questions["run"](as_of=past.position).headers[AS_OF]
    beyond = ",".join(f"{part}000000" if part.startswith("runs=") else part for part in exact.split(","))
    refused = past.questions["run"](as_of=beyond)
    assert refused.status_code == 400
    assert "of trackstream.runs, where the log ends" in refused.json()["message"]


def test_completeness_is_only_told_as_it_is(server: LiveServer, past: Past) -> None:
    path = f"/api/v1/runs/{past.run_id}/completeness"
    assert server.call("GET", path, 400, params={"as_of": past.position})["field"] == "as_of"
    body = {"filter": "tags.trackstream.completeness = 'complete'", "as_of": past.position}
    for path, more in (("search", {}), ("best", {"metric": "loss"})):
        refused = server.call("POST", f"/api/v1/runs/{path}", 400, json={**body, **more})
        assert refused["field"] == "filter"
        assert "only the newest is kept" in refused["message"]


def test_what_is_purged_is_gone_from_the_past_as_well(server: LiveServer) -> None:
    name = f"gone {new_id()}"
    experiment_id = server.new_experiment(name)
    run_id = server.new_run(experiment_id, [e.ExperimentDeleted(experiment_id)])
    server.log(points(run_id, 0, 1.0), e.TagsSet(run_id, {"a": "b"}))
    position = server.call("GET", f"/api/v1/history/runs/{run_id}")["entries"][-1]["position"]
    then = {"as_of": position}
    paths = (
        f"/api/v1/runs/{run_id}",
        f"/api/v1/experiments/{experiment_id}",
        f"/api/v1/runs/{run_id}/artifacts",
    )
    for path in paths:
        server.call("GET", path, params=then)
    server.log(e.RunPurged(run_id), e.ExperimentPurged(experiment_id))
    for path in paths:
        server.call("GET", path, 404, params=then)
    history = {"key": "loss", **then}
    server.call("GET", f"/api/v1/runs/{run_id}/metric-history", 404, params=history)
