"""Uploads that clients send straight to the object store."""

from __future__ import annotations

from pydantic import Field

from trackstream_api.models.base import Model, Request


class UploadRequest(Request):
    """A content that a client is about to send."""

    sha256: str = Field(description="Hex digest of the content, 64 lower-case digits")
    size: int = Field(ge=0, description="Bytes")


class UploadReply(Model):
    """Where to send it; or that there is nothing to send."""

    exists: bool = Field(
        description="The store has this content: there is no upload, and nothing to complete"
    )
    upload_id: str | None = None
    part_size: int | None = Field(default=None, description="Bytes of every part but the last")
    urls: list[str] = Field(
        default=[], description="Where to PUT part 1, 2, …, for 12 hours; each answers with an ETag"
    )


class SentPartBody(Request):
    """A part that the store has taken."""

    number: int = Field(ge=1, description="From 1, in the order of the addresses")
    etag: str = Field(max_length=200, description="The ETag header of the store's answer")


class CompleteRequest(Request):
    """All parts."""

    parts: list[SentPartBody] = Field(max_length=10_000)
