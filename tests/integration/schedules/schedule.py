"""One random schedule: what happens to a store, its trainers, their spools and the projection."""

from __future__ import annotations

import random
import shutil
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple

from tests.consumers.crashes import Killed, MortalEngine
from tests.integration.schedules.trainers import TrainerGone
from trackstream.log.open import open_blob_store
from trackstream.log.sqlite import SqliteLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream.spool.forwarding import Destination
from trackstream.spool.place import spools_in
from trackstream.spool.syncing import state_of, sync
from trackstream_consumers.consumer import ConsumerSettings
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.pipeline import Pipeline
from trackstream_consumers.rebuild.replay import ReplayProgress, drop_shadow, replay
from trackstream_consumers.rebuild.replay_plan import plan_of
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.errors import StorageFailed, Unavailable
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.schedules.trainers import Nursery, Trainer
    from trackstream_consumers.engine import Engine
    from trackstream_consumers.rebuild.replay_plan import ReplayPlan
    from trackstream_schemas.events import DeadLettered
    from trackstream_schemas.position import TopicPartition

KEYS = ("loss", "acc")
_STEPS = 12
_MOST_TRAINERS = 4
_SMALL = ConsumerSettings(poll_records=4, max_rows=15, first_backoff=0.001)
_LARGE = ConsumerSettings(poll_records=200, first_backoff=0.001)
_DRAIN_S = 120.0


class Value(NamedTuple):
    """One call that was made; its value is used once in a schedule."""

    kind: str
    run_id: str
    key: str
    value: str
    trainer: int


