"""The threads that deliver: one that reads the log into the outbox, and one for each webhook."""

from __future__ import annotations

import logging
import random
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from trackstream_api.webhooks.backoff import pause_after
from trackstream_api.webhooks.config import secrets_of
from trackstream_api.webhooks.happenings import topics_of, wants
from trackstream_api.webhooks.outbox import Outbox
from trackstream_api.webhooks.payloads import deliveries_of
from trackstream_api.webhooks.sending import Sender
from trackstream_consumers.log.port import Growing
from trackstream_schemas import codec
from trackstream_schemas.errors import MalformedEvent, TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trackstream_api.store import Store
    from trackstream_api.webhooks.config import Webhook
    from trackstream_api.webhooks.outbox import Delivery, NewDelivery
    from trackstream_consumers.log.port import LogReader, LogRecord

logger = logging.getLogger(__name__)

_POLL_RECORDS = 200
_POLL_SECONDS = 1.0
_SAVE_SECONDS = 5.0
"""How often it is noted that records were read of which nothing is delivered."""
_REFRESH_SECONDS = 5.0
_AGAIN_SECONDS = 2.0
_LOOK_SECONDS = 2.0
"""How often to look whether somebody has asked for a dead letter to be tried again."""
_STOP_SECONDS = 15.0


class Delivering:
    """Works from construction to `close`. An outbox that is new begins with what happens from now on."""

    def __init__(
        self, store: Store, webhooks: Sequence[Webhook], environ: Mapping[str, str], state: Path
    ) -> None:
        """Raises InvalidInput for a secret that is missing, StorageFailed where `state` cannot be used."""
        self._store = store
        self._webhooks = [webhook for webhook in webhooks if webhook.enabled]
        secrets = {webhook.name: secrets_of(webhook, environ) for webhook in self._webhooks}
        self._topics = topics_of([pattern for webhook in self._webhooks for pattern in webhook.events])
        self._stopping = threading.Event()
        self._reader: LogReader | None = None
        self._news = {webhook.name: threading.Event() for webhook in self._webhooks}
        self.failure: TrackstreamError | None = None
        """Why the log is not read any more."""
        with ExitStack() as opened:
            self._outbox = opened.enter_context(Outbox(state))
            self._start_at_the_end()
            # One that is only switched off keeps what waits for it.
            given_up = self._outbox.give_up_all_but([webhook.name for webhook in webhooks])
            if given_up:
                logger.warning("%d deliveries are of webhooks that there are no more", given_up)
            senders = [
                (webhook, opened.enter_context(Sender(webhook, secrets[webhook.name])))
                for webhook in self._webhooks
            ]
            self._threads = [
                threading.Thread(target=self._read, name="trackstream-webhooks", daemon=True),
                *(
                    threading.Thread(
                        target=self._send, args=pair, name=f"trackstream-webhook-{pair[0].name}", daemon=True
                    )
                    for pair in senders
                ),
            ]
            self._opened = opened.pop_all()
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Finish the attempts under way, and stop. Repeatable."""
        self._stopping.set()
        if self._reader is not None:
            self._reader.wake()
        for news in self._news.values():
            news.set()
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._opened.close()

    def __enter__(self) -> Delivering:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start_at_the_end(self) -> None:
        """Note where the log ends, for topics that are read for the first time."""
        known = {partition.topic for partition in self._outbox.positions()}
        unknown = [topic for topic in self._topics if topic not in known]
        if unknown:
            reader = self._store.open_reader(unknown)
            try:
                self._outbox.accept((), reader.end())
            finally:
                reader.close()

    def _read(self) -> None:
        while not self._stopping.is_set():
            try:
                self._reader = reader = self._store.open_reader(self._topics)
                try:
                    self._read_on(reader)
                finally:
                    reader.close()
            except Unavailable as error:
                logger.warning("webhooks: %s; trying again", error)
                self._stopping.wait(_AGAIN_SECONDS)
            except TrackstreamError as error:
                logger.error("webhooks: nothing more is read: %s", error)
                self.failure = error
                return

    def _read_on(self, reader: LogReader) -> None:
        known = self._outbox.positions()
        reader.seek({at: known.get(at, 0) for at in reader.assigned()})
        saved = refreshed = time.monotonic()
        unsaved = False
        while not self._stopping.is_set():
            if isinstance(reader, Growing) and time.monotonic() - refreshed >= _REFRESH_SECONDS:
                reader.refresh()
                refreshed = time.monotonic()
            records = reader.poll(_POLL_RECORDS, _POLL_SECONDS)
            deliveries = [delivery for record in records for delivery in self._deliveries(record)]
            unsaved = unsaved or bool(records)
            if deliveries or (unsaved and time.monotonic() - saved >= _SAVE_SECONDS):
                self._outbox.accept(deliveries, reader.positions())
                saved, unsaved = time.monotonic(), False
                for name in {delivery.webhook for delivery in deliveries}:
                    self._news[name].set()
        if unsaved:
            self._outbox.accept((), reader.positions())

    def _deliveries(self, record: LogRecord) -> list[NewDelivery]:
        try:
            event = codec.decode(record.value)
            return deliveries_of(self._store, event, record.position, record.key, self._receivers)
        except MalformedEvent:
            # The projectors make a dead letter of it.
            return []
        except TrackstreamError:
            raise
        # One event that cannot be told must not keep all others waiting for ever.
        except Exception:
            logger.exception("webhooks: the event at %s cannot be told", record.position)
            return []

    def _receivers(self, name: str) -> list[str]:
        return [webhook.name for webhook in self._webhooks if wants(webhook.events, name)]

    def _send(self, webhook: Webhook, sender: Sender) -> None:
        news = self._news[webhook.name]
        while not self._stopping.is_set():
            news.clear()
            try:
                delivery = self._outbox.next_of(webhook.name)
                due_in = _LOOK_SECONDS if delivery is None else delivery.next_at / 1000 - time.time()
                if delivery is None or due_in > 0:
                    news.wait(min(due_in, _LOOK_SECONDS))
                else:
                    self._attempt(webhook, sender, delivery)
            except TrackstreamError as error:
                logger.warning("webhook %s: %s; trying again", webhook.name, error)
                self._stopping.wait(_AGAIN_SECONDS)

    def _attempt(self, webhook: Webhook, sender: Sender, delivery: Delivery) -> None:
        outcome = sender.send(delivery.delivery_id, delivery.body)
        if outcome.delivered:
            self._outbox.delivered(delivery.number)
            return
        attempts = delivery.attempts + 1
        pause = pause_after(webhook, attempts, outcome, random.random())
        self._outbox.failed(delivery.number, outcome.error, pause)
        if pause is None:
            logger.warning(
                "webhook %s: %s %s was given up after %d attempts: %s",
                webhook.name,
                delivery.event,
                delivery.delivery_id,
                attempts,
                outcome.error,
            )
