"""History and diff over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id, registered_model_id_of

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer


def history(server: LiveServer, kind: str, entity_id: str, limit: int = 1000) -> list[dict[str, Any]]:
    """Return all entries, read in pages of `limit`."""
    found: list[dict[str, Any]] = []
    token = None
    while True:
        query = {"limit": limit} | ({"page_token": token} if token else {})
        page = server.call("GET", f"/api/v1/history/{kind}/{entity_id}", params=query)
        assert len(page["entries"]) <= limit
        assert page["entries"]
        found += page["entries"]
        token = page["next_page_token"]
        if token is None:
            return found


def changed(entry: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {change["field"]: (change["before"], change["after"]) for change in entry["changes"]}


def metrics(run_id: str, values: list[float], first: int = 0) -> e.MetricsLogged:
    steps = first + np.arange(len(values))
    index = np.zeros(len(values), np.int32)
    return e.MetricsLogged(run_id, "", ("loss",), index, steps, 1000 + steps, np.array(values))


def test_a_run_from_start_to_end(server: LiveServer) -> None:
    run_id = server.new_run()
    server.log(e.ParamsLogged(run_id, {"lr": "0.1"}))
    server.log(e.ParamsLogged(run_id, {"lr": "0.2"}))
    server.log(e.TagsSet(run_id, {"note": "a"}))
    server.log(e.TagsSet(run_id, {"note": "b"}))
    server.log(e.TagsDeleted(run_id, ["note"]))
    server.log(e.ArtifactLogged(run_id, "a.txt", 5, "a" * 64))
    server.log(e.ArtifactDeleted(run_id, "a.txt"))
    server.log(e.RunUpdated(run_id, "FINISHED", 1_800_000_000_000))
    entries = history(server, "runs", run_id)
    assert [entry["type"] for entry in entries] == [
        "RunStarted",
        "ParamsLogged",
        "ParamsLogged",
        "TagsSet",
        "TagsSet",
        "TagsDeleted",
        "ArtifactLogged",
        "ArtifactDeleted",
        "RunUpdated",
    ]
    started, first, second, set_, reset, removed, logged, deleted, ended = map(changed, entries)
    assert started["status"] == (None, "RUNNING")
    assert first == {"params.lr": (None, "0.1")}
    assert second["conflicts"][1]["rejected"] == "0.2"
    assert set_ == {"tags.note": (None, "a")}
    assert reset == {"tags.note": ("a", "b")}
    assert removed == {"tags.note": ("b", None)}
    assert logged == {"artifacts.a.txt": (None, {"size": 5, "sha256": "a" * 64})}
    assert deleted == {"artifacts.a.txt": ({"size": 5, "sha256": "a" * 64}, None)}
    assert ended == {"status": ("RUNNING", "FINISHED"), "end_time": (None, 1_800_000_000_000)}
    assert entries[3]["position"].startswith("trackstream.runs:0:")
    assert entries[3]["body"] == {"run_id": run_id, "tags": {"note": "a"}}
    for limit in (1, 4):
        assert history(server, "runs", run_id, limit) == entries


def test_an_experiment_and_a_logged_model(server: LiveServer) -> None:
    experiment_id = server.new_experiment()
    server.log(
        e.ExperimentRenamed(experiment_id, f"renamed {experiment_id}"), e.ExperimentDeleted(experiment_id)
    )
    created, renamed, deleted = map(changed, history(server, "experiments", experiment_id))
    assert renamed["name"] == (created["name"][1], f"renamed {experiment_id}")
    assert deleted == {"lifecycle_stage": ("active", "deleted")}
    model_id = f"m-{new_id()}"
    server.log(
        e.LoggedModelCreated(model_id, "0", "forest"),
        e.LoggedModelFinalized(model_id, "READY"),
        e.ArtifactLogged(model_id, "MLmodel", 1, "b" * 64),
    )
    found = [changed(entry) for entry in history(server, "logged-models", model_id)]
    assert found[1] == {"status": ("PENDING", "READY")}
    assert "artifacts.MLmodel" in found[2]


def test_a_registered_model_by_name_with_its_versions(server: LiveServer) -> None:
    name = f"guard {new_id()}"
    model_id = registered_model_id_of(name)
    server.log(
        e.RegisteredModelCreated(model_id, name, new_id()),
        e.ModelVersionCreated(model_id, new_id(), "runs:/x/m"),
        e.ModelVersionTagsSet(model_id, 1, {"a": "b"}),
        e.ModelAliasSet(model_id, "champion", 1),
        e.RegisteredModelRenamed(model_id, f"{name} again"),
    )
    entries = history(server, "models", f"{name} again")
    assert history(server, "models", model_id) == history(server, "models", name) == entries
    _, version, tags, alias, renamed = map(changed, entries)
    assert version["versions.1.source"] == (None, "runs:/x/m")
    assert version["stages.1"][0] is None
    assert tags == {"versions.1.tags.a": (None, "b")}
    assert alias["aliases.champion"] == (None, 1)
    assert renamed["name"] == (name, f"{name} again")


def test_what_nobody_has_heard_of(server: LiveServer) -> None:
    server.call("GET", f"/api/v1/history/runs/{new_id()}", 404)
    server.call("GET", "/api/v1/history/models/nobody", 404)
    refused = server.call("GET", "/api/v1/history/launches/x", 404)
    assert "nothing is known of launch 'x'" in refused["message"]
    server.call("GET", "/api/v1/history/walks/x", 400)


def diff(server: LiveServer, a: str, b: str, status: int = 200, **moments: str) -> Any:
    return server.call("GET", "/api/v1/diff/runs", status, params={"a": a, "b": b, **moments})


def differing(found: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {item["field"]: (item["a"], item["b"]) for item in found["differences"]}


def test_two_moments_of_a_run(server: LiveServer) -> None:
    run_id = server.new_run()
    server.log(metrics(run_id, [1.0, 0.5]), e.TagsSet(run_id, {"note": "a"}))
    noted = history(server, "runs", run_id)[-1]["position"]
    server.log(metrics(run_id, [float("nan")], 2), e.TagsSet(run_id, {"note": "b"}))
    server.log(e.RunUpdated(run_id, "FINISHED", 1_800_000_000_000))
    found = diff(server, run_id, run_id, a_at=noted)
    assert differing(found) == {
        "status": ("RUNNING", "FINISHED"),
        "end_time": (None, 1_800_000_000_000),
        "tags.note": ("a", "b"),
        "metrics.loss": (
            {"value": 0.5, "step": 1, "timestamp": 1001},
            {"value": "NaN", "step": 2, "timestamp": 1002},
        ),
    }
    assert (found["a"]["moment"], found["a"]["version"], found["b"]["moment"]) == (noted, noted, "now")
    assert differing(diff(server, run_id, run_id)) == {}
    assert differing(diff(server, run_id, run_id, a_at=noted, b_at=noted)) == {}


def test_a_rewind_counts_from_its_own_moment_on(server: LiveServer) -> None:
    run_id = server.new_run()
    server.log(metrics(run_id, [3.0, 2.0, 1.0]), e.TagsSet(run_id, {"mark": "before"}))
    before = history(server, "runs", run_id)[-1]["position"]
    server.log(e.RunRewound(run_id, "", 0), metrics(run_id, [9.0], 1), e.TagsSet(run_id, {"mark": "after"}))
    found = differing(diff(server, run_id, run_id, a_at=before))
    assert [side["value"] for side in found["metrics.loss"]] == [1.0, 9.0]


def test_two_runs(server: LiveServer) -> None:
    one, two = server.new_run(), server.new_run()
    server.log(e.ParamsLogged(one, {"lr": "0.1", "same": "x"}), metrics(one, [1.0]))
    server.log(e.ParamsLogged(two, {"lr": "0.2", "same": "x"}))
    found = differing(diff(server, one, two))
    assert found["params.lr"] == ("0.1", "0.2")
    assert found["metrics.loss"] == ({"value": 1.0, "step": 0, "timestamp": 1000}, None)
    assert "params.same" not in found


def test_a_history_as_of_an_earlier_moment(server: LiveServer) -> None:
    run_id = server.new_run()
    server.log(e.TagsSet(run_id, {"note": "a"}))
    server.log(e.TagsSet(run_id, {"note": "b"}))
    entries = history(server, "runs", run_id)
    path = f"/api/v1/history/runs/{run_id}"
    then = server.call("GET", path, params={"as_of": entries[1]["position"]})
    assert then == {"entries": entries[:2], "next_page_token": None}
    paged = server.call("GET", path, params={"as_of": entries[1]["position"], "limit": 1})
    query = {"as_of": entries[1]["position"], "page_token": paged["next_page_token"]}
    assert server.call("GET", path, params=query) == {"entries": entries[1:2], "next_page_token": None}
    other = server.new_run()
    refused = server.call(
        "GET", f"/api/v1/history/runs/{other}", 404, params={"as_of": entries[1]["position"]}
    )
    assert "nothing was known" in refused["message"]


@pytest.mark.parametrize("moment", ["yesterday", "runs:0", "9999999999999"])
def test_a_moment_that_cannot_be(server: LiveServer, moment: str) -> None:
    run_id = server.new_run()
    assert diff(server, run_id, run_id, 400, a_at=moment)["field"] == "a_at"


def test_a_moment_before_the_run(server: LiveServer) -> None:
    run_id = server.new_run()
    assert "at that moment" in diff(server, run_id, run_id, 404, b_at="1000000000000")["message"]
    diff(server, run_id, new_id(), 404)
