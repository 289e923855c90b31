"""A delivery that tells of nothing, to try a receiver with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackstream_api.webhooks.happenings import EVENTS, wants
from trackstream_api.webhooks.payloads import body_of
from trackstream_schemas.events import Envelope
from trackstream_schemas.ids import new_id
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from trackstream_api.webhooks.config import Webhook


def trial(webhook: Webhook) -> tuple[str, bytes]:
    """Return the id and the body of a test of a webhook."""
    name = next(name for name in EVENTS if wants(webhook.events[:1], name))
    delivery_id = new_id()
    envelope = Envelope(delivery_id, time.time_ns() // 1_000_000, "", 0)
    return delivery_id, body_of(name, delivery_id, envelope, Position("test", 0, 0), {"test": True})
