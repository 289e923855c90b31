"""From a spool to the log: one chunk, in order, with what must be uploaded before it."""

from __future__ import annotations

import io
from collections.abc import Generator
from concurrent.futures import TimeoutError as NotDone
from typing import TYPE_CHECKING, NamedTuple

from trackstream.delivery import Count, logger
from trackstream.spool.place import blobs_of
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput, StorageFailed, TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trackstream.artifacts import BlobUpload
    from trackstream.log.port import LogWriter
    from trackstream.spool.log import Outgoing, SpoolLog, Waiting


_PIECE = 1 << 20


class Refusal(NamedTuple):
    """An event that the log will never have."""

    run_id: str
    """Empty where it is of none."""
    amount: Count
    why: str


class Destination(NamedTuple):
    """Where a spool's events go."""

    writer: LogWriter
    blobs: Callable[[], BlobUpload]
    timeout_s: float | None = None
    """How long an acknowledgement is waited for; None: for ever."""


def count_of(outgoing: Outgoing) -> Count:
    """Return what an event counts as; what writers say of themselves counts as nothing."""
    return Count(outgoing.points, 0 if outgoing.event.topic == topics.METRICS else 1)


def forward(
    spool: SpoolLog, to: Destination, chunk: Sequence[Waiting], *, keep: bool
) -> tuple[Count, list[Refusal]]:
    """Append a chunk to the log and note that in the spool; without `keep` it leaves the spool.

    An event that the log refuses for good stays in the spool, marked, and the others go on. Raises
    Unavailable or StorageFailed: then what was not noted is to be forwarded again, which doubles nothing.
    """
    refusals: list[Refusal] = []
    done = Count()
    for part in _parts(chunk):
        done += _append(spool, to, part, keep, refusals)
    return done, refusals


def _parts(chunk: Sequence[Waiting]) -> Iterator[Sequence[Waiting]]:
    """Cut in front of each event that needs an upload, so that nothing waits behind one that fails."""
    begin = 0
    for place, item in enumerate(chunk):
        if item.outgoing.blob is not None and place > begin:
            yield chunk[begin:place]
            begin = place
    yield chunk[begin:]


def _append(
    spool: SpoolLog, to: Destination, part: Sequence[Waiting], keep: bool, refusals: list[Refusal]
) -> Count:
    try:
        if part[0].outgoing.blob is not None:
            _upload(spool, to, part[0].outgoing.blob)
        acknowledged = to.writer.append([item.outgoing.event for item in part])
        try:
            acknowledged.result(to.timeout_s)
        except NotDone:
            raise Unavailable(f"the log did not acknowledge events within {to.timeout_s} s") from None
    except (Unavailable, StorageFailed):
        raise
    except TrackstreamError as error:
        if len(part) > 1:
            middle = len(part) // 2
            first = _append(spool, to, part[:middle], keep, refusals)
            return first + _append(spool, to, part[middle:], keep, refusals)
        spool.refuse(part[0].number, str(error))
        logger.error("the log refuses a spooled event for good: %s", error)
        outgoing = part[0].outgoing
        of_run = outgoing.event.topic in (topics.RUNS, topics.METRICS, topics.ARTIFACTS)
        refusals.append(Refusal(outgoing.event.key if of_run else "", count_of(outgoing), str(error)))
        spool.mark_forwarded(part[-1].number, keep=keep)
        return Count()
    spool.mark_forwarded(part[-1].number, keep=keep)
    return sum((count_of(item.outgoing) for item in part), Count())


def _upload(spool: SpoolLog, to: Destination, sha256: str) -> None:
    content = _Pieces(blobs_of(spool.path).open(sha256))
    try:
        to.blobs().put(io.BufferedReader(content, _PIECE))
    except InvalidInput as error:
        # How the blob store is reached is wrong, not the event: it may be right next time.
        raise Unavailable(f"cannot upload an artifact's content: {error}") from error
    finally:
        content.close()


class _Pieces(io.RawIOBase):
    """A stream of the pieces that a blob store yields."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        # Begun at once: what has not begun would not close its file either.
        self._left = next(pieces, b"")

    def close(self) -> None:
        if isinstance(self._pieces, Generator):
            self._pieces.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer)  # type: ignore[arg-type]
        if not self._left:
            self._left = next(self._pieces, b"")
        taken = self._left[: len(target)]
        target[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)
