"""The same requests to MLflow's own server and to ours: same status, same body, same error texts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.mlflow_client.reference_server import Answer, ReferenceServer

if TYPE_CHECKING:
    from tests.integration.processes import Server

API = "/api/2.0/mlflow"
_OF_A_SERVER = {
    "creation_time",
    "last_update_time",
    "next_page_token",
    "sqlstate",
    "error_class",
    "field",
    "position",
}
_START = 1_700_000_000_000


class Pair:
    """Two servers with the same content; `<name>` in a request is each one's own value of that name."""

    def __init__(self, reference: ReferenceServer, server: Server) -> None:
        self._reference = reference
        self._client = server.client
        self.values: tuple[dict[str, str], dict[str, str]] = ({}, {})

    def ask(self, method: str, path: str, content: Any = None) -> tuple[Answer, Answer]:
        """Return both answers to a request whose body or query is `content`, made comparable."""
        answers = []
        for values, call in zip(self.values, (self._ask_reference, self._ask_ours), strict=True):
            answers.append(call(method, f"{API}{path}", filled(content, values)))
        self._last = answers
        return tuple(comparable(found, values) for found, values in zip(answers, self.values, strict=True))  # type: ignore[return-value]

    def keep(self, name: str, *path: str) -> None:
        """Name what stands at a path of the last answers."""
        for answer, values in zip(self._last, self.values, strict=True):
            found = answer.body
            for key in path:
                found = found[key]
            values[name] = found

    def _ask_reference(self, method: str, path: str, content: Any) -> Answer:
        if method == "GET":
            return self._reference.ask(method, path, query=content)
        return self._reference.ask(method, path, body=content)

    def _ask_ours(self, method: str, path: str, content: Any) -> Answer:
        options = {"params": content} if method == "GET" else {"json": content}
        found = self._client.request(method, path, **options)
        return Answer(found.status_code, found.json())


def filled(content: Any, values: dict[str, str]) -> Any:
    text = re.sub(r"<(\w+)>", lambda name: values.get(name[1], name[0]), json.dumps(content))
    return json.loads(text)


def comparable(answer: Answer, values: dict[str, str]) -> Answer:
    """Return the answer with names for values, without what only one server can know, keys in order."""
    names = {value: f"<{name}>" for name, value in values.items()}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if key not in _OF_A_SERVER}
        if isinstance(value, list):
            items = [plain(item) for item in value]
            keyed = all(isinstance(item, dict) and "key" in item and "step" not in item for item in items)
            return sorted(items, key=lambda item: item["key"]) if keyed else items
        if isinstance(value, str):
            # Ids of ours are long enough to be no part of other words.
            value = re.sub(r"mlflow-artifacts:/\d+", "mlflow-artifacts:/EXPERIMENT", value)
            value = re.sub(r"id(=| )\d+\b", "id EXPERIMENT", value)
            value = re.sub(r"experiment \d+ must", "experiment EXPERIMENT must", value)
            for found, name in names.items():
                value = value.replace(found, name) if len(found) > 4 else name if value == found else value
        return value

    return Answer(answer.status, plain(answer.body))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, tracking_server: Server) -> Pair:
    both = Pair(ReferenceServer(tmp_path_factory.mktemp("reference")), tracking_server)
    both.ask("POST", "/experiments/create", {"name": "compared", "tags": [{"key": "a", "value": "b"}]})
    both.keep("experiment", "experiment_id")
    for number, (loss, lr) in enumerate(
        [(0.5, "0.1"), ("NaN", "0.2"), (0.2, None), (None, "0.1"), (-1, "x")]
    ):
        name = f"run{number}"
        created = {
            "experiment_id": "<experiment>",
            "start_time": _START + number,
            "run_name": name,
            "user_id": "ada",
        }
        both.ask("POST", "/runs/create", created)
        both.keep(name, "run", "info", "run_id")
        run = {"run_id": f"<{name}>"}
        if loss is not None:
            both.ask("POST", "/runs/log-metric", {**run, "key": "loss", "value": loss, "timestamp": 5})
        if lr is not None:
            both.ask("POST", "/runs/log-parameter", {**run, "key": "lr", "value": lr})
        both.ask("POST", "/runs/set-tag", {**run, "key": "parity", "value": "even" if number % 2 else "Odd"})
    return both


