"""What a blob store must do."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator


class Blob(NamedTuple):
    """One stored content."""

    sha256: str
    """Hex digest: the content's name."""
    size: int
    """Bytes."""
    stored_at: float
    """Seconds since the epoch."""


class BlobCorrupt(StorageFailed):
    """What is stored under a digest no longer has that digest."""


class BlobStore(Protocol):
    """Contents under their SHA-256; nothing is stored twice. Methods may block and are thread-safe.

    Raises StorageFailed where the medium is full, read-only or damaged, and NotFound from `open` for
    a digest that is not stored.
    """

    def check(self) -> None:
        """Return where the store can be reached and lets us in.

        Raises Unavailable where it cannot be reached now, StorageFailed where it refuses or is missing.
        """
        ...

    def put(self, content: BinaryIO) -> Blob:
        """Store all that `content` yields, in bounded memory; visible only once whole."""
        ...

    def find(self, sha256: str) -> Blob | None:
        """Return what is stored under a digest, or None."""
        ...

    def open(self, sha256: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the content, or `length` bytes of it from `start`, in pieces.

        A read of the whole checks the digest and raises BlobCorrupt at its end, or before, where it differs.
        """
        ...

    def delete(self, sha256: str) -> None:
        """Forget a content; one that is not stored is no error."""
        ...

    def all(self) -> Iterator[Blob]:
        """Yield every stored content, in no order."""
        ...

    def abort_stale(self, older_than: float) -> int:
        """Remove what uploads that began more than `older_than` seconds ago, and never ended, left behind.

        Returns how many. An upload that is still under way fails then: a day is a good age.
        """
        ...
