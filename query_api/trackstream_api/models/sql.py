"""What users' SQL can be about."""

from __future__ import annotations

from pydantic import Field

from trackstream_api.models.base import Model


class SqlViewColumn(Model):
    """A column of a view."""

    name: str
    type: str = Field(description="ClickHouse type")
    meaning: str


class SqlView(Model):
    """A view."""

    name: str
    meaning: str
    columns: list[SqlViewColumn]


class SqlViews(Model):
    """The views, by name."""

    views: list[SqlView]
