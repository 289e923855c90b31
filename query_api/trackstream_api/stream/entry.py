"""A record on its way to listeners: decoded and rendered once for all of them."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

from trackstream_api.stream import rendering
from trackstream_api.stream.selection import NAMING_TYPES
from trackstream_schemas import codec
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from trackstream_api.stream.selection import Experiments, Selection
    from trackstream_consumers.log.port import LogRecord
    from trackstream_schemas.events import Event


class Entry:
    """May be used by several threads: what they make twice at the same time is the same."""

    def __init__(self, record: LogRecord) -> None:
        self.record = record
        self.position = record.position

    @cached_property
    def event_type(self) -> str:
        """The event's name, from the record's header alone where that can be read."""
        try:
            return codec.schema_of(self.record.value).event_name
        except MalformedEvent:
            return rendering.UNREADABLE

    @cached_property
    def event(self) -> Event | None:
        """The event; None where the record is none."""
        try:
            return codec.decode(self.record.value)
        except MalformedEvent:
            return None

    @cached_property
    def summary(self) -> bytes:
        """The record as JSON, metric points summed up."""
        return self._json(points=False)

    def json(self, points: bool) -> bytes:
        """Return the record as JSON, with all metric points where `points` says so."""
        # Points are many, and few listeners want them: they are not kept.
        if points and self.event_type == "MetricsLogged":
            return self._json(points=True)
        return self.summary

    def is_wanted(self, selection: Selection, experiments: Experiments) -> bool:
        """Whether the record is in a selection; may look into the log."""
        topic, key = self.position.topic, self.record.key
        if not selection.may_want(topic, key, self.event_type):
            return False
        if selection.experiment_id is None:
            return True
        event = self.event if self.event_type in NAMING_TYPES else None
        return experiments.of(topic, key, event) == selection.experiment_id

    def _json(self, points: bool) -> bytes:
        try:
            shown = rendering.rendered(self.record, points)
        except MalformedEvent as error:
            shown = rendering.unreadable(self.record, error)
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
