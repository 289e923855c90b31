"""Places on the log as text: topics by name, positions, and vectors of offsets.

A vector is `runs=12.0.7,metrics=44`: for each topic the offset to read next in each of its partitions, from
partition 0 on. It names every place that a reader of these topics stands at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "trackstream."
_POSITION = re.compile(r"([a-z.-]+):(\d{1,5}):(\d{1,19})")
_OFFSETS = re.compile(r"\d{1,19}(\.\d{1,19})*")
_LARGEST_OFFSET = 2**63 - 1


def topic_named(text: str, field: str = "topic") -> str:
    """Return the topic that `text` names, with or without `trackstream.` before it. Raises InvalidInput."""
    name = text if text.startswith(PREFIX) else PREFIX + text
    if name not in topics.EVENT_TOPICS:
        raise InvalidInput(field, text, f"one of {', '.join(map(short_name, topics.EVENT_TOPICS))}")
    return name


def short_name(topic: str) -> str:
    """Return a topic's name without `trackstream.`."""
    return topic.removeprefix(PREFIX)


def is_position(text: str) -> bool:
    """Whether `text` looks like a position, with a topic that may not exist."""
    return _POSITION.fullmatch(text) is not None


def parse_position(text: str, field: str = "position") -> Position:
    """Return the position that `topic:partition:offset` names. Raises InvalidInput."""
    found = _POSITION.fullmatch(text)
    if found is None or int(found[3]) > _LARGEST_OFFSET:
        raise InvalidInput(field, text, "topic:partition:offset, such as runs:0:42")
    return Position(topic_named(found[1], field), int(found[2]), int(found[3]))


def vector_text(offsets: Mapping[TopicPartition, int]) -> str:
    """Return offsets as text; a topic's partitions count from 0 without a gap."""
    by_topic: dict[str, list[str]] = {}
    for (topic, _), offset in sorted(offsets.items()):
        by_topic.setdefault(short_name(topic), []).append(str(offset))
    return ",".join(f"{topic}={'.'.join(found)}" for topic, found in by_topic.items())


def parse_vector(text: str, field: str) -> dict[TopicPartition, int]:
    """Return what `vector_text` was given. Raises InvalidInput."""
    found: dict[TopicPartition, int] = {}
    for part in text.split(","):
        topic, _, offsets = part.partition("=")
        if not _OFFSETS.fullmatch(offsets):
            raise InvalidInput(field, text, "offsets by topic, such as runs=12.0.7,metrics=44")
        for partition, offset in enumerate(offsets.split(".")):
            found[TopicPartition(topic_named(topic, field), partition)] = int(offset)
    return found
