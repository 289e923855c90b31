"""Artifacts."""

from __future__ import annotations

from pydantic import Field
from typing_extensions import TypedDict

from trackstream_api.models.base import Model, Request
from trackstream_api.models.runs import AS_OF


class ArtifactEntry(Model):
    """A file or directory of a run."""

    path: str = Field(description="Relative to the run, with forward slashes")
    is_dir: bool
    size: int | None = Field(description="Bytes; null for a directory")
    sha256: str | None = Field(description="Hex digest of the content; null for a directory")
    content_type: str | None = Field(description="MIME type; null for a directory or where not known")
    logged_at: int | None = Field(description="Milliseconds since the epoch; null for a directory")


class ArtifactList(Model):
    """One level, directories and files by path."""

    artifacts: list[ArtifactEntry]


class ArtifactSearch(Request):
    """Which files of which runs."""

    run_ids: list[str] = Field(min_length=1, max_length=100)
    path: str = Field("", description="Only files below this directory; empty: anywhere")
    content_types: list[str] | None = Field(
        None, max_length=20, description="Only files whose MIME type begins so", examples=[["image/"]]
    )
    limit: int = Field(10_000, ge=1, le=100_000)
    as_of: str | None = Field(None, description=AS_OF)


class FoundArtifact(TypedDict):
    """A file of a run."""

    run_id: str
    path: str
    size: int
    sha256: str
    content_type: str | None
    logged_at: int


class FoundArtifacts(Model):
    """Files by path, then by run."""

    artifacts: list[FoundArtifact]
    more: bool = Field(description="Whether there are more than were asked for")


class StoredArtifact(Model):
    """What an upload became."""

    path: str
    size: int
    sha256: str


class StoredBlob(Model):
    """A content in the blob store, ready to be named by an ArtifactLogged event."""

    sha256: str
    size: int
