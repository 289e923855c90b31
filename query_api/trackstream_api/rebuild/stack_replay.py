"""`trackstream replay` and `verify` on the real stack: this process does it, the consumers go on."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trackstream.log.kafka import KafkaLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_api.rebuild.replay_scope import replay_plan, topics_named
from trackstream_api.stack_settings import blobs_from_environment, stack_from_environment
from trackstream_consumers.engine import Engine
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_consumers.log.kafka_watch import KafkaLogWatch
from trackstream_consumers.migrate import migrate_together
from trackstream_consumers.rebuild.replay_beside import replay_beside
from trackstream_consumers.rebuild.replay_plan import EVERYTHING
from trackstream_consumers.rebuild.verify import Verification, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trackstream_consumers.log.port import LogReader
    from trackstream_consumers.rebuild.replay import ReplayProgress
    from trackstream_consumers.rebuild.verify import VerifyProgress, VerifyResult
    from trackstream_schemas.blobs import BlobStore
    from trackstream_schemas.events import DeadLettered
    from trackstream_schemas.position import TopicPartition

_CLIENTS = 4


def replay_stack(
    report: Callable[[ReplayProgress], None],
    names: Sequence[str] = (),
    since: str | None = None,
    *,
    from_start: bool = False,
) -> ReplayProgress:
    """Rebuild tables of the store that the environment describes, and swap them in.

    For `names` and `since` see `replay_scope`. Raises InvalidInput for settings that cannot be right,
    Unavailable or StorageFailed where a server does not answer, and what `replay_beside` raises; the tables
    are then as they were.
    """
    with _opened() as stack, ExitStack() as opened:
        plan = replay_plan(names, since, stack)
        writer = KafkaLogWriter(stack.kafka_uri)
        opened.callback(writer.close)
        producer = Producer(writer, Settings())
        opened.callback(producer.close)

        def give_up(letter: DeadLettered) -> None:
            producer.emit_and_wait([letter])

        spool = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="trackstream-replay-")))
        return replay_beside(
            stack.live, stack.open_reader, stack.blobs, spool, give_up, report, plan, from_start=from_start
        )


def verify_stack(report: Callable[[VerifyProgress], None], names: Sequence[str] = ()) -> VerifyResult:
    """Compare the tables of the store that the environment describes with its log; see `verify`."""
    chosen = topics_named(names)
    with _opened() as stack, tempfile.TemporaryDirectory(prefix="trackstream-verify-") as scratch:
        what = Verification(stack.live, stack.open_reader, None)
        return verify(what, stack.blobs, Path(scratch), chosen, report)


class _Stack(NamedTuple):
    """The store that the environment describes. Implements `LogClock`."""

    live: Engine
    kafka_uri: str
    blobs: BlobStore
    watch: KafkaLogWatch

    def open_reader(self, topics: Sequence[str]) -> LogReader:
        """Return a reader of all partitions of these topics, which belongs to the caller."""
        return KafkaLogReader(self.kafka_uri, topics)

    def offsets_at(self, millis: int) -> Mapping[TopicPartition, int]:
        """Return for every partition the first offset that the log took at or after this time."""
        return self.watch.offsets_at(millis)


@contextmanager
def _opened() -> Iterator[_Stack]:
    settings = stack_from_environment()
    blobs = blobs_from_environment()
    with ExitStack() as opened:
        opened.callback(blobs.close)
        live = Engine(settings.engine_target, settings.database, _CLIENTS)
        opened.callback(live.close)
        migrate_together(live)
        watch = KafkaLogWatch(settings.kafka_uri, EVERYTHING.topics)
        opened.callback(watch.close)
        yield _Stack(live, settings.kafka_uri, blobs, watch)
