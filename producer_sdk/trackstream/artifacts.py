"""Artifacts on their way out: small files in pieces on the log, large ones into the blob store first.

Symbolic links: `log_artifact` follows one to a regular file, as `cp` does. Inside a directory given to
`log_artifacts`, a link may only lead to a place inside that directory, and links to directories are not
followed (what they lead to is uploaded anyway). Devices, sockets and pipes are refused.
"""

from __future__ import annotations

import hashlib
import io
import mimetypes
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from trackstream.delivery import Count
from trackstream_schemas import validate
from trackstream_schemas.errors import Conflict, InvalidInput, TrackstreamError
from trackstream_schemas.events import ArtifactChunk, ArtifactLogged
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackstream.emitter import Emitter
    from trackstream.settings import Settings
    from trackstream_schemas.blobs import Blob

_PIECE = 1 << 20


class BlobUpload(Protocol):
    """The part of a blob store that the SDK needs."""

    def put(self, content: BinaryIO) -> Blob:
        """Store all that `content` yields, in bounded memory. Raises an error of ours."""
        ...


class ArtifactUploads:
    """Uploads of one client. Blocks while the log is behind, each time for at most flush_timeout_s.

    What the log or the blob store does not take is counted and reported; it does not raise. What is wrong
    with the file or its path raises InvalidInput before anything is sent.
    """

    def __init__(self, producer: Emitter, blobs: Callable[[], BlobUpload], settings: Settings) -> None:
        self._producer = producer
        self._blobs = blobs
        self._settings = settings

    def log_bytes(self, run_id: str, content: bytes, path: str) -> None:
        """Upload a content under a path of the run."""
        self._upload(run_id, validate.artifact_path(path, "artifact_file"), io.BytesIO(content), len(content))

    def log_path(self, run_id: str, local_path: str | os.PathLike[str], folder: str | None = None) -> None:
        """Upload a file, or a directory under its own name, into a folder of the run."""
        local = local_file_or_directory(local_path)
        name = local.resolve().name if local.is_dir() else local.name
        target = name if folder is None else f"{validate.artifact_path(folder)}/{name}"
        files = (
            directory_files(local, target) if local.is_dir() else [(local, validate.artifact_path(target))]
        )
        self._upload_files(run_id, files)

    def log_directory(
        self, run_id: str, local_dir: str | os.PathLike[str], folder: str | None = None
    ) -> None:
        """Upload what is in a directory into a folder of the run."""
        local = local_file_or_directory(local_dir)
        if not local.is_dir():
            raise InvalidInput("local_dir", str(local), "a directory")
        self._upload_files(run_id, directory_files(local, folder))

    def _upload_files(self, run_id: str, files: list[tuple[Path, str]]) -> None:
        for local, path in files:
            try:
                with local.open("rb") as content:
                    self._upload(run_id, path, content, os.fstat(content.fileno()).st_size)
            except OSError as error:
                raise InvalidInput("local_path", str(local), f"a file that can be read ({error})") from error

    def _upload(self, run_id: str, path: str, content: BinaryIO, size: int) -> None:
        if size <= self._settings.artifact_inline_limit:
            logged = self._send_pieces(run_id, path, content, size)
        else:
            logged = self._store_first(run_id, path, content)
        if logged is not None:
            self._producer.emit(logged)

    def _store_first(self, run_id: str, path: str, content: BinaryIO) -> ArtifactLogged | None:
        try:
            blob = self._blobs().put(content)
        except TrackstreamError as error:
            self._producer.losses.count_lost(run_id, Count(0, 1), f"artifact {path!r}: {error}")
            return None
        return ArtifactLogged(run_id, path, blob.size, blob.sha256, content_type_of(path))

    def _send_pieces(self, run_id: str, path: str, content: BinaryIO, size: int) -> ArtifactLogged | None:
        whole = hashlib.sha256()
        while piece := content.read(_PIECE):
            whole.update(piece)
        content.seek(0)
        upload_id, digest = new_id(), whole.hexdigest()
        sent = hashlib.sha256()
        offset = 0
        while True:
            piece = content.read(self._settings.artifact_chunk_bytes)
            if not piece and offset:
                break
            chunk = ArtifactChunk(upload_id, offset, size, digest, piece)
            if not self._producer.emit_when_room(chunk, run_id, self._settings.flush_timeout_s):
                self._producer.losses.count_dropped(run_id, Count(0, 1))
                return None
            sent.update(piece)
            offset += len(piece)
            if offset >= size:
                break
        if sent.hexdigest() != digest:
            raise Conflict(
                f"artifact {path!r}: the file was changed while it was being uploaded; log it again"
            )
        return ArtifactLogged(run_id, path, size, digest, content_type_of(path), upload_id)


def local_file_or_directory(local: object) -> Path:
    """Return the path of what is to be uploaded. Raises InvalidInput where it cannot be."""
    if not isinstance(local, str | os.PathLike) or not os.fspath(local) or "\x00" in str(local):
        raise InvalidInput("local_path", local, "the path of a file or directory")
    path = Path(os.fspath(local))
    if path.is_symlink() and not path.exists():
        raise InvalidInput("local_path", str(path), "a symbolic link that leads somewhere")
    if not path.exists():
        raise InvalidInput("local_path", str(path), "a file or directory that exists")
    if not (path.is_file() or path.is_dir()):
        raise InvalidInput("local_path", str(path), "a regular file or a directory")
    return path


def directory_files(root: Path, folder: str | None) -> list[tuple[Path, str]]:
    """Return every file under `root` with its path in the run, sorted, all of them checked.

    Raises InvalidInput for a link out of `root` or to nowhere, and for names that no artifact may have.
    """
    prefix = "" if folder is None else validate.artifact_path(folder) + "/"
    inside = root.resolve()
    found = []
    for place, folders, names in os.walk(root):
        folders.sort()
        for name in (*folders, *names):
            local = Path(place, name)
            if local.is_symlink() and not (local.exists() and local.resolve().is_relative_to(inside)):
                raise InvalidInput("local_dir", str(local), f"no symbolic link that leads out of {root}")
        for name in sorted(names):
            local = Path(place, name)
            if local.is_dir():
                continue
            found.append((local_file_or_directory(local), prefix + local.relative_to(root).as_posix()))
    return [(local, validate.artifact_path(path)) for local, path in found]


def content_type_of(path: str) -> str | None:
    """Return the MIME type that a path's ending stands for."""
    return mimetypes.guess_type(path)[0]
