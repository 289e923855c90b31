"""What the app works on, and its embedded composition: everything in one directory and one process.

The other composition (Kafka, a ClickHouse server, MinIO, projectors elsewhere) is `distributed_store`.
Nothing else in this package knows what is behind the attributes and methods of `Store`.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from trackstream.log.open import BLOBS_FOLDER
from trackstream.log.sqlite import SqliteLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_api.as_of.snapshots import Snapshots
from trackstream_api.barrier import Barrier
from trackstream_api.directory_lock import DirectoryLock
from trackstream_api.gated_pipeline import GatedPipeline, LiveProjection
from trackstream_api.log_watch import SqliteLogWatch
from trackstream_api.models.admin import ProjectorPosition
from trackstream_api.queries import status
from trackstream_api.read_gate import ReadGate
from trackstream_api.rebuild.background_job import Turn
from trackstream_api.rebuild.replay_job import ReplayJob
from trackstream_api.rebuild.verify_job import VerifyJob
from trackstream_consumers.engine import Engine
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.migrate import migrate
from trackstream_consumers.rebuild.replay_plan import EVERYTHING
from trackstream_consumers.rebuild.verify import drop_leftovers
from trackstream_schemas import events as e
from trackstream_schemas import sqlite_layout, topics
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.ids import DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from trackstream.log.port import LogWriter
    from trackstream_api.models.rebuild import ReplayState, VerifyState
    from trackstream_api.queries.status import Counts
    from trackstream_consumers.log.port import LogReader
    from trackstream_consumers.rebuild.replay_plan import ReplayPlan
    from trackstream_schemas.blobs import BlobStore
    from trackstream_schemas.events import DeadLettered
    from trackstream_schemas.position import TopicPartition

logger = logging.getLogger(__name__)

ENGINE_FOLDER = "engine"
UPLOADS_FOLDER = "uploads"
# A command waits for its append, so there is nothing to linger for; this only spaces idle wake-ups.
_PRODUCER_LINGER_MS = 5000


class Replays(Protocol):
    """The rebuild of tables, as far as this process does it."""

    def start(self, plan: ReplayPlan = EVERYTHING, *, from_start: bool = False) -> ReplayState:
        """Begin a rebuild and return its state. Raises Conflict while one runs, or ReplayElsewhere."""
        ...

    def state(self) -> ReplayState:
        """Return how far the running rebuild is, or how the last one ended."""
        ...


class Verifications(Protocol):
    """The comparison of the tables with the log, as far as this process does it."""

    def start(self, names: Sequence[str] = ()) -> VerifyState:
        """Begin a comparison and return its state. Raises Conflict while one runs, or ReplayElsewhere."""
        ...

    def state(self) -> VerifyState:
        """Return how far the running comparison is, or what the last one found."""
        ...


class Store(Protocol):
    """A store that the app can serve. Everything may be used from any thread."""

    location: str
    """How people call it: a directory or an address."""
    engine: Engine
    blobs: BlobStore
    log: LogWriter
    """For events that come encoded."""
    producer: Producer
    """For events that commands become."""
    barrier: Barrier
    gate: ReadGate
    snapshots: Snapshots

    @property
    def replay(self) -> Replays:
        """The rebuild."""
        ...

    @property
    def verify(self) -> Verifications:
        """The comparison with the log."""
        ...

    def open_reader(self, topics: Sequence[str]) -> LogReader:
        """Return a reader of all partitions of these topics, which belongs to the caller."""
        ...

    def offsets_at(self, millis: int) -> Mapping[TopicPartition, int]:
        """Return for every partition the first offset that the log took at or after this time."""
        ...

    def deciding(self) -> AbstractContextManager[None]:
        """Hold off other commands of this process between reading a state and appending what follows from
        it. Races with other processes are settled by log order."""
        ...

    def positions(self) -> list[ProjectorPosition]:
        """Return how far each projector has come in each partition."""
        ...

    def lag_ms(self) -> int:
        """Return the age of the oldest record that some projector has not projected; 0 without any."""
        ...

    def counts(self) -> Counts:
        """Return how much the store holds. The caller holds the gate."""
        ...

    def log_bytes(self) -> int | None:
        """Return what the log takes on this machine's disk; None where it is elsewhere."""
        ...

    def failure(self) -> str | None:
        """Return why a projector stopped for good, or None."""
        ...

    def waiting(self) -> str | None:
        """Return what a projector of this process waits for, and for which reason, or None."""
        ...


