"""The consumer process of the distributed composition: a member of the projectors' groups."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream.log.kafka import KafkaLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_api.consumer_health import ConsumerHealth
from trackstream_api.stack_settings import (
    blobs_from_environment,
    refuse_wrong_blobs,
    stack_from_environment,
)
from trackstream_consumers.consumer import Consumer
from trackstream_consumers.dead_letters import loss_letter
from trackstream_consumers.engine import DATABASE, Engine
from trackstream_consumers.epoch import Fence
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_consumers.log.kafka_watch import KafkaLogWatch
from trackstream_consumers.migrate import migrate_together
from trackstream_consumers.projectors.artifacts import ArtifactProjector
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_consumers.projectors.metrics import MetricProjector
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_schemas.errors import StorageFailed, TrackstreamError, Unavailable
from trackstream_schemas.kafka_connection import environment_name

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from trackstream_consumers.errors import RecordsLost
    from trackstream_consumers.projectors.port import Projector
    from trackstream_schemas.blobs import BlobStore
    from trackstream_schemas.events import DeadLettered
    from trackstream_schemas.position import TopicPartition

logger = logging.getLogger(__name__)

KINDS = ("entities", "metrics", "artifacts")
_LOOK_SECONDS = 0.5
_CLIENTS = 4


def group_of(projector: str, database: str) -> str:
    """Return the name of a projector's consumer group.

    Another database is another projection of the same log, with members of its own.
    """
    return f"trackstream.{projector}" + (f".{database}" if database != DATABASE else "")


def run(
    kind: str,
    stopping: threading.Event,
    group_instance: str | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    spool: Path | None = None,
    accept_loss: bool = False,
    announce: Callable[[str], None] = lambda _text: None,
) -> None:
    """Consume for one of KINDS, or `all`, until `stopping` is set; finishes the batch under way.

    Where that is set before all is up, what could not be reached so far is nobody's concern any more. Raises
    InvalidInput for settings that cannot be right, Unavailable or StorageFailed where a server does not
    answer at the start, or the blob store does not let us in, and what stopped a projection for good.
    """
    settings = stack_from_environment()
    environ = dict(os.environ)
    if group_instance is not None:
        environ[environment_name("group.instance.id")] = group_instance
    with ExitStack() as opened:
        opened.push(partial(_ended_as_asked, stopping))
        engine = Engine(settings.engine_target, settings.database, _CLIENTS)
        opened.callback(engine.close)
        migrate_together(engine)
        writer = KafkaLogWriter(settings.kafka_uri)
        opened.callback(writer.close)
        producer = Producer(writer, Settings())
        opened.callback(producer.close)

        def give_up(letter: DeadLettered) -> None:
            producer.emit_and_wait([letter])

        consumers: list[Consumer] = []
        for name in KINDS if kind == "all" else (kind,):
            if stopping.is_set():
                return
            # One fence for each: a projector must not go by what another one has seen.
            fence = Fence(engine)
            projector = _projector(name, engine.fenced(fence), opened, spool)
            group = group_of(projector.name, settings.database)
            reader = KafkaLogReader(
                settings.kafka_uri,
                projector.topics,
                group,
                partial(_positions, projector),
                environ,
                on_loss=partial(_go_on, projector.name, consumers, give_up) if accept_loss else None,
            )
            consumer = Consumer(reader, projector, give_up, fence=fence)
            opened.callback(consumer.close)
            consumers.append(consumer)
        if port is not None:
            read = [topic for consumer in consumers for topic in consumer.projector.topics]
            watch = KafkaLogWatch(settings.kafka_uri, read)
            opened.callback(watch.close)
            health = ConsumerHealth(consumers, watch, host, port)
            opened.callback(health.close)
            announce(f"health and metrics at {health.url}")
        for consumer in consumers:
            consumer.start()
        announce(f"consuming {kind} from {settings.kafka_shown}")
        while not stopping.wait(_LOOK_SECONDS):
            _raise_failure(consumers)


def _ended_as_asked(
    stopping: threading.Event, kind: type[BaseException] | None, _error: object, _trace: object
) -> bool:
    """Say to an ExitStack whether an error is of one that was asked to stop meanwhile."""
    return stopping.is_set() and kind is not None and issubclass(kind, TrackstreamError)


def _go_on(
    projector: str,
    consumers: Sequence[Consumer],
    give_up: Callable[[DeadLettered], None],
    loss: RecordsLost,
) -> None:
    """Tell of a loss on the dead-letter topic and in the consumer's progress; called by its thread."""
    logger.error("%s goes on although %s", projector, loss)
    try:
        give_up(loss_letter(projector, loss))
    except StorageFailed as error:
        raise Unavailable(f"the dead-letter topic: {error}") from error
    progress = next(consumer.progress for consumer in consumers if consumer.projector.name == projector)
    now = progress.snapshot()
    progress.update(
        records_lost=now.records_lost + loss.found - loss.expected,
        dead_letters=now.dead_letters + 1,
        last_error=str(loss),
    )


def _positions(projector: Projector, _wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    return projector.positions()


def _projector(name: str, engine: Engine, opened: ExitStack, spool: Path | None) -> Projector:
    if name == "entities":
        return EntityProjector(engine)
    if name == "metrics":
        return MetricProjector(engine)
    blobs = blobs_from_environment()
    refuse_wrong_blobs(blobs)
    return ArtifactProjector(engine, _upload_sink(opened, spool, blobs))


def _upload_sink(opened: ExitStack, spool: Path | None, blobs: BlobStore) -> UploadSink:
    """Return a sink on a directory of this process alone: the log, not the directory, is resumed from."""
    try:
        if spool is not None:
            spool.mkdir(parents=True, exist_ok=True)
        directory = tempfile.TemporaryDirectory(prefix="trackstream-spool-", dir=spool)
    except OSError as error:
        raise StorageFailed(f"cannot make a directory for artifacts: {error}") from error
    opened.callback(directory.cleanup)
    return UploadSink(Path(directory.name), blobs, outlives_process=False)


def _raise_failure(consumers: list[Consumer]) -> None:
    for consumer in consumers:
        failure = consumer.progress.snapshot().failure
        if isinstance(failure, TrackstreamError):
            raise failure
        if failure is not None:
            raise RuntimeError(f"the {consumer.projector.name} projector has stopped: {failure}") from failure
