"""The embedded store and the real stack answer the same questions in the same way.

The story is logged to both, half of it straight to the log and half through the API. On the real stack two
API replicas are asked in turn, and two consumers of each kind share four partitions.
"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.acceptance.normal_form import normal
from tests.integration.acceptance.stacks import EmbeddedComposition, NativeComposition, as_json, tell
from tests.integration.acceptance.story import CHUNKED, LARGE, STEPS
from tests.native_stack import native_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration


class Asked:
    """A composition to which the story was told, asked through its replicas in turn."""

    def __init__(self, composition: EmbeddedComposition | NativeComposition) -> None:
        self._apis = composition.apis
        self._turn = 0
        tell(composition)
        found = self.call("POST", "/api/v1/runs/search", json={"view": "all"})["body"]["runs"]
        self.names = {run["run_id"]: f"<{run['name']}>" for run in found}
        self.ids = {run["name"]: run["run_id"] for run in found}

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask the next replica."""
        self._turn += 1
        return self._apis[self._turn % len(self._apis)].request(method, path, **options)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return status and body."""
        return as_json(self.request(method, path, **options))

    def run(self, name: str) -> str:
        """Return the path of a run."""
        return f"/api/v1/runs/{self.ids[name]}"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    composition = EmbeddedComposition(tmp_path_factory.mktemp("embedded"))
    try:
        yield Asked(composition)
    finally:
        composition.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with native_stack(tmp_path_factory.mktemp("stack")) as started:
        yield started


@pytest.fixture(scope="module")
def native(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    composition = NativeComposition(stack, tmp_path_factory.mktemp("native"))
    try:
        yield Asked(composition)
    finally:
        composition.close()


def _experiments(store: Asked) -> Any:
    return store.call("GET", "/api/v1/experiments", params={"order_by": "name ASC"})


def _every_run(store: Asked) -> Any:
    return store.call("POST", "/api/v1/runs/search", json={"order_by": ["attributes.run_name ASC"]})


def _filtered(store: Asked) -> Any:
    body = {
        "experiment_names": ["search"],
        "filter": "params.lr != '0.01' AND metrics.loss < 0.9 AND tags.kind = 'sweep'",
        "order_by": ["metrics.loss DESC"],
    }
    return store.call("POST", "/api/v1/runs/search", json=body)


def _best(store: Asked) -> Any:
    body = {"experiment_names": ["search"], "metric": "loss", "mode": "min", "top": 2}
    return store.call("POST", "/api/v1/runs/best", json=body)


def _summary(store: Asked) -> Any:
    return store.call("GET", f"{store.run('lr-0.1')}/metrics")


def _history(store: Asked) -> Any:
    found = store.call("GET", f"{store.run('lr-0.01')}/metric-history", params={"key": "loss"})
    assert len(found["body"]["points"]) == STEPS
    return found


def _series(store: Asked) -> Any:
    names = ("lr-0.001", "lr-0.01", "lr-0.1")
    body = {"run_ids": [store.ids[name] for name in names], "keys": ["loss", "odd"], "buckets": 7}
    return store.call("POST", "/api/v1/metrics/series", json=body)


def _files(store: Asked) -> Any:
    top = store.call("GET", f"{store.run('files')}/artifacts")
    inner = store.call("GET", f"{store.run('files')}/artifacts", params={"path": "model"})
    assert len(inner["body"]["artifacts"]) == 3
    return [top, inner]


def _contents(store: Asked) -> Any:
    found = []
    for path, content in (("model/chunked.bin", CHUNKED), ("model/large.bin", LARGE), ("model/empty", b"")):
        answer = store.request("GET", f"{store.run('files')}/artifacts/content", params={"path": path})
        assert answer.content == content
        found.append((answer.status_code, answer.headers["etag"], answer.headers["content-type"]))
    part = store.request(
        "GET",
        f"{store.run('files')}/artifacts/content",
        params={"path": "model/large.bin"},
        headers={"range": "bytes=1000000-1000009"},
    )
    return [*found, part.status_code, part.headers["content-range"], part.content]


def _sql(store: Asked) -> Any:
    query = (
        "SELECT r.name, count() AS points, uniqExact(m.key) AS keys FROM v_metrics AS m"
        " JOIN v_runs AS r ON r.run_id = m.run_id GROUP BY r.name ORDER BY r.name"
    )
    return store.call("POST", "/api/v1/sql", json={"query": query})


def _events(store: Asked) -> Any:
    return len(store.call("GET", f"/api/v1/entities/runs/{store.ids['broken']}/events")["body"]["events"])


def _counts(store: Asked) -> Any:
    # A read first: the status itself never waits.
    assert store.call("GET", "/api/v1/dead-letters") == {"status": 200, "body": {"dead_letters": []}}
    status = store.call("GET", "/api/v1/status")["body"]
    return {name: status[name] for name in ("points", "runs", "experiments", "dead_letters", "failure")}


def _refusals(store: Asked) -> Any:
    return [
        store.call("GET", f"/api/v1/runs/{'0' * 32}"),
        store.call("POST", "/api/v1/runs/search", json={"filter": "metrics.loss <"}),
        store.call("POST", "/api/v1/sql", json={"query": "SELECT * FROM file('/etc/passwd')"}),
        store.call("POST", "/api/v1/experiments", json={"name": "search"}),
    ]


QUESTIONS: list[Callable[[Asked], Any]] = [
    _experiments,
    _every_run,
    _filtered,
    _best,
    _summary,
    _history,
    _series,
    _files,
    _contents,
    _sql,
    _events,
    _counts,
    _refusals,
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__.strip("_"))
def test_reads(question: Callable[[Asked], Any], embedded: Asked, native: Asked) -> None:
    assert normal(question(native), native.names) == normal(question(embedded), embedded.names)


def test_the_best_run_is_the_one_that_the_story_makes_best(native: Asked) -> None:
    assert [run["name"] for run in _best(native)["body"]["runs"]] == ["lr-0.1", "lr-0.01"]


def _write(store: Asked) -> Any:
    """Writes through one replica, each read at once through the other."""
    made = store.call("POST", "/api/v1/experiments", json={"name": "by hand", "tags": {"a": "1"}})
    path = f"/api/v1/experiments/{made['body']['experiment_id']}"
    said = [made, store.call("GET", path)]
    said += [store.call("PUT", f"{path}/tags", json={"b": "2"}), store.call("GET", path)]
    said += [store.call("PATCH", path, json={"name": "renamed"}), store.call("GET", path)]
    said += [store.request("DELETE", path).status_code, store.call("GET", path)]
    run = store.run("broken")
    said += [store.request("DELETE", run).status_code, store.call("GET", run)]
    said += [store.request("POST", f"{run}/restore").status_code, store.call("GET", run)]
    file = f"{run}/artifacts/content"
    content = hashlib.sha256(b"by hand").digest() * 1000
    said.append(store.call("PUT", file, params={"path": "by/hand"}, content=content))
    assert store.request("GET", file, params={"path": "by/hand"}).content == content
    said.append(store.request("DELETE", f"{run}/artifacts", params={"path": "by/hand"}).status_code)
    said.append(store.request("GET", file, params={"path": "by/hand"}).status_code)
    return said


def test_writes_are_read_at_once_through_another_replica(embedded: Asked, native: Asked) -> None:
    assert normal(_write(native), native.names) == normal(_write(embedded), embedded.names)


def _registry(store: Asked) -> Any:
    """A model's life, each act through one replica and the next through the other."""
    said = [store.call("POST", "/api/v1/models", json={"name": "vision", "tags": {"a": "1"}})]
    model = "/api/v1/models/vision"
    sources = [f"runs:/{store.ids[run]}/model" for run in ("lr-0.1", "lr-0.01", "files")]
    said += [store.call("POST", f"{model}/versions", json={"source": source}) for source in sources]
    said.append(store.call("PUT", f"{model}/aliases/champion", json={"version": 2}))
    said.append(store.call("POST", f"{model}/versions/1/stage", json={"stage": "Production"}))
    said.append(store.call("PATCH", model, json={"name": "sight"}))
    said.append(store.call("GET", "/api/v1/models/sight"))
    said.append(store.call("POST", "/api/v1/models", json={"name": "sight"}))
    said.append(store.call("GET", model))
    said.append(store.call("GET", "/api/v1/artifact-places", params={"uri": "models:/sight@champion"}))
    said.append(store.call("GET", "/api/v1/model-versions", params={"filter": "name = 'sight'"}))
    return said


