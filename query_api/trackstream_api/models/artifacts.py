"""Artifacts."""

from __future__ import annotations

from pydantic import Field

from trackstream_api.models.base import Model


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


class StoredArtifact(Model):
    """What an upload became."""

    path: str
    size: int
    sha256: str


class StoredBlob(Model):
    """A content in the blob store, ready to be named by an ArtifactLogged event."""

    sha256: str
    size: int