RUN = {"run_id": "<run0>"}
POINT = {**RUN, "key": "m", "value": 1, "timestamp": 9, "step": 1}
LONG = "k" * 251


def points(*names: str) -> list[dict[str, Any]]:
    return [{"key": name, "value": 1, "timestamp": 9, "step": 0} for name in names]


REFUSED: list[tuple[str, str, Any]] = [
    ("POST", "/experiments/create", {}),
    ("POST", "/experiments/create", {"name": ""}),
    ("POST", "/experiments/create", {"name": "x" * 501}),
    ("POST", "/experiments/create", {"name": "t", "tags": [{"key": "/bad", "value": "b"}]}),
    ("GET", "/experiments/get", {}),
    ("GET", "/experiments/get", {"experiment_id": "999999"}),
    ("GET", "/experiments/get", {"experiment_id": "abc"}),
    ("GET", "/experiments/get-by-name", {"experiment_name": "nobody's"}),
    ("POST", "/experiments/search", {"max_results": 0}),
    ("POST", "/experiments/search", {"max_results": 50_001}),
    ("POST", "/experiments/set-experiment-tag", {"experiment_id": "<experiment>", "key": LONG, "value": "v"}),
    (
        "POST",
        "/experiments/set-experiment-tag",
        {"experiment_id": "<experiment>", "key": "k", "value": "v" * 20_001},
    ),
    ("POST", "/experiments/delete-experiment-tag", {"experiment_id": "<experiment>", "key": "none"}),
    ("POST", "/experiments/update", {"experiment_id": "<experiment>"}),
    ("POST", "/experiments/restore", {"experiment_id": "<experiment>"}),
    ("POST", "/runs/create", {"experiment_id": "999999", "start_time": 1}),
    (
        "POST",
        "/runs/create",
        {"experiment_id": "<experiment>", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
    ),
    ("GET", "/runs/get", {"run_id": "nobody"}),
    ("GET", "/runs/get", {}),
    ("POST", "/runs/log-metric", {**POINT, "value": None}),
    ("POST", "/runs/log-metric", {**POINT, "key": ""}),
    ("POST", "/runs/log-metric", {**POINT, "key": "a*b"}),
    ("POST", "/runs/log-metric", {**POINT, "key": "a/../b"}),
    ("POST", "/runs/log-metric", {**POINT, "key": LONG}),
    ("POST", "/runs/log-metric", {**POINT, "run_id": "nobody"}),
    ("POST", "/runs/log-metric", {"key": "m", "value": 1, "timestamp": 1}),
    ("POST", "/runs/log-parameter", {**RUN, "key": "lr", "value": "changed"}),
    ("POST", "/runs/log-parameter", {**RUN, "key": "bad*", "value": "x"}),
    ("POST", "/runs/delete-tag", {**RUN, "key": "none"}),
    ("POST", "/runs/set-tag", {**RUN, "value": "v"}),
    ("POST", "/runs/log-batch", {}),
    ("POST", "/runs/log-batch", {"run_id": "bad id!"}),
    ("POST", "/runs/log-batch", {**RUN, "metrics": points(*(f"k{number}" for number in range(1001)))}),
    ("POST", "/runs/log-batch", {**RUN, "params": [{"key": f"k{n}", "value": "1"} for n in range(101)]}),
    ("POST", "/runs/log-batch", {**RUN, "tags": [{"key": f"k{n}", "value": "1"} for n in range(101)]}),
    ("POST", "/runs/log-batch", {**RUN, "metrics": points("fine", "bad*")}),
    ("POST", "/runs/log-batch", {**RUN, "metrics": [*points("fine"), {"key": "x", "value": 1}]}),
    ("POST", "/runs/log-batch", {**RUN, "params": [{"key": "d", "value": "1"}] * 2}),
    ("POST", "/runs/log-batch", {**RUN, "params": [{"key": "lr", "value": "2"}], "metrics": points("lost")}),
    ("POST", "/runs/log-batch", {**RUN, "tags": [{"value": "2"}]}),
    ("GET", "/metrics/get-history", {**RUN, "metric_key": "loss", "max_results": 0}),
    (
        "GET",
        "/metrics/get-history-bulk-interval",
        {"run_ids": ["<run0>"], "metric_key": "loss", "start_step": 1},
    ),
    (
        "GET",
        "/metrics/get-history-bulk-interval",
        {"run_ids": ["<run0>"], "metric_key": "x", "max_results": 2501},
    ),
    ("POST", "/runs/log-model", {**RUN, "model_json": "{"}),
    ("POST", "/runs/restore", {"run_id": "nobody"}),
    ("POST", "/runs/search", {"experiment_ids": ["<experiment>"], "max_results": 0}),
]


@pytest.mark.parametrize(("method", "path", "content"), REFUSED)
def test_refusals_are_worded_the_same(pair: Pair, method: str, path: str, content: Any) -> None:
    reference, ours = pair.ask(method, path, content)
    assert reference.status >= 400
    assert ours == reference


SEARCHES: list[dict[str, Any]] = [
    *(
        {"order_by": [term]}
        for term in (
            "metrics.loss ASC",
            "metrics.loss DESC",
            "params.lr ASC",
            "params.lr DESC",
            "tags.parity",
            "attributes.start_time ASC",
            "end_time DESC",
            "status",
            "run_name DESC",
            "metrics.`loss`",
            "`metrics.loss` ASC",
            "metrics.nobody",
            "Created",
        )
    ),
    *(
        {"filter": text}
        for text in (
            "metrics.loss < 0.5",
            "metrics.loss != 0.2",
            "params.lr = '0.1'",
            "params.lr != '0.1'",
            "params.lr LIKE '0%'",
            "params.lr IS NULL",
            "tags.parity = 'even'",
            "tags.parity ILIKE 'odd'",
            "tags.`mlflow.runName` = 'run1'",
            "attributes.run_name LIKE 'run%' and metrics.loss > -5",
            "run_id IN ('<run1>', '<run3>')",
            "user_id = 'ada'",
            "status != 'RUNNING'",
            f"start_time > {_START + 2}",
            "loss < 1",
            "params.lr = 0.1",
            "params.lr > '0.1'",
            "metrics.loss < 'x'",
            "metrics.loss < 1 OR metrics.loss > 2",
            "lifecycle_stage = 'active'",
        )
    ),
    {"run_view_type": "DELETED_ONLY"},
    {"run_view_type": "ALL", "max_results": 2},
    {"experiment_ids": []},
    {"order_by": ["bad"]},
    {"page_token": "abc"},
]


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_searches_find_the_same_runs_in_the_same_order(pair: Pair, search: dict[str, Any]) -> None:
    reference, ours = pair.ask("POST", "/runs/search", {"experiment_ids": ["<experiment>"], **search})
    assert ours.status == reference.status
    if reference.status >= 400:
        assert ours.body["error_code"] == reference.body["error_code"]
    else:
        assert ours == reference


def test_a_run_and_its_experiment_look_the_same(pair: Pair) -> None:
    batch = {
        **RUN,
        "metrics": [*points("b", "b"), {"key": "n", "value": "NaN", "timestamp": "7"}],
        "params": [{"key": "p", "value": ""}, {"key": "long", "value": "x" * 6001}],
        "tags": [{"key": "t", "value": "v" * 8001}],
    }
    dataset = {"name": "d", "digest": "x", "source_type": "s", "source": "u", "schema": "{}"}
    model = json.dumps(
        {
            "artifact_path": "m",
            "flavors": {"f": {"config": {}, "a": 1}},
            "utc_time_created": "t",
            "run_id": "r",
            "model_uuid": "u",
        }
    )
    for path, content in (
        ("/runs/log-batch", batch),
        (
            "/runs/log-inputs",
            {**RUN, "datasets": [{"dataset": dataset, "tags": [{"key": "k", "value": "v"}]}]},
        ),
        ("/runs/log-inputs", {**RUN, "datasets": [{"dataset": {**dataset, "source": "other"}}]}),
        ("/runs/log-model", {**RUN, "model_json": model}),
        ("/runs/update", {**RUN, "status": "FINISHED", "end_time": _START + 5, "run_name": "renamed"}),
        ("/runs/update", {**RUN, "status": "RUNNING"}),
        ("/experiments/set-experiment-tag", {"experiment_id": "<experiment>", "key": "k", "value": "v"}),
    ):
        reference, ours = pair.ask("POST", path, content)
        assert ours == reference
    for path, content in (
        ("/runs/get", RUN),
        ("/experiments/get", {"experiment_id": "<experiment>"}),
        ("/experiments/search", {"max_results": 5, "filter": "name = 'compared'"}),
        ("/artifacts/list", RUN),
    ):
        reference, ours = pair.ask("GET", path, content)
        for answer in (reference, ours):
            # MLflow tells metrics in the order of its rows.
            metrics = answer.body.get("run", {}).get("data", {}).get("metrics", [])
            metrics.sort(key=lambda metric: metric["key"])
        assert ours == reference


def test_histories_and_their_samples_are_the_same(pair: Pair) -> None:
    run = {"run_id": "<run1>"}
    curve = [
        {"key": "c", "value": "NaN" if n % 7 == 0 else n * 1.5, "timestamp": 1000 - n // 3, "step": n // 2}
        for n in range(30)
    ]
    pair.ask("POST", "/runs/log-batch", {**run, "metrics": curve})
    pair.ask("POST", "/runs/log-batch", {**run, "metrics": curve[:3]})
    for query in ({}, {"max_results": 4}):
        reference, ours = pair.ask("GET", "/metrics/get-history", {**run, "metric_key": "c", **query})
        assert ours == reference
    wanted = {"run_ids": ["<run1>", "<run0>"], "metric_key": "c"}
    for most in (1, 2, 3, 7, 29, 30, 31):
        path = "/metrics/get-history-bulk-interval"
        reference, ours = pair.ask("GET", path, {**wanted, "max_results": most})
        assert ours == reference
        reference, ours = pair.ask(
            "GET", path, {**wanted, "max_results": most, "start_step": 3, "end_step": 9}
        )
        assert ours == reference


def test_lives_are_the_same(pair: Pair) -> None:
    name = {"name": "mortal"}
    pair.ask("POST", "/experiments/create", name)
    pair.keep("mortal", "experiment_id")
    pair.ask("POST", "/runs/create", {"experiment_id": "<mortal>", "start_time": 1, "run_name": "r"})
    pair.keep("soul", "run", "info", "run_id")
    experiment, run = {"experiment_id": "<mortal>"}, {"run_id": "<soul>"}
    for method, path, content in (
        ("POST", "/runs/delete", run),
        ("POST", "/runs/delete", run),
        ("POST", "/runs/log-metric", {**run, "key": "m", "value": 1, "timestamp": 1}),
        ("POST", "/runs/log-parameter", {**run, "key": "p", "value": "1"}),
        ("POST", "/runs/set-tag", {**run, "key": "p", "value": "1"}),
        ("POST", "/runs/delete-tag", {**run, "key": "p"}),
        ("POST", "/runs/log-batch", {**run, "metrics": points("m")}),
        ("POST", "/runs/update", {**run, "status": "FAILED"}),
        ("GET", "/runs/get", run),
        ("POST", "/runs/restore", run),
        ("POST", "/runs/restore", run),
        ("POST", "/experiments/delete", experiment),
        ("POST", "/experiments/delete", experiment),
        ("GET", "/runs/get", run),
        ("GET", "/experiments/get", experiment),
        ("POST", "/runs/create", {**experiment, "start_time": 1}),
        ("POST", "/experiments/set-experiment-tag", {**experiment, "key": "k", "value": "v"}),
        ("POST", "/experiments/restore", experiment),
        ("GET", "/runs/get", run),
    ):
        reference, ours = pair.ask(method, path, content)
        assert ours == reference, (path, content)
