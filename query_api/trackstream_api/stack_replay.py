"""`trackstream replay` on the distributed composition: this process rebuilds, the consumers go on."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream.log.kafka import KafkaLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_api.stack_settings import blobs_from_environment, stack_from_environment
from trackstream_consumers.engine import Engine
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_consumers.migrate import migrate_together
from trackstream_consumers.replay_beside import replay_beside

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackstream_consumers.replay import ReplayProgress
    from trackstream_schemas.events import DeadLettered

_CLIENTS = 4


def replay_stack(report: Callable[[ReplayProgress], None]) -> ReplayProgress:
    """Rebuild the tables of the store that the environment describes, and swap them in.

    Raises InvalidInput for settings that cannot be right, Unavailable or StorageFailed where a server does
    not answer, and what `replay_beside` raises; the tables are then as they were.
    """
    settings = stack_from_environment()
    blobs = blobs_from_environment()
    with ExitStack() as opened:
        opened.callback(blobs.close)
        live = Engine(settings.engine_target, settings.database, _CLIENTS)
        opened.callback(live.close)
        migrate_together(live)
        writer = KafkaLogWriter(settings.kafka_uri)
        opened.callback(writer.close)
        producer = Producer(writer, Settings())
        opened.callback(producer.close)

        def give_up(letter: DeadLettered) -> None:
            producer.emit_and_wait([letter])

        spool = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="trackstream-replay-")))
        return replay_beside(
            live,
            lambda topics: KafkaLogReader(settings.kafka_uri, topics),
            blobs,
            spool,
            give_up,
            report,
        )
