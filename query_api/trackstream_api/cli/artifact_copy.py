"""Files from a run to a directory and back."""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import os
from typing import TYPE_CHECKING, Any

from trackstream_api.cli.artifact_tree import walk
from trackstream_api.cli.lookup import run_path
from trackstream_api.cli.output import say
from trackstream_api.cli.progress import progress
from trackstream_schemas import validate
from trackstream_schemas.errors import (
    AlreadyExists,
    InvalidInput,
    NotFound,
    StorageFailed,
    TrackstreamError,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trackstream_api.cli.api import Api
    from trackstream_api.cli.progress import Report

_PIECE = 1 << 20


class FilesLeftOut(TrackstreamError):
    """Some of several files could not be downloaded. Has the exit code of the first one's error."""

    def __init__(self, failures: Sequence[tuple[str, TrackstreamError]], total: int) -> None:
        self.exit_code = failures[0][1].exit_code
        super().__init__(f"{len(failures)} of {total} files could not be downloaded")


def download_all(
    api: Api, run_id: str, path: str | None, target: Path, overwrite: bool, *, below: bool = False
) -> Iterator[Path]:
    """Download the run's files under `path` into `target`; yield where each now is.

    `below` leaves `path` itself out of where they go: what lies in it then lies in `target`.

    Raises NotFound where there is none, AlreadyExists where something else stands in the way, and
    StorageFailed where the disk fails or the content is not what its digest says. Where this befalls one
    of several files the others are downloaded all the same; what failed is then said on standard error,
    and FilesLeftOut raised. A server that is gone ends it at once (Unavailable).
    """
    found = list(walk(api, run_id, path))
    if not found:
        raise NotFound(f"run {run_id} has no artifacts{f' under {path!r}' if path else ''}")
    root = target.resolve()
    total = sum(item["size"] or 0 for item in found)
    done = 0
    failures: list[tuple[str, TrackstreamError]] = []
    with progress("Downloading", of_bytes=True) as report:
        for item in found:
            try:
                local = _local_path(root, _placed(item["path"], path or "") if below else item["path"])
                if not _is_there(local, item, overwrite):
                    _download(api, run_id, item, local, lambda count, base=done: report(base + count, total))
            except Unavailable:
                _say_all(failures)
                raise
            except TrackstreamError as error:
                if len(found) == 1:
                    raise
                failures.append((item["path"], error))
            else:
                yield local
            done += item["size"] or 0
            report(done, total)
    if failures:
        _say_all(failures)
        raise FilesLeftOut(failures, len(found))


def upload_all(api: Api, run_id: str, local: Path, artifact_path: str) -> int:
    """Log a file, or every file under a directory, and return how many there were."""
    if not local.exists():
        raise InvalidInput("LOCAL", str(local), "a file or directory that exists")
    pairs = [(file, _artifact_name(file, local, artifact_path)) for file in _files(local)]
    total = sum(file.stat().st_size for file, _ in pairs)
    done = 0
    with progress("Uploading", of_bytes=True) as report:
        for file, name in pairs:
            content = _read(file, lambda count, base=done: report(base + count, total))
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            api.put_bytes(f"{run_path(run_id)}/artifacts/content", {"path": name}, content, kind)
            done += file.stat().st_size
    return len(pairs)


def _say_all(failures: Sequence[tuple[str, TrackstreamError]]) -> None:
    for path, error in failures:
        say(f"not downloaded: {path}: {error}")


def _placed(artifact: str, path: str) -> str:
    """Return where an artifact is as seen from `path`; a file seen from itself is its name."""
    inside = artifact.removeprefix(f"{path}/") if path else artifact
    return inside if inside != path else artifact.rpartition("/")[2]


def _local_path(root: Path, artifact: str) -> Path:
    """Return where an artifact goes; never outside `root`, whatever the server or a symbolic link says."""
    local = root / validate.artifact_path(artifact)
    try:
        inside = local.parent.resolve().is_relative_to(root)
    except OSError as error:
        raise StorageFailed(f"cannot write {local}: {error.strerror or error}") from error
    if not inside:
        raise InvalidInput("artifact path", artifact, f"a path whose place stays inside {root}")
    return local


def _is_there(local: Path, item: dict[str, Any], overwrite: bool) -> bool:
    if not local.exists():
        return False
    if local.is_file() and local.stat().st_size == item["size"] and _digest(local) == item["sha256"]:
        return True
    if local.is_dir():
        raise AlreadyExists(f"{local} is a directory, where the file {item['path']!r} would go")
    if not overwrite:
        raise AlreadyExists(f"{local} is there with other content; --overwrite replaces it")
    return False


def _download(api: Api, run_id: str, item: dict[str, Any], local: Path, report: Report) -> None:
    partial = local.with_name(f".{local.name}.{os.getpid()}.part")
    digest = hashlib.sha256()
    count = 0
    try:
        local.parent.mkdir(parents=True, exist_ok=True)
        with (
            api.stream(f"{run_path(run_id)}/artifacts/content", {"path": item["path"]}) as answer,
            partial.open("wb") as out,
        ):
            for piece in answer.iter_bytes(_PIECE):
                digest.update(piece)
                count += out.write(piece)
                report(count)
        if item["sha256"] and digest.hexdigest() != item["sha256"]:
            raise StorageFailed(
                f"{item['path']}: the {count} bytes that came have SHA-256 {digest.hexdigest()},"
                f" expected {item['sha256']}"
            )
        os.replace(partial, local)
    except OSError as error:
        raise StorageFailed(f"cannot write {local}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def _files(local: Path) -> Iterator[Path]:
    if local.is_file():
        yield local
        return
    yield from sorted(file for file in local.rglob("*") if file.is_file())


def _artifact_name(file: Path, local: Path, artifact_path: str) -> str:
    inside = file.name if local.is_file() else file.relative_to(local).as_posix()
    prefix = f"{artifact_path.rstrip('/')}/" if artifact_path else ""
    return validate.artifact_path(prefix + inside)


def _read(file: Path, report: Report) -> Iterator[bytes]:
    count = 0
    with file.open("rb") as content:
        while piece := content.read(_PIECE):
            yield piece
            count += len(piece)
            report(count)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