def test_models_are_registered_the_same(embedded: Asked, native: Asked) -> None:
    assert normal(_registry(native), native.names) == normal(_registry(embedded), embedded.names)


def test_ten_writers_over_two_replicas_number_versions_without_a_gap(native: Asked) -> None:
    assert native.call("POST", "/api/v1/models", json={"name": "counted"})["status"] == 201

    def register(number: int) -> int:
        body = {"source": "s3://bucket/model", "tags": {"n": str(number)}}
        made = native.call("POST", "/api/v1/models/counted/versions", json=body)
        assert (made["status"], made["body"]["tags"]) == (201, {"n": str(number)})
        return int(made["body"]["version"])

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(register, range(40))) == list(range(1, 41))


def test_of_ten_creations_over_two_replicas_one_wins(native: Asked) -> None:
    """By log order: the replicas do not know of each other."""

    def create(number: int) -> int:
        made = native.call("POST", "/api/v1/models", json={"name": "contested", "description": str(number)})
        if made["status"] == 201:
            return number
        assert made["body"]["error_code"] == "RESOURCE_ALREADY_EXISTS"
        return -1

    with ThreadPoolExecutor(10) as pool:
        (winner,) = [number for number in pool.map(create, range(10)) if number >= 0]
    assert native.call("GET", "/api/v1/models/contested")["body"]["description"] == str(winner)


