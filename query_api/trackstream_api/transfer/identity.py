"""Who appends what was made from something else: the same source always gives the same identity.

An event is recognised by (producer_id, sequence), so a transfer that is done again, after a kill or on
purpose, doubles nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from trackstream_schemas.events import Envelope, Event
from trackstream_schemas.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trackstream_schemas.events import Body

ACTOR = "import"


class Dated(NamedTuple):
    """A fact and when it became one, milliseconds since the epoch."""

    occurred_at: int
    body: Body


def producer_of(kind: str, *parts: str) -> str:
    """Return the producer of what is made from the thing that `kind` and `parts` identify."""
    return f"import-{digest_of(kind, *parts)[:40]}"


def digest_of(*parts: str) -> str:
    """Return a digest of texts, in hex."""
    joined = "\x00".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def stamped(producer_id: str, facts: Iterable[Dated], first: int = 0) -> Iterator[Event]:
    """Yield facts as events of a producer, with sequences from `first` on."""
    for sequence, fact in enumerate(facts, first):
        moment = max(0, fact.occurred_at)
        event_id = uuid7(moment, int(digest_of(producer_id, str(sequence))[:20], 16))
        yield Event(Envelope(event_id, moment, producer_id, sequence, ACTOR), fact.body)
