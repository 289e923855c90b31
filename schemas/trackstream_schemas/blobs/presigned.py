"""What a blob store must do beyond `BlobStore` so that clients without credentials send to it directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_schemas.blobs.port import Blob


class UploadTicket(NamedTuple):
    """Leave to send the parts of one content, for about half a day."""

    upload_id: str
    part_size: int
    """Bytes of every part but the last."""
    urls: list[str]
    """Where to PUT part 1, 2, …; each answers with the part's ETag."""


class SentPart(NamedTuple):
    """A part that the store has taken."""

    number: int
    """From 1."""
    etag: str


@runtime_checkable
class PresignedUploads(Protocol):
    """Uploads in parts to signed addresses. Methods may block and are thread-safe, in any process."""

    def begin_upload(self, sha256: str, size: int) -> Blob | UploadTicket:
        """Return where to send a content of `size` bytes, or what is stored under its digest already."""
        ...

    def complete_upload(self, upload_id: str, parts: Sequence[SentPart]) -> Blob:
        """Store what was sent under its digest; may be repeated.

        Raises InvalidInput where it has not the announced size and digest (it is dropped then), or where
        the parts are not the ticket's, and NotFound for an upload that was aborted or never begun.
        """
        ...

    def abort_upload(self, upload_id: str) -> None:
        """Drop an upload; one that is not open is no error."""
        ...