class EmbeddedStore:
    """SQLite log, chDB, local blobs, and the projectors as threads. Close it, or use it in a `with`."""

    def __init__(self, directory: Path, lock: DirectoryLock | None = None) -> None:
        """Open the store in `directory`, which is made where it is missing.

        `lock` is the directory's, where the caller has taken it already; it is released with the store
        either way. Raises DirectoryHeld, or StorageFailed where the directory cannot be written.
        """
        directory = directory.absolute()
        with ExitStack() as opened:
            held = lock or DirectoryLock(directory, "server")
            opened.callback(held.release)
            self._open(directory, opened)
            self._opened = opened.pop_all()

    def _open(self, directory: Path, opened: ExitStack) -> None:
        self.location = str(directory)
        self._log_path = log_path = directory / sqlite_layout.FILE_NAME
        self.log: LogWriter = SqliteLogWriter(log_path)
        opened.callback(self.log.close)
        self.engine = Engine(directory / ENGINE_FOLDER)
        opened.callback(self.engine.close)
        drop_leftovers(self.engine)
        migrate(self.engine)
        self.snapshots = Snapshots(self.engine, shared=False)
        opened.callback(self.snapshots.close)
        self.blobs: BlobStore = DirectoryBlobStore(directory / BLOBS_FOLDER)
        self.producer = Producer(self.log, Settings(linger_ms=_PRODUCER_LINGER_MS))
        opened.callback(self.producer.close)
        self._make_default_experiment()
        self._watch = SqliteLogWatch(log_path)
        opened.callback(self._watch.close)
        self.gate = ReadGate()
        self._pipeline = GatedPipeline(
            self.gate,
            self.engine,
            lambda topics: SqliteLogReader(log_path, topics),
            self.blobs,
            directory / UPLOADS_FOLDER,
            self._give_up,
        )
        opened.callback(self._pipeline.close)
        self._projections = [LiveProjection(consumer) for consumer in self._pipeline.consumers]
        self.barrier = Barrier(self._watch, self._projections)
        self._decisions = threading.Lock()
        self._counted: tuple[Any, Counts] | None = None
        self._pipeline.start()
        turn = Turn()
        self.replay = ReplayJob(self._pipeline, turn)
        opened.callback(self.replay.close)
        self.verify = VerifyJob(self._pipeline, turn)
        opened.callback(self.verify.close)

    def _make_default_experiment(self) -> None:
        """Experiment 0 exists without anybody having made it, as with MLflow."""
        if not self.log.history(topics.EXPERIMENTS, DEFAULT_EXPERIMENT_ID):
            created = e.ExperimentCreated(DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME)
            self.producer.emit_and_wait([created])

    def open_reader(self, topics: Sequence[str]) -> LogReader:
        return SqliteLogReader(self._log_path, topics)

    def offsets_at(self, millis: int) -> Mapping[TopicPartition, int]:
        return self._watch.offsets_at(millis)

    def _give_up(self, letter: DeadLettered) -> None:
        self.producer.emit_and_wait([letter])

    @contextmanager
    def deciding(self) -> Iterator[None]:
        with self._decisions:
            yield

    def positions(self) -> list[ProjectorPosition]:
        found = sorted(self._pipeline.status())
        return [ProjectorPosition.model_construct(**line._asdict()) for line in found]

    def lag_ms(self) -> int:
        return self.barrier.lag_ms(topics.EVENT_TOPICS)

    def counts(self) -> Counts:
        # Counting is a scan, and Prometheus asks every few seconds: nothing new, nothing to count.
        state = tuple((projection.name, *projection.positions().items()) for projection in self._projections)
        if self._counted is None or self._counted[0] != state:
            self._counted = (state, status.counts(self.engine))
        return self._counted[1]

    def log_bytes(self) -> int | None:
        # The write-ahead file comes and goes beside it.
        files = self._log_path.parent.glob(f"{self._log_path.name}*")
        return sum(path.stat().st_size for path in files if path.is_file())

    def failure(self) -> str | None:
        failed = [projection.failure() for projection in self._projections]
        return next((failure for failure in failed if failure), None)

    def waiting(self) -> str | None:
        waiting = [projection.waiting() for projection in self._projections]
        return "; ".join(text for text in waiting if text) or None

    def close(self) -> None:
        """Stop the projectors, send what is buffered, close all, release the directory. Repeatable."""
        self._opened.close()

    def __enter__(self) -> EmbeddedStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
