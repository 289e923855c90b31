"""Events from files that `trackstream export` wrote onto a log, as they are."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from trackstream_api.transfer import container
from trackstream_api.transfer.errors import NotAnExport
from trackstream_api.transfer.files import INLINE_LIMIT
from trackstream_schemas import codec
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from trackstream.artifacts import BlobUpload
    from trackstream_api.transfer.appending import Appender


@dataclass
class Read:
    """What a file held."""

    events: int = 0
    points: int = 0
    runs: int = 0
    files: int = 0


def import_file(
    path: Path, appender: Appender, blobs: Callable[[], BlobUpload], told: Callable[[int], None]
) -> Read:
    """Append the events of a file; `told` hears how many bytes are read. To do so again doubles nothing.

    Raises NotAnExport for a file that is none or ends early, OSError where it cannot be read, EventRefused
    for an event that no producer may append, and the log's errors.
    """
    read = Read()
    with path.open("rb") as file, contextlib.closing(_LargeContent(blobs, str(path))) as large:
        for message in container.read(file, str(path)):
            event = codec.decode(message)
            body = event.body
            if isinstance(body, e.ArtifactChunk) and body.total_size > INLINE_LIMIT:
                large.take(body)
            else:
                appender.add_message(message, event.envelope)
            read.events += 1
            match body:
                case e.MetricsLogged():
                    read.points += len(body)
                case e.RunStarted():
                    read.runs += 1
                case e.ArtifactLogged():
                    read.files += 1
            told(file.tell())
        large.require_whole()
    appender.flush()
    return read


class _LargeContent:
    """Gathers the chunks of one large content after the other, and puts them into the blob store."""

    def __init__(self, blobs: Callable[[], BlobUpload], name: str) -> None:
        self._blobs = blobs
        self._name = name
        self._file: BinaryIO | None = None
        self._upload_id = ""
        self._end = 0
        self._digest = hashlib.sha256()

    def take(self, chunk: e.ArtifactChunk) -> None:
        """Write a chunk; with the last one the content is stored."""
        if self._file is None:
            self._file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed by close()
            self._upload_id, self._end = chunk.upload_id, 0
            self._digest = hashlib.sha256()
        if (chunk.upload_id, chunk.offset) != (self._upload_id, self._end):
            raise self._wrong(f"chunk {chunk.offset} of {chunk.upload_id} is out of order")
        self._file.write(chunk.data)
        self._digest.update(chunk.data)
        self._end += len(chunk.data)
        if self._end < chunk.total_size:
            return
        if self._digest.hexdigest() != chunk.sha256:
            raise self._wrong(f"the content of {chunk.upload_id} has another digest than {chunk.sha256}")
        self._file.seek(0)
        self._blobs().put(self._file)
        self.close()

    def require_whole(self) -> None:
        """Raise NotAnExport where the last content is not whole."""
        if self._file is not None:
            raise self._wrong(f"it ends within the content {self._upload_id}")

    def close(self) -> None:
        """Drop what is gathered."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _wrong(self, what: str) -> NotAnExport:
        return NotAnExport("file", self._name, f"a whole file of `trackstream export` ({what})")
