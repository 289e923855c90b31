"""What stands behind one client: the log, the producer of the durability asked for, and where files go."""

from __future__ import annotations

import atexit
import logging
import threading
from typing import TYPE_CHECKING

from trackstream import context_tags
from trackstream.log.open import open_blob_store, open_log_writer
from trackstream.producer import Producer
from trackstream.spool import OFFLINE
from trackstream.spool.adoption import Adoption
from trackstream.spool.forwarding import Destination
from trackstream.spool.log import SUFFIX
from trackstream.spool.place import blobs_of, spool_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackstream.artifacts import BlobUpload
    from trackstream.delivery import DeliveryReport
    from trackstream.delivery_thread import OnForwarded
    from trackstream.emitter import Emitter
    from trackstream.log.port import LogWriter
    from trackstream.settings import Settings
    from trackstream.spool.overflow import Overflow


logger = logging.getLogger("trackstream")
# Held here: a client that nobody refers to any more may still have something to send.
_unclosed: set[ClientDelivery] = set()


class ClientDelivery:
    """Opened by `open_delivery`, ended by `close`."""

    def __init__(
        self,
        writer: LogWriter,
        emitter: Emitter,
        blobs: Callable[[], BlobUpload],
        adoption: Adoption | None,
        spools: bool,
    ) -> None:
        self.writer = writer
        self.emitter = emitter
        self.blobs = blobs
        self.spools = spools
        """Whether what is logged is on the disk when the call returns, whatever the log does."""
        self._adoption = adoption
        _unclosed.add(self)

    def close(self, timeout: float | None) -> DeliveryReport:
        """Send what is buffered, for at most `timeout` seconds, and release the log."""
        _unclosed.discard(self)
        if self._adoption is not None:
            self._adoption.stop()
        report = self.emitter.close(timeout)
        if report.complete and not any(report.spooled):
            self.writer.close()
        return report


@atexit.register
def _close_all() -> None:
    """Send at a normal end of the process what clients that were never closed still hold."""
    for delivery in list(_unclosed):
        try:
            delivery.close(None)
        # The process ends for its own reasons; ours must not get in the way.
        except Exception:
            logger.exception("trackstream could not finish")


def open_delivery(uri: str, settings: Settings, writer: LogWriter | None = None) -> ClientDelivery:
    """Open the log at `uri` (or use `writer`) and make the producer that the settings ask for.

    What dead processes of this user left in their spools begins to be forwarded. Raises InvalidInput,
    StorageFailed or Unavailable where the log cannot be opened.
    """
    log = open_log_writer(uri) if writer is None else writer
    actor = context_tags.user_name() if settings.actor is None else settings.actor
    directory = spool_directory(settings, uri)
    offline = uri.startswith(OFFLINE)
    blobs = _once(lambda: open_blob_store(uri))
    to = Destination(log, blobs)
    adoption = None
    if not offline:
        adoption = Adoption(directory, uri, to, settings)
        adoption.start()
    if offline or settings.durability == "spool":
        from trackstream.spooling_producer import SpoolingProducer

        spooling = SpoolingProducer(
            directory, "" if offline else uri, None if offline else to, settings, actor
        )

        def spooled_blobs() -> BlobUpload:
            return blobs_of(directory / f"{spooling.producer_id}{SUFFIX}")

        return ClientDelivery(log, spooling, spooled_blobs, adoption, spools=True)

    def overflow(changed: threading.Condition, on_forwarded: OnForwarded) -> Overflow:
        from trackstream.spool.overflow import Overflow

        return Overflow(directory, uri, to, settings, changed, on_forwarded)

    producer = Producer(log, settings, actor, overflow, reports=True)
    return ClientDelivery(log, producer, blobs, adoption, spools=False)


def _once(make: Callable[[], BlobUpload]) -> Callable[[], BlobUpload]:
    lock = threading.Lock()
    made: list[BlobUpload] = []

    def get() -> BlobUpload:
        with lock:
            if not made:
                made.append(make())
            return made[0]

    return get
