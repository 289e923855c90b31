"""Files whose content is nowhere: what a replay cannot bring back into the blob store.

Contents that travelled on the log come back from it. Those that were uploaded beside it, and those whose
chunks the log's retention has removed, are only where they were put.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trackstream_consumers.store import engine_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trackstream_consumers.engine import Engine
    from trackstream_schemas.blobs import BlobStore

_NAMED = (
    "SELECT run_id, path, sha256, size FROM artifacts FINAL"
    " WHERE run_id NOT IN (SELECT owner FROM purged_owners) ORDER BY run_id, path"
)


class MissingContent(NamedTuple):
    """A file of a run, logged model or trace that cannot be downloaded."""

    owner: str
    path: str
    sha256: str
    size: int


def named_without_content(engine: Engine, blobs: BlobStore) -> list[MissingContent]:
    """Return the files in `engine`'s tables whose content is not in the blob store, by owner and path."""
    with engine_errors(), engine.client() as client:
        named = [MissingContent(*row) for row in client.query(_NAMED).result_rows]
    if not named:
        return []
    stored = {blob.sha256 for blob in blobs.all()}
    return [file for file in named if file.sha256 not in stored]


def still_missing(files: Iterable[MissingContent], blobs: BlobStore) -> tuple[MissingContent, ...]:
    """Return those of these files whose content has not come meanwhile."""
    return tuple(file for file in files if blobs.find(file.sha256) is None)
