"""The distributed composition: the log on Kafka, tables on a ClickHouse server, contents in MinIO.

The process keeps nothing: any number of replicas serve the same store, and the projectors run elsewhere
(`trackstream consume`).
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from trackstream.log.kafka import KafkaLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_api.as_of.snapshots import Snapshots
from trackstream_api.barrier import Barrier
from trackstream_api.errors import ReplayElsewhere
from trackstream_api.models.admin import ProjectorPosition
from trackstream_api.models.rebuild import NO_REPLAY, NO_VERIFY, ReplayState, VerifyState
from trackstream_api.queries import events, status
from trackstream_api.read_gate import ReadGate
from trackstream_api.stored_positions import StoredPositions, StoredProjection
from trackstream_consumers.engine import Engine
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_consumers.log.kafka_watch import KafkaLogWatch
from trackstream_consumers.migrate import migrate_together
from trackstream_consumers.projectors.artifacts import ArtifactProjector
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_consumers.projectors.metrics import MetricProjector
from trackstream_consumers.rebuild.replay_plan import EVERYTHING
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME
from trackstream_schemas.kafka_topics import LIMITED_RETENTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from trackstream.log.port import EncodedEvent, LogWriter
    from trackstream_api.queries.status import Counts
    from trackstream_api.stack_settings import StackSettings
    from trackstream_consumers.log.port import LogReader
    from trackstream_consumers.rebuild.replay_plan import ReplayPlan
    from trackstream_schemas.blobs import BlobStore
    from trackstream_schemas.position import Position, TopicPartition

PROJECTORS = (EntityProjector, MetricProjector, ArtifactProjector)
"""Every kind of projector there is."""
PROJECTED_TOPICS = tuple(topic for kind in PROJECTORS for topic in kind.topics)
_PRODUCER_LINGER_MS = 5000
_CLIENTS = 8


class DistributedStore:
    """Implements `store.Store` over servers. Close it, or use it in a `with`."""

    def __init__(self, settings: StackSettings, blobs: BlobStore) -> None:
        """Connect, and make the tables where they are missing.

        Raises Unavailable where a server does not answer, StorageFailed where the log has no topics,
        StoreTooNew where the tables are a newer version's.
        """
        with ExitStack() as opened:
            self._open(settings, blobs, opened)
            self._opened = opened.pop_all()

    def _open(self, settings: StackSettings, blobs: BlobStore, opened: ExitStack) -> None:
        self.location = f"{settings.kafka_shown} and {settings.clickhouse_shown}"
        self.blobs: BlobStore = blobs
        self.engine = Engine(settings.engine_target, settings.database, _CLIENTS)
        opened.callback(self.engine.close)
        migrate_together(self.engine)
        self.snapshots = Snapshots(self.engine, shared=True)
        opened.callback(self.snapshots.close)
        self._kafka_uri = settings.kafka_uri
        self._watch = KafkaLogWatch(settings.kafka_uri, PROJECTED_TOPICS)
        opened.callback(self._watch.close)
        self._stored = StoredPositions(self.engine)
        self._projections = [StoredProjection(kind.name, kind.topics, self._stored) for kind in PROJECTORS]
        self.barrier = Barrier(self._watch, self._projections)
        writer = KafkaLogWriter(settings.kafka_uri)
        opened.callback(writer.close)
        self.log: LogWriter = _ProjectedHistory(writer, self)
        self.producer = Producer(writer, Settings(linger_ms=_PRODUCER_LINGER_MS))
        opened.callback(self.producer.close)
        self._make_default_experiment()
        # Never closed: nothing in this process swaps tables.
        self.gate = ReadGate()
        self.replay = NoReplay()
        self.verify = NoVerify()
        self._decisions = threading.Lock()
        self._counted: tuple[Any, Counts] | None = None

    def _make_default_experiment(self) -> None:
        """Experiment 0 exists without anybody having made it; made twice at the same time it is made once."""
        if not events.messages(self.engine, topics.EXPERIMENTS, DEFAULT_EXPERIMENT_ID):
            created = e.ExperimentCreated(DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME)
            self.producer.emit_and_wait([created])

    def open_reader(self, topics: Sequence[str]) -> LogReader:
        return KafkaLogReader(self._kafka_uri, topics)

    def offsets_at(self, millis: int) -> Mapping[TopicPartition, int]:
        return self._watch.offsets_at(millis)

    @contextmanager
    def deciding(self) -> Iterator[None]:
        with self._decisions:
            yield

    def positions(self) -> list[ProjectorPosition]:
        ends, begins = sorted(self._watch.ends().items()), self._watch.begins()
        found = []
        for projection in self._projections:
            reached = projection.positions()
            found += [
                ProjectorPosition.model_construct(
                    projector=projection.name,
                    topic=at.topic,
                    partition=at.partition,
                    next_offset=(next_offset := reached.get(at, 0)),
                    end=end,
                    lost=0 if at.topic in LIMITED_RETENTION else max(0, begins.get(at, 0) - next_offset),
                )
                for at, end in ends
                if at.topic in projection.topics
            ]
        return found

    def lag_ms(self) -> int:
        return self.barrier.lag_ms(topics.EVENT_TOPICS)

    def counts(self) -> Counts:
        state = tuple((projection.name, *projection.positions().items()) for projection in self._projections)
        if self._counted is None or self._counted[0] != state:
            self._counted = (state, status.counts(self.engine))
        return self._counted[1]

    def log_bytes(self) -> int | None:
        """Return None: the brokers keep it."""
        return None

    def failure(self) -> str | None:
        """Return None: nothing in this process stops for good.

        Its clients of the log, the tables and the contents are replaced where they fail. A consumer that has
        stopped says so by ending and at its own /health; were a replica to say it at its /health, all of them
        would be taken out of service for it, with the ingest and the reads that still work. How far behind
        the tables are stands in the status.
        """
        return None

    def waiting(self) -> str | None:
        """Return None: a consumer that waits says so at its own /health."""
        return None

    def close(self) -> None:
        """Send what is buffered and disconnect. Repeatable."""
        self._opened.close()

    def __enter__(self) -> DistributedStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class NoReplay:
    """The replay of a store whose projectors this process does not run."""

    def start(self, plan: ReplayPlan = EVERYTHING, *, from_start: bool = False) -> ReplayState:
        """Raise ReplayElsewhere."""
        raise ReplayElsewhere(
            "a replay reads the whole log, and this server does not run the consumers: run `trackstream"
            " replay` where TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_… are set as here"
        )

    def state(self) -> ReplayState:
        """Return that none was ever asked for."""
        return NO_REPLAY


class NoVerify:
    """The comparison of a store whose projectors this process does not run."""

    def start(self, names: Sequence[str] = ()) -> VerifyState:
        """Raise ReplayElsewhere."""
        raise ReplayElsewhere(
            "a comparison reads the whole log, and this server does not run the consumers: run `trackstream"
            " verify` where TRACKSTREAM_KAFKA and TRACKSTREAM_CLICKHOUSE are set as here"
        )

    def state(self) -> VerifyState:
        """Return that none was ever asked for."""
        return NO_VERIFY


class _ProjectedHistory:
    """A log writer on Kafka that answers for an entity's history from the table that is projected from it."""

    def __init__(self, writer: KafkaLogWriter, store: DistributedStore) -> None:
        self._writer = writer
        self._store = store

    def append(self, events: Sequence[EncodedEvent]) -> Future[list[Position]]:
        return self._writer.append(events)

    def history(self, topic: str, key: str) -> list[e.Event] | None:
        """As on the log when this is asked. Raises Unavailable where the projection does not catch up."""
        self._store.barrier.wait((topic,))
        return [codec.decode(message) for message in events.messages(self._store.engine, topic, key)]

    def close(self) -> None:
        self._writer.close()
