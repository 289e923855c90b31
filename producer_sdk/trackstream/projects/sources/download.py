"""Bringing the content of a URI here, for parameters of type `path`.

    runs:/RUN_ID/PATH, models:/NAME/VERSION …    from the server of the store
    s3://BUCKET/KEY                              one object, or all whose keys begin with KEY/
    http://…, https://…                          one file

S3 is reached with the usual AWS_… variables (AWS_ENDPOINT_URL for a store of one's own).
"""

from __future__ import annotations

import os
import posixpath
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trackstream.projects.errors import EnvironmentFailed
from trackstream_schemas import model_uris, validate
from trackstream_schemas.errors import InvalidInput, NotFound
from trackstream_schemas.secret_texts import without_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from trackstream.projects.environments.tools import Tools

_PIECE = 1 << 20
_TIMEOUT_S = 300.0
_S3 = "https://s3.amazonaws.com"


def downloader(storage: Path, server: str | None, tools: Tools | None = None) -> Callable[[str, int], Path]:
    """Return a function that brings a URI's content into a directory of `storage` named for the parameter.

    `server` is the store's address, None where nobody serves it. The function raises InvalidInput for a URI
    that it cannot bring, NotFound, and EnvironmentFailed where the other side does not answer; with `tools`
    LaunchCancelled as soon as they are stopped, however slow the other side is.
    """

    def download(uri: str, number: int) -> Path:
        return tools.awaited(lambda: bring(uri, number)) if tools is not None else bring(uri, number)

    def bring(uri: str, number: int) -> Path:
        place = storage / f"param_{number}"
        place.mkdir(parents=True, exist_ok=True)
        if model_uris.is_model_uri(uri):
            return _of_store(uri, place, server)
        scheme = urlsplit(uri).scheme.lower()
        if scheme == "s3":
            return _of_s3(uri, place)
        if scheme in ("http", "https"):
            return _of_web(uri, place)
        right = "a local path, or a URI that begins with runs:/, models:/, s3://, http:// or https://"
        raise InvalidInput("path parameter", without_credentials(uri), right)

    return download


def _of_store(uri: str, place: Path, server: str | None) -> Path:
    import httpx

    model_uris.parse(uri)
    if server is None:
        raise EnvironmentFailed(f"{uri} needs a Trackstream server: set TRACKSTREAM_URI to its http address")
    try:
        with httpx.Client(base_url=server, timeout=_TIMEOUT_S, trust_env=False) as client:
            found = _json(client, "/api/v1/artifact-places", uri, {"uri": uri})
            return _tree(client, found["run_id"], found["path"], place, uri)
    except httpx.HTTPError as error:
        raise EnvironmentFailed(f"{uri} cannot be downloaded from {server}: {error}") from error


def _tree(client: httpx.Client, run_id: str, path: str, place: Path, uri: str) -> Path:
    listing = f"/api/v1/runs/{run_id}/artifacts"
    parent, name = posixpath.split(path)
    files: list[str] = []
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        for entry in _json(client, listing, uri, {"path": folder})["artifacts"]:
            (waiting if entry["is_dir"] else files).append(entry["path"])
    single = not files
    for file in [path] if single else files:
        inside = posixpath.relpath(file, parent) if parent else file
        target = place.joinpath(*PurePosixPath(validate.artifact_path(inside)).parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with client.stream("GET", f"{listing}/content", params={"path": file}) as answer:
            _check(answer, uri)
            _keep(answer, target)
    return place / name if name else place


def _json(client: httpx.Client, path: str, uri: str, query: dict[str, str]) -> Any:
    answer = client.get(path, params=query)
    _check(answer, uri)
    return answer.json()


def _check(answer: httpx.Response, uri: str) -> None:
    if answer.status_code == 404:
        raise NotFound(f"there is nothing at {without_credentials(uri)}")
    if answer.is_error:
        answer.read()
        raise EnvironmentFailed(f"{without_credentials(uri)}: {answer.status_code} {answer.text[:500]}")


def _keep(answer: httpx.Response, target: Path) -> None:
    with target.open("wb") as out:
        for piece in answer.iter_bytes(_PIECE):
            out.write(piece)


def _of_web(uri: str, place: Path) -> Path:
    import httpx

    target = place / (PurePosixPath(urlsplit(uri).path).name or "content")
    try:
        with httpx.stream("GET", uri, follow_redirects=True, timeout=_TIMEOUT_S) as answer:
            _check(answer, uri)
            _keep(answer, target)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EnvironmentFailed(f"{without_credentials(uri)} cannot be downloaded: {error}") from error
    return target


def _of_s3(uri: str, place: Path) -> Path:
    try:
        from minio import Minio
        from minio.credentials import providers
        from minio.error import MinioException
    except ModuleNotFoundError as error:
        raise EnvironmentFailed("s3:// needs another package: pip install 'trackstream[s3]'") from error
    parts = urlsplit(uri)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    if not bucket or "@" in bucket or not key:
        raise InvalidInput("path parameter", without_credentials(uri), "s3://BUCKET/KEY")
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or _S3)
    # The last asks a service that only machines in the cloud have.
    chain: list[providers.Provider] = [providers.EnvAWSProvider(), providers.AWSConfigProvider()]
    if "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in os.environ or "AWS_ROLE_ARN" in os.environ:
        chain.append(providers.IamAwsProvider())
    client = Minio(
        endpoint.netloc,
        credentials=providers.ChainedProvider(chain),
        secure=endpoint.scheme == "https",
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
    )
    try:
        found = [item.object_name for item in client.list_objects(bucket, key, recursive=True)]
        wanted = [name for name in found if name == key] or [
            name for name in found if name is not None and name.startswith(f"{key.rstrip('/')}/")
        ]
        if not wanted:
            raise NotFound(f"there is nothing at {uri}")
        parent = posixpath.dirname(key.rstrip("/"))
        for name in wanted:
            assert name is not None
            inside = posixpath.relpath(name, parent) if parent else name
            target = place.joinpath(*PurePosixPath(validate.artifact_path(inside)).parts)
            client.fget_object(bucket, name, str(target))
    except (MinioException, OSError, ValueError) as error:
        raise EnvironmentFailed(f"{uri} cannot be downloaded: {error}") from error
    return place / posixpath.basename(key.rstrip("/"))
