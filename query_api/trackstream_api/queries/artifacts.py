"""Artifacts: one level of a run's tree, one file, and which contents are named at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trackstream_api.models.artifacts import ArtifactEntry, ArtifactList, FoundArtifact, FoundArtifacts
from trackstream_api.queries.execution import select
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.models.artifacts import ArtifactSearch
    from trackstream_consumers.engine import Engine

_LEVEL = """
    SELECT
        substring(path, 1, {skip:UInt32} + length(splitByChar('/', rest)[1])) AS entry,
        position(rest, '/') > 0 AS is_dir,
        any(size), any(sha256), any(content_type), any(toUnixTimestamp64Milli(logged_at))
    FROM
    (
        SELECT *, substring(path, {skip:UInt32} + 1) AS rest FROM artifacts FINAL
        WHERE run_id = {run_id:String} AND startsWith(path, {prefix:String})
    )
    GROUP BY entry, is_dir ORDER BY entry, is_dir
"""


def level(engine: Engine, run_id: str, directory: str) -> ArtifactList:
    """Return the files and directories right under `directory` ("" is the top)."""
    prefix = f"{directory}/" if directory else ""
    parameters = {"run_id": run_id, "prefix": prefix, "skip": len(prefix.encode())}
    entries = [
        ArtifactEntry.model_construct(
            path=path,
            is_dir=bool(is_dir),
            size=None if is_dir else size,
            sha256=None if is_dir else sha256,
            content_type=None if is_dir else content_type or None,
            logged_at=None if is_dir else logged_at,
        )
        for path, is_dir, size, sha256, content_type, logged_at in select(engine, _LEVEL, parameters)
    ]
    return ArtifactList.model_construct(artifacts=entries)


_FILES = """
    SELECT run_id, path, size, sha256, content_type, toUnixTimestamp64Milli(logged_at) FROM artifacts FINAL
    WHERE run_id IN {run_ids:Array(String)} AND startsWith(path, {prefix:String})
        AND ({any_type:Bool} OR arrayExists(begin -> startsWith(content_type, begin), {types:Array(String)}))
    ORDER BY path, run_id LIMIT {limit:UInt32}
"""


def files(engine: Engine, request: ArtifactSearch) -> FoundArtifacts:
    """Return the files of several runs by path, then by run."""
    parameters = {
        "run_ids": request.run_ids,
        "prefix": f"{request.path}/" if request.path else "",
        "any_type": request.content_types is None,
        "types": request.content_types or [],
        "limit": request.limit + 1,
    }
    rows = select(engine, _FILES, parameters)
    found = [
        FoundArtifact(
            run_id=row[0],
            path=row[1],
            size=row[2],
            sha256=row[3],
            content_type=row[4] or None,
            logged_at=row[5],
        )
        for row in rows[: request.limit]
    ]
    return FoundArtifacts.model_construct(artifacts=found, more=len(rows) > request.limit)


class ArtifactFile(NamedTuple):
    """A file of a run and where its content is."""

    path: str
    size: int
    sha256: str
    content_type: str


def get(engine: Engine, run_id: str, path: str) -> ArtifactFile:
    """Return the file of a run at `path`. Raises NotFound."""
    sql = """
        SELECT path, size, sha256, content_type FROM artifacts FINAL
        WHERE run_id = {run_id:String} AND path = {path:String}
    """
    rows = select(engine, sql, {"run_id": run_id, "path": path})
    if not rows:
        raise NotFound(f"run {run_id!r} has no artifact {path!r}")
    return ArtifactFile(*rows[0])


def paths_below(engine: Engine, run_id: str, path: str) -> list[str]:
    """Return the paths of the file at `path` and of all files below it; "" is the top."""
    sql = """
        SELECT path FROM artifacts FINAL
        WHERE run_id = {run_id:String}
            AND (path = {path:String} OR {path:String} = '' OR startsWith(path, concat({path:String}, '/')))
        ORDER BY path
    """
    return [row[0] for row in select(engine, sql, {"run_id": run_id, "path": path})]


def paths_of(engine: Engine, owners: Sequence[str]) -> dict[str, list[str]]:
    """Return the paths of all files of these runs, models or traces; who has none is left out."""
    sql = "SELECT run_id, path FROM artifacts FINAL WHERE run_id IN {ids:Array(String)} ORDER BY run_id, path"
    found: dict[str, list[str]] = {}
    for owner, path in select(engine, sql, {"ids": list(owners)}):
        found.setdefault(owner, []).append(path)
    return found


def named_contents(engine: Engine, without: Sequence[str]) -> set[str]:
    """Return the digests of the contents of files whose owner is neither purged nor in `without`."""
    sql = """
        SELECT DISTINCT sha256 FROM artifacts FINAL
        WHERE run_id NOT IN {owners:Array(String)} AND run_id NOT IN (SELECT owner FROM purged_owners)
    """
    return {row[0] for row in select(engine, sql, {"owners": list(without)})}