class Schedule:
    """Plays a schedule on an empty engine and directory; `happened` is what it did so far, in words."""

    def __init__(self, seed: int, directory: Path, engine: Engine, nursery: Nursery) -> None:
        self.dice = random.Random(seed)
        self.happened: list[str] = []
        self.directory = directory
        self.engine = engine
        self.trainers: list[Trainer] = []
        self.kept: list[Value] = []
        """Calls that must not be lost: under `spool` they returned, or a flush behind them said so."""
        self.unsure: list[Value] = []
        """Calls that may be lost with their process, but must not be doubled."""
        self._nursery = nursery
        self._spools = directory / "spools"
        self._copies = 0
        self._broken_off: ReplayPlan | None = None
        self._number = 0
        self._opened = ExitStack()
        self._log = SqliteLogWriter(directory / "log.db", partitions=self.dice.choice((1, 2)))
        self._opened.callback(self._log.close)
        self.runs = [new_id(), new_id()]
        producer = Producer(self._log, Settings(linger_ms=1))
        producer.emit_and_wait([e.RunStarted(run_id, "0", run_id[-4:], 1000) for run_id in self.runs])
        producer.close()
        self.pipeline = self._pipeline_on(engine)

    def play(self, steps: int) -> None:
        """Let so many things happen."""
        for _ in range(steps):
            self._happen()

    def settle(self) -> None:
        """End all trainers in good order and bring every spool to the log."""
        for trainer in self._living():
            trainer.do("link", state="up")
            self._close(trainer, 60)
        until = time.monotonic() + _DRAIN_S
        while any(self._waiting()):
            self._sync()
            assert time.monotonic() < until, f"not forwarded: {self._waiting()}"
        self.happened.append("settled")

    def project(self) -> dict[TopicPartition, int]:
        """Project what is on the log and return up to where."""
        self.pipeline.catch_up()
        found: dict[TopicPartition, int] = {}
        for consumer in self.pipeline.consumers:
            found |= consumer.progress.snapshot().positions
        return found

    def close(self) -> None:
        """Release everything."""
        for trainer in self._living():
            with suppress(TrainerGone, OSError):
                trainer.kill()
        self._opened.close()
        drop_shadow(self.engine)

    def _pipeline_on(self, engine: Engine) -> Pipeline:
        pipeline = Pipeline(
            engine,
            lambda names: SqliteLogReader(self.directory / "log.db", names),
            DirectoryBlobStore(self.directory / "blobs"),
            self.directory / "uploads",
            _no_letters,
            self.dice.choice((_SMALL, _LARGE, _LARGE, _LARGE, _LARGE)),
        )
        self._opened.callback(pipeline.close)
        return pipeline

    def _living(self) -> list[Trainer]:
        return [trainer for trainer in self.trainers if trainer.ended is None]

    def _happen(self) -> None:
        living = self._living()
        if not living or (len(living) < _MOST_TRAINERS and self.dice.random() < 0.15):
            self._start()
            return
        acts = {
            self._log_something: 10,
            self._rewind: 2,
            self._break_link: 3,
            self._mend_link: 2,
            self._flush: 1,
            self._kill: 2,
            self._close_one: 1,
            self._sync: 2,
            self._copy_and_sync: 1,
            self.project: 2,
            self._project_and_die: 2,
            self._replay: 1 if self._broken_off is None else 5,
        }
        act = self.dice.choices(list(acts), list(acts.values()))[0]
        self.happened.append(act.__name__.strip("_"))
        act()

    def _start(self) -> None:
        durability = self.dice.choice(("memory", "spool"))
        settings = {
            "durability": durability,
            "writer": f"rank{len(self.trainers)}",
            "spool_dir": str(self._spools),
            "linger_ms": self.dice.choice((2, 20, 5000)),
            "batch_points": self.dice.choice((3, 1000)),
            "heartbeat_s": self.dice.choice((0.0, 0.3)),
            "spill_after_s": 0.02,
            "retry_first_ms": 1,
            "retry_longest_ms": 10,
        }
        state = self.dice.choice(("up", "up", "cut", "loses acknowledgements"))
        self.happened.append(f"start {durability}, {state}")
        trainer = self._nursery.trainer(str(self.directory), settings)
        self.trainers.append(trainer)
        for run_id in self.runs:
            trainer.do("attach", run_id=run_id)
        trainer.do("link", state=state)

    def _some(self) -> Trainer:
        return self.dice.choice(self._living())

    def _log_something(self) -> None:
        trainer = self._some()
        self._order(trainer, wait=True)

    def _order(self, trainer: Trainer, wait: bool) -> None:
        """Have a trainer log something; without `wait` it may be cut off amid it."""
        run_id, index = self.dice.choice(self.runs), self.trainers.index(trainer)
        kind = self.dice.choice(("points", "points", "points", "param", "tag"))
        self._number += 1
        first = 1000 * self._number
        if kind == "points":
            key, count = self.dice.choice(KEYS), self.dice.randint(1, 8)
            how = {"key": key, "first": first, "count": count, "step": self.dice.randint(0, _STEPS)}
            made = [Value(kind, run_id, key, str(first + one), index) for one in range(count)]
        else:
            key = f"{kind}{self._number}"
            how = {"key": key, "value": str(first)}
            made = [Value(kind, run_id, key, str(first), index)]
        self.unsure += made
        if wait:
            trainer.do(kind, run_id=run_id, **how)
            if trainer.settings["durability"] == "spool":
                self._keep(index)
        else:
            trainer.begin(kind, run_id=run_id, **how)

    def _keep(self, index: int) -> None:
        self.kept += [value for value in self.unsure if value.trainer == index]
        self.unsure = [value for value in self.unsure if value.trainer != index]

    def _rewind(self) -> None:
        self._some().do("rewind", run_id=self.dice.choice(self.runs), step=self.dice.randint(0, _STEPS))

    def _break_link(self) -> None:
        self._some().do("link", state=self.dice.choice(("cut", "loses acknowledgements")))

    def _mend_link(self) -> None:
        self._some().do("link", state="up")

    def _flush(self) -> None:
        trainer = self._some()
        if trainer.do("flush", timeout=0.05 if trainer.link != "up" else 60):
            self._keep(self.trainers.index(trainer))

    def _kill(self) -> None:
        trainer = self._some()
        if self.dice.random() < 0.7:
            self._order(trainer, wait=False)
            time.sleep(self.dice.choice((0, 0.0005, 0.003)))
        trainer.kill()

    def _close_one(self) -> None:
        trainer = self._some()
        self._close(trainer, 60 if trainer.link == "up" else 0.05)

    def _close(self, trainer: Trainer, timeout: float) -> None:
        trainer.do("close", timeout=timeout)
        if trainer.ended == "closed":
            self._keep(self.trainers.index(trainer))

    def _waiting(self) -> list[str]:
        """Return the spools that hold something which is not on the log."""
        found = []
        for path in spools_in(self._spools):
            try:
                state = state_of(path)
            except StorageFailed as error:
                _expect_unmade(error)
                continue
            if state is not None and (state.tally.waiting_events or state.journal_points):
                found.append(path.name)
        return found

    def _sync(self) -> None:
        to = Destination(self._log, lambda: open_blob_store(str(self.directory)), 60.0)
        for path in spools_in(self._spools):
            try:
                sync(path, to, delete=self.dice.random() < 0.3)
            except StorageFailed as error:
                _expect_unmade(error)

    def _copy_and_sync(self) -> None:
        """As if on another machine, where nobody can see whether the trainer still lives."""
        # The files of a living trainer change while they are copied.
        dead = {trainer.producer_id for trainer in self.trainers if trainer.ended}
        self._copies += 1
        target = self.directory / f"copy{self._copies}"
        target.mkdir()
        to = Destination(self._log, lambda: open_blob_store(str(self.directory)), 60.0)
        for path in spools_in(self._spools):
            if path.name.split(".")[0] in dead:
                for part in self._spools.glob(f"{path.name.split('.')[0]}*"):
                    # Who reads the spool beside us may end meanwhile: SQLite then removes what goes along.
                    with suppress(FileNotFoundError):
                        (shutil.copytree if part.is_dir() else shutil.copy2)(part, target / part.name)
        for path in spools_in(target):
            try:
                sync(path, to, recover_copy=self.dice.random() < 0.5)
            except StorageFailed as error:
                _expect_unmade(error)

    def _project_and_die(self) -> None:
        mortal = MortalEngine(self.engine, self.dice.randint(0, 25))
        pipeline = self._pipeline_on(mortal)
        with suppress(Killed):
            pipeline.catch_up()
        mortal.close()

    def _replay(self) -> None:
        names = self.dice.choice(((), (), (topics.METRICS,), (topics.RUNS,)))
        since = None
        if self.dice.random() < 0.3:
            since = {at: self.dice.randint(0, end) for at, end in self.pipeline.ends().items()}
        plan = plan_of(names, since)

        def break_off(progress: ReplayProgress) -> None:
            raise Unavailable("broken off")

        if self._broken_off is not None:
            replay(self.pipeline, plan=self._broken_off)
            self._broken_off = None
        elif self.dice.random() < 0.3:
            with suppress(Unavailable):
                replay(self.pipeline, break_off, plan)
            self._broken_off = plan
        else:
            replay(self.pipeline, plan=plan)


def _expect_unmade(error: StorageFailed) -> None:
    """A trainer that was killed while it made its spool has logged nothing there, and sync says so."""
    assert "killed before it had logged anything" in str(error), error


def _no_letters(letter: DeadLettered) -> None:
    raise AssertionError(f"a record was given up: {letter}")
