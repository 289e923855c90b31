"""Files of runs, models and traces on MLflow's face, whichever endpoint asks for them.

Uploads do not ask whether the owner is there or active, as MLflow's proxy does not.
Paths are those of the store (`artifact_places`).
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from trackstream_api.artifact_download import download
from trackstream_api.artifact_upload import store_artifact
from trackstream_api.barrier import reading
from trackstream_api.mlflow.messages import present
from trackstream_api.queries import artifacts
from trackstream_schemas import events as e
from trackstream_schemas import topics, validate
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import Request, Response

    from trackstream_api.mlflow.artifact_places import Place
    from trackstream_api.queries.artifacts import ArtifactFile
    from trackstream_api.request_body import RequestBody
    from trackstream_api.store import Store

TOPICS = (topics.ARTIFACTS, topics.ARTIFACT_BYTES)


def listed(store: Store, place: Place, prefix: str) -> list[dict[str, Any]]:
    """Return the FileInfos right under a place, paths as `prefix` joined with their names."""
    with reading(store, TOPICS):
        found = artifacts.level(store.engine, place.owner, place.path).artifacts
    return [
        present(
            path=posixpath.join(prefix, posixpath.basename(entry.path)),
            is_dir=entry.is_dir,
            file_size=entry.size,
        )
        for entry in found
    ]


def file_at(store: Store, place: Place) -> ArtifactFile:
    """Return the file at a place. Raises NotFound."""
    with reading(store, TOPICS):
        try:
            return artifacts.get(store.engine, place.owner, place.path)
        except NotFound:
            raise NotFound(f"No such artifact: '{place.path}'") from None


def downloaded(store: Store, place: Place, request: Request) -> Response:
    """Answer with the file's content; ranges work."""
    file = file_at(store, place)
    return download(store.blobs, file, request.headers, request.method == "HEAD", is_current=True)


def upload(store: Store, place: Place, kind: str, body: RequestBody) -> None:
    """Store a body as the file at a place."""
    path = validate.artifact_path(place.path, "path")
    store_artifact(store, place.owner, path, kind, body)


def delete(store: Store, place: Place) -> None:
    """Delete the file at a place, or all files below it; nothing there is no error.

    Raises NotFound for a path that leads to no run, model or trace and to no file: "deleted" would be a lie
    about the files of those below it, which are deleted one owner at a time.
    """
    with reading(store, TOPICS):
        paths = (
            artifacts.paths_below(store.engine, place.owner, place.path) if place.path or place.owned else []
        )
    if not paths and not place.owned:
        raise NotFound(f"No such artifact: '{place.path}'")
    store.producer.emit_and_wait([e.ArtifactDeleted(place.owner, path) for path in paths])


def joined(store: Store, digests: list[str]) -> BinaryIO:
    """Return the contents with these digests, one behind the other, as one stream."""
    return cast("BinaryIO", _Joined(store, digests))


class _Joined:
    """Reads blobs one behind the other. Memory: what the blob store hands out at a time."""

    def __init__(self, store: Store, digests: list[str]) -> None:
        self._pieces = self._read(store, digests)
        self._rest = b""

    @staticmethod
    def _read(store: Store, digests: list[str]) -> Iterator[bytes]:
        for digest in digests:
            yield from store.blobs.open(digest)

    def read(self, size: int = -1) -> bytes:
        found = [self._rest]
        length = len(self._rest)
        while size < 0 or length < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            found.append(piece)
            length += len(piece)
        content = b"".join(found)
        if size < 0:
            self._rest = b""
            return content
        self._rest = content[size:]
        return content[:size]
