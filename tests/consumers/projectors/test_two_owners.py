"""Two members that both believe they own a partition leave what one of them alone would have left.

A group gives a partition to another member while the first, that was stalled, still writes. Both read the
log in order, each from where the store said when it began; between any two statements of the one, the
other may write whole batches.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.consumers.folds.histories import (
    events_of,
    experiment_bodies,
    positioned,
    registries,
    run_bodies,
    with_repeats,
)
from tests.consumers.tables import visible
from trackstream_consumers.engine import Engine
from trackstream_consumers.migrate import migrate
from trackstream_consumers.projectors.artifacts import ArtifactProjector
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_consumers.records import Record
from trackstream_schemas import codec, routing, topics
from trackstream_schemas import events as e
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trackstream_consumers.projectors.port import Projector
    from trackstream_schemas.position import Position

    History = list[tuple[Position, e.Event]]

_PATHS = st.sampled_from(["a.txt", "model/b.bin"])


class InterruptedEngine(Engine):
    """The real engine, whose user is held up before one statement while another process works."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.target, engine.database, clients=1)
        self.left = -1
        self.meanwhile: Callable[[], None] = lambda: None

    @contextmanager
    def client(self) -> Iterator[Any]:
        self.left -= 1
        if self.left == -1:
            self.meanwhile()
        with super().client() as client:
            yield client


class Owner:
    """Projects a history from where the store says that it has come."""

    def __init__(self, projector: Projector, history: History) -> None:
        self.projector = projector
        self._history = history
        reached = projector.positions()
        self._next = next(
            (
                at
                for at, (where, _) in enumerate(history)
                if where.offset >= reached.get(where.topic_partition, 0)
            ),
            len(history),
        )

    def batch(self, size: int) -> None:
        """Project the next records."""
        taken = self._history[self._next : self._next + size]
        if not taken:
            return
        self._next += len(taken)
        records = [
            Record(position, routing.key_of(event.body), event, codec.encode(event))
            for position, event in taken
        ]
        self.projector.apply(records, {at.topic_partition: at.offset + 1 for at, _ in taken})

    @property
    def done(self) -> bool:
        return self._next >= len(self._history)


def check(data: st.DataObject, engine: Engine, history: History, make: Callable[[Engine], Projector]) -> None:
    """Project `history` by two owners in some interleaving and compare with one owner's tables."""
    sizes = st.integers(1, max(1, len(history)))
    alone = Engine(engine.target, f"alone_{new_id()}", clients=1)
    shared = Engine(engine.target, f"shared_{new_id()}", clients=1)
    held = None
    try:
        migrate(alone)
        migrate(shared)
        Owner(make(alone), history).batch(len(history))
        held = InterruptedEngine(shared)
        stalled = Owner(make(held), history)
        stalled.batch(data.draw(st.integers(0, len(history))))
        # The other begins where the store says now; the first does not know.
        other = Owner(make(shared), history)
        while not (stalled.done and other.done):
            held.left = data.draw(st.integers(0, 9))
            size = data.draw(sizes)
            held.meanwhile = lambda size=size: other.batch(size)  # type: ignore[misc]
            stalled.batch(data.draw(sizes))
            other.batch(data.draw(st.integers(0, 3)))
            if stalled.done:
                other.batch(len(history))
        assert visible(shared) == visible(alone)
    finally:
        for one in (alone, shared):
            with one.client() as client:
                client.command(f"DROP DATABASE {one.database} SYNC")
            one.close()
        if held is not None:
            held.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_entities(engine: Engine, data: st.DataObject) -> None:
    runs = data.draw(with_repeats(positioned(topics.RUNS, data.draw(events_of(run_bodies(new_id()))))))
    check(data, engine, _by_offset(runs), EntityProjector)
    created = events_of(experiment_bodies(new_id()), 6)
    experiments = data.draw(with_repeats(positioned(topics.EXPERIMENTS, data.draw(created))))
    check(data, engine, _by_offset(experiments), EntityProjector)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_registered_models(engine: Engine, data: st.DataObject) -> None:
    models = data.draw(with_repeats(positioned(topics.REGISTRY, data.draw(registries()))))
    check(data, engine, _by_offset(models), EntityProjector)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_files(engine: Engine, data: st.DataObject, tmp_path: Path) -> None:
    me = st.just(new_id())
    bodies = st.one_of(
        st.builds(e.ArtifactLogged, me, _PATHS, st.integers(0, 9), st.just("0" * 64)),
        st.builds(e.ArtifactDeleted, me, _PATHS),
    )
    files = data.draw(with_repeats(positioned(topics.ARTIFACTS, data.draw(events_of(bodies)))))

    def make(where: Engine) -> ArtifactProjector:
        sink = UploadSink(tmp_path / new_id(), DirectoryBlobStore(tmp_path / "blobs"), outlives_process=False)
        return ArtifactProjector(where, sink)

    check(data, engine, _by_offset(files), make)


def _by_offset(history: History) -> History:
    """As a log has it: each record once. That it comes twice is what the two owners are for."""
    return sorted(dict(history).items())
