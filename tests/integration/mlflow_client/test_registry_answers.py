"""The registry's endpoints answer as MLflow's own server does, request by request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.mlflow_client.reference_server import Answer, ReferenceServer
from tests.integration.processes import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODELS, _VERSIONS = "/api/2.0/mlflow/registered-models", "/api/2.0/mlflow/model-versions"
_MOMENTS = {"creation_timestamp", "last_updated_timestamp"}
_EXTRAS = {"field", "position", "sqlstate", "error_class"}
"""What only one of the two says of an error."""
_UNORDERED = {"tags", "aliases", "latest_versions", "model_versions"}
S3 = "s3://bucket/m"
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]

Request = tuple[str, str, Any]


def post(path: str, **body: Any) -> Request:
    return "POST", path, body


def get(path: str, **query: Any) -> Request:
    return "GET", path, query


STORIES: dict[str, list[Request]] = {
    "models": [
        post(f"{_MODELS}/create", name="m", description="d", tags=[{"key": "a", "value": "1"}]),
        post(f"{_MODELS}/create", name="m"),
        post(f"{_MODELS}/create", name="m", tags=PROMPT),
        post(f"{_MODELS}/create", name=""),
        post(f"{_MODELS}/create"),
        post(f"{_MODELS}/create", name=" "),
        post(f"{_MODELS}/create", name="a/b"),
        post(f"{_MODELS}/create", name=".."),
        post(f"{_MODELS}/create", name=5),
        post(f"{_MODELS}/create", name="t", tags=[{"key": "x", "value": "y" * 100_001}]),
        post(f"{_MODELS}/create", name="t", tags=[{"key": "x" * 251, "value": "y"}]),
        post(f"{_MODELS}/create", name="t", tags=[{"key": "x?", "value": "y"}]),
        get(f"{_MODELS}/get", name="m"),
        get(f"{_MODELS}/get", name="none"),
        get(f"{_MODELS}/get"),
        ("PATCH", f"{_MODELS}/update", {"name": "m", "description": "e"}),
        ("PATCH", f"{_MODELS}/update", {"name": "none", "description": "e"}),
        post(f"{_MODELS}/rename", name="m", new_name="n"),
        post(f"{_MODELS}/rename", name="m", new_name="n"),
        post(f"{_MODELS}/rename", name="n", new_name="x:y"),
        post(f"{_MODELS}/rename", name="n"),
        post(f"{_MODELS}/set-tag", name="n", key="b", value="2"),
        post(f"{_MODELS}/set-tag", name="n", key="b"),
        post(f"{_MODELS}/set-tag", name="none", key="b", value="2"),
        ("DELETE", f"{_MODELS}/delete-tag", {"name": "n", "key": "a"}),
        ("DELETE", f"{_MODELS}/delete-tag", {"name": "n", "key": "a"}),
        get(f"{_MODELS}/get", name="n"),
        ("DELETE", f"{_MODELS}/delete", {"name": "n"}),
        ("DELETE", f"{_MODELS}/delete", {"name": "n"}),
    ],
    "versions": [
        post(f"{_MODELS}/create", name="m"),
        get(f"{_MODELS}/get-latest-versions", name="m"),
        post(f"{_VERSIONS}/create", name="m", source=S3, description="d", tags=[{"key": "a", "value": "1"}]),
        post(f"{_VERSIONS}/create", name="m", source=S3, run_link="http://x"),
        post(f"{_VERSIONS}/create", name="m", source="models:/m/1"),
        post(f"{_VERSIONS}/create", name="m", source="models:/m/9"),
        post(f"{_VERSIONS}/create", name="m", source="models:/m/1", run_id="x"),
        post(f"{_VERSIONS}/create", name="m", source="runs:/abc/model"),
        post(f"{_VERSIONS}/create", name="m", source="runs:/abc/model", run_id="abc"),
        post(f"{_VERSIONS}/create", name="m", source="/tmp/x"),
        post(f"{_VERSIONS}/create", name="m", source="s3://bucket/../x"),
        post(f"{_VERSIONS}/create", name="m", source="mlflow-artifacts:/0/x/artifacts"),
        post(f"{_VERSIONS}/create", name="m", source="models:/m-1"),
        post(f"{_VERSIONS}/create", name="m", source="models:/"),
        post(f"{_VERSIONS}/create", name="m"),
        post(f"{_VERSIONS}/create", name="none", source=S3),
        get(f"{_VERSIONS}/get", name="m", version="1"),
        get(f"{_VERSIONS}/get", name="m", version="99"),
        get(f"{_VERSIONS}/get", name="m", version="x"),
        get(f"{_VERSIONS}/get", name="m"),
        get(f"{_VERSIONS}/get-download-uri", name="m", version="3"),
        ("PATCH", f"{_VERSIONS}/update", {"name": "m", "version": "1", "description": "e"}),
        ("PATCH", f"{_VERSIONS}/update", {"name": "m", "version": "99", "description": "e"}),
        post(f"{_VERSIONS}/set-tag", name="m", version="1", key="k", value="v"),
        post(f"{_VERSIONS}/set-tag", name="m", version="99", key="k", value="v"),
        ("DELETE", f"{_VERSIONS}/delete-tag", {"name": "m", "version": "1", "key": "a"}),
        get(f"{_VERSIONS}/get", name="m", version="1"),
        post(f"{_VERSIONS}/transition-stage", name="m", version="1", stage="PRODUCTION"),
        post(
            f"{_VERSIONS}/transition-stage",
            name="m",
            version="2",
            stage="production",
            archive_existing_versions=True,
        ),
        post(f"{_VERSIONS}/transition-stage", name="m", version="2", stage="no"),
        post(f"{_VERSIONS}/transition-stage", name="m", version="99", stage="Staging"),
        post(f"{_VERSIONS}/transition-stage", name="m", version="1"),
        get(f"{_VERSIONS}/get", name="m", version="1"),
        get(f"{_MODELS}/get-latest-versions", name="m"),
        post(f"{_MODELS}/get-latest-versions", name="m", stages=["Production", "none"]),
        post(f"{_MODELS}/get-latest-versions", name="m", stages=["nowhere"]),
        get(f"{_MODELS}/get", name="m"),
        ("DELETE", f"{_VERSIONS}/delete", {"name": "m", "version": "3"}),
        ("DELETE", f"{_VERSIONS}/delete", {"name": "m", "version": "3"}),
        post(f"{_VERSIONS}/create", name="m", source=S3),
        get(f"{_MODELS}/get", name="m"),
        ("DELETE", f"{_MODELS}/delete", {"name": "m"}),
        get(f"{_VERSIONS}/get", name="m", version="1"),
        post(f"{_MODELS}/create", name="m"),
        post(f"{_VERSIONS}/create", name="m", source=S3),
        ("DELETE", f"{_MODELS}/delete", {"name": "m"}),
    ],
    "aliases": [
        post(f"{_MODELS}/create", name="m"),
        get(f"{_MODELS}/alias", name="m", alias="latest"),
        *(post(f"{_VERSIONS}/create", name="m", source=S3) for _ in range(3)),
        post(f"{_MODELS}/alias", name="m", alias="champion", version="1"),
        post(f"{_MODELS}/alias", name="m", alias="champion", version="2"),
        post(f"{_MODELS}/alias", name="m", alias="other", version="2"),
        post(f"{_MODELS}/alias", name="m", alias="x", version="99"),
        post(f"{_MODELS}/alias", name="none", alias="x", version="1"),
        post(f"{_MODELS}/alias", name="m", alias="latest", version="1"),
        post(f"{_MODELS}/alias", name="m", alias="v1", version="1"),
        post(f"{_MODELS}/alias", name="m", alias="a b", version="1"),
        post(f"{_MODELS}/alias", name="m", alias="a" * 256, version="1"),
        post(f"{_MODELS}/alias", name="m", alias="", version="1"),
        get(f"{_MODELS}/alias", name="m", alias="champion"),
        get(f"{_MODELS}/alias", name="m", alias="none"),
        get(f"{_MODELS}/alias", name="none", alias="champion"),
        get(f"{_MODELS}/alias", name="m", alias="Latest"),
        get(f"{_VERSIONS}/get", name="m", version="2"),
        get(f"{_MODELS}/get", name="m"),
        ("DELETE", f"{_MODELS}/alias", {"name": "m", "alias": "other"}),
        ("DELETE", f"{_MODELS}/alias", {"name": "m", "alias": "other"}),
        ("DELETE", f"{_VERSIONS}/delete", {"name": "m", "version": "2"}),
        get(f"{_MODELS}/get", name="m"),
        ("DELETE", f"{_MODELS}/delete", {"name": "m"}),
    ],
    "search": [
        *(
            post(f"{_MODELS}/create", name=f"m{number}", tags=[{"key": "odd", "value": str(number % 2)}])
            for number in range(4)
        ),
        post(f"{_MODELS}/create", name="p", tags=PROMPT),
        *(
            post(f"{_VERSIONS}/create", name=f"m{number % 2}", source=f"s3://b/{number}", tags=tags)
            for number, tags in enumerate(
                [[], [{"key": "k", "value": "v"}], [], [{"key": "k", "value": "w"}]]
            )
        ),
        post(f"{_VERSIONS}/create", name="p", source="prompt-template", tags=PROMPT),
        post(f"{_VERSIONS}/create", name="p", source="s3://b/x", tags=PROMPT),
        *(
            get(f"{_MODELS}/search", filter=text)
            for text in (
                "",
                "name = 'm1'",
                "name LIKE 'm%' AND tags.odd = '1'",
                "name ILIKE 'M%' AND tag.odd != '1'",
                "name IN ('m1', 'm2')",
                "tags.`mlflow.prompt.is_prompt` = 'true'",
                "tags.`mlflow.prompt.is_prompt` != 'true'",
                "name > 'm'",
                "run_id = 'x'",
                "name = m1",
                "name = 'm1' OR name = 'm2'",
                "attribute.name = 'm3'",
            )
        ),
        get(f"{_MODELS}/search", order_by="name DESC"),
        get(f"{_MODELS}/search", order_by="last_updated_timestamp ASC"),
        get(f"{_MODELS}/search", order_by="nothing ASC"),
        get(f"{_MODELS}/search", max_results=1001),
        *(
            get(f"{_VERSIONS}/search", filter=text, order_by="version_number ASC")
            for text in (
                "",
                "name = 'm1'",
                "name = 'm1' AND version_number > 1",
                "version_number = '1'",
                "version_number > 1.5",
                "source_path LIKE 's3://b/%'",
                "source_path = 's3://b/2'",
                "run_id = ''",
                "run_id IN ('a', 'b')",
                "source_path IN ('a')",
                "tags.k = 'v'",
                "tags.k != 'v'",
                "tags.`mlflow.prompt.is_prompt` = 'true'",
                "stage = 'None'",
            )
        ),
        get(f"{_VERSIONS}/search", max_results=2, order_by="name DESC"),
        get(f"{_VERSIONS}/search", order_by="run_id"),
        get(f"{_VERSIONS}/search", max_results=0),
        get(f"{_VERSIONS}/search", max_results=200_001),
        *(("DELETE", f"{_MODELS}/delete", {"name": name}) for name in ("m0", "m1", "m2", "m3", "p")),
    ],
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> ReferenceServer:
    """MLflow's own server."""
    return ReferenceServer(tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of ours where nobody else registers models."""
    server = Server(tmp_path_factory.mktemp("empty") / "store").start()
    yield server
    server.close()


def ours(server: Server, method: str, path: str, body: Any) -> Answer:
    options: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
    found = server.client.request(method, path, **options)
    return Answer(found.status_code, found.json())


def theirs(server: ReferenceServer, method: str, path: str, body: Any) -> Answer:
    if method == "GET":
        return server.ask(method, path, query=body)
    return server.ask(method, path, body)


def plain(value: Any, key: str = "") -> Any:
    """Return an answer without what differs from one telling to the next."""
    if key in _MOMENTS:
        return value > 0
    if key == "next_page_token":
        return True
    if key == "message":
        return None
    if isinstance(value, dict):
        return {
            name: plain(item, name)
            for name, item in value.items()
            # A client reads absence as these.
            if item not in ([], {}) and name not in _EXTRAS
        }
    if isinstance(value, list):
        items = [plain(item) for item in value]
        return (
            sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if key in _UNORDERED else items
        )
    return value


@pytest.mark.parametrize("story", STORIES)
def test_answers(story: str, empty_server: Server, reference: ReferenceServer) -> None:
    differing = []
    for method, path, body in STORIES[story]:
        wanted = theirs(reference, method, path, body)
        found = ours(empty_server, method, path, body)
        pair = [(answer.status, plain(answer.body)) for answer in (wanted, found)]
        if pair[0] != pair[1]:
            differing.append(f"{method} {path} {str(body)[:120]}\n  wanted {wanted}\n  found  {found}")
    assert not differing, "\n".join(differing)