def _then_and_now(store: Asked) -> Any:
    """Answers that each replica gives again as of their moment, after what they tell of has changed."""
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/v1/runs/search", {"filter": "tags.kind = 'sweep'", "order_by": ["metrics.loss DESC"]}),
        ("POST", "/api/v1/runs/best", {"experiment_names": ["search"], "metric": "accuracy", "mode": "max"}),
        (
            "POST",
            "/api/v1/metrics/series",
            {"run_ids": [store.ids["lr-0.1"]], "keys": ["loss"], "buckets": 3},
        ),
        ("GET", "/api/v1/experiments", {"filter": "name = 'search'"}),
        ("GET", "/api/v1/model-versions", {"filter": "name = 'sight'"}),
        ("GET", f"{store.run('files')}/artifacts", {"path": "model"}),
    ]

    def ask(**moment: str) -> Any:
        return [
            store.call(method, path, **{"json" if method == "POST" else "params": {**what, **moment}})
            for method, path, what in asked
        ]

    def a_tick_later() -> int:
        millis = time.time_ns() // 1_000_000
        while time.time_ns() // 1_000_000 <= millis + 1:
            time.sleep(0.001)
        return millis + 1

    run = store.run("lr-0.1")
    experiment = store.call("GET", run)["body"]["experiment_id"]
    a_tick_later()
    then = ask()
    moment = str(a_tick_later())
    store.call("PUT", f"{run}/tags", json={"kind": "changed"})
    assert store.request("DELETE", run).status_code == 200
    store.call("PATCH", f"/api/v1/experiments/{experiment}", json={"name": "searched"})
    store.call("PATCH", "/api/v1/models/sight/versions/1", json={"description": "seen"})
    file = {"path": "model/empty"}
    assert store.request("DELETE", f"{store.run('files')}/artifacts", params=file).status_code == 200
    assert ask(as_of=moment) == then
    assert ask(as_of=moment) == then
    now = ask()
    assert [a == b for a, b in zip(then, now, strict=True)] == [False, False, True, False, False, False]
    return then


def test_an_earlier_moment_is_answered_as_it_was(embedded: Asked, native: Asked) -> None:
    """Behind the other tests: it changes what they ask for."""
    assert normal(_then_and_now(native), native.names) == normal(_then_and_now(embedded), embedded.names)


def test_a_replay_is_refused_where_the_consumers_run_elsewhere(native: Asked) -> None:
    refused = native.call("POST", "/api/v1/replay")
    assert refused["status"] == 501
    assert refused["body"]["error_code"] == "NOT_IMPLEMENTED"
