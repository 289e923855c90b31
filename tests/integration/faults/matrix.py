"""The cases in the order of docs/faults.md, and the two lanes in which they are run side by side."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integration.faults import cases, cluster_cases
from tests.integration.faults.cluster_cases import OUTAGE_S
from tests.integration.faults.composition import Composition
from tests.integration.faults.relay import LossyRelay
from tests.integration.faults.retention_case import records_removed
from tests.integration.faults.small_disk import SmallDisk
from trackstream_api.native.stack import up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.integration.faults.outcome import Outcome


@dataclass(frozen=True)
class Ground:
    """What the cases of a lane share."""

    composition: Composition
    relay: LossyRelay
    disk: SmallDisk
    root: Path


@dataclass(frozen=True)
class Case:
    """One kind of trouble."""

    name: str
    title: str
    provoked: str
    run: Callable[[Ground], Outcome]
    brokers: int = 1
    """Of the lane that it belongs to."""


CASES = (
    Case(
        "consumer",
        "`kill -9` of consumers",
        "of each kind the consumer that does nothing else; after they are back, the one that does all",
        lambda on: cases.consumers_killed(on.composition),
    ),
    Case(
        "api",
        "`kill -9` of an API replica",
        "with two producers that log through it; reads through the other replica never fail",
        lambda on: cases.api_killed(on.composition),
    ),
    Case(
        "producer",
        "`kill -9` of producers",
        "two of three, in the middle of a run",
        lambda on: cases.producers_killed(on.composition),
    ),
    Case(
        "broker",
        "`kill -9` of the broker",
        f"the only one; started again after {cases.AWAY_S:g} s",
        lambda on: cases.broker_killed(on.composition),
    ),
    Case(
        "one-of-three",
        "`kill -9` of one broker of three",
        "nothing is restarted until all has recovered",
        lambda on: cluster_cases.one_broker_killed(on.composition),
        brokers=3,
    ),
    Case(
        "front",
        "`kill -9` of the ClickHouse front",
        f"started again after {cases.AWAY_S:g} s",
        lambda on: cases.front_killed(on.composition),
    ),
    Case(
        "minio",
        "`kill -9` of MinIO",
        f"started again after {cases.AWAY_S:g} s",
        lambda on: cases.minio_killed(on.composition),
    ),
    Case(
        "away",
        f"brokers away for {OUTAGE_S:g} s and back",
        "SIGSTOP of all three: connections stay open, nothing answers",
        lambda on: cluster_cases.brokers_away(on.composition),
        brokers=3,
    ),
    Case(
        "storm",
        "rebalance storm",
        "a consumer of all kinds joins or leaves every 2 s for 20 s",
        lambda on: cases.rebalance_storm(on.composition),
    ),
    Case(
        "answers",
        "answer lost after an insert was applied",
        "a relay cuts the connection behind the whole answer, at every fifth insert on average,"
        " until each table has lost one",
        lambda on: cases.answers_lost(on.composition, on.relay),
    ),
    Case(
        "owners",
        "two consumers that both believe they own a partition",
        "two more consumers outside the group read and project every partition; the group's own are stopped"
        " for longer than their session and wake",
        lambda on: cases.two_owners(on.composition),
    ),
    Case(
        "clocks",
        "clock skew of ±1 day between producers",
        "one a day ahead, one a day behind, one right; the first two also log to one run",
        lambda on: cases.clocks_apart(on.composition),
    ),
    Case(
        "poison",
        "poisoned events",
        "damaged bytes, unknown schemas, wrong topics and keys, and whole events of absurd content",
        lambda on: cases.poisoned(on.composition),
    ),
    Case(
        "retention",
        "records removed under a slow consumer",
        "removed while the consumers of the metrics stand still: they end with an error that names the"
        " records, as does the API's status; time: until that is said",
        lambda on: records_removed(on.composition.stack, on.root),
        brokers=3,
    ),
    Case(
        "disk",
        "disk full on the store",
        "the disk of the front is full for 5 s after every projector was refused; then there is room, and the"
        " tables are rebuilt from the log (see below); time: of the rebuild",
        lambda on: cluster_cases.disk_full(on.composition, on.disk),
        brokers=3,
    ),
)


class Lane:
    """Runs cases one behind the other on a ground of their own, in a thread."""

    def __init__(self, root: Path, brokers: int, chosen: Sequence[Case]) -> None:
        self._root = root
        self._brokers = brokers
        self.outcomes: dict[str, Future[Outcome]] = {case.name: Future() for case in chosen}
        self._chosen = chosen
        self._stopping = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"faults-{brokers}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        left = list(self._chosen)
        try:
            with _ground(self._root, self._brokers) as ground:
                while left and not self._stopping:
                    outcome = left[0].run(ground)
                    self.outcomes[left.pop(0).name].set_result(outcome)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for the case
            if not left:
                self._failure = error
                return
            self.outcomes[left.pop(0).name].set_exception(error)
            for case in left:
                told = AssertionError(f"not run, since a case before it failed: {error}")
                self.outcomes[case.name].set_exception(told)

    def close(self) -> None:
        """Let the case under way end, and take the ground down; raises what went wrong in that."""
        self._stopping = True
        self._thread.join()
        if self._failure is not None:
            raise self._failure


@contextmanager
def _ground(root: Path, brokers: int) -> Iterator[Ground]:
    data = root / "stack"
    disk = SmallDisk(data / "clickhouse" / "engine")
    try:
        with up(data, brokers) as stack:
            relay = LossyRelay(stack.clickhouse)
            try:
                composition = Composition(
                    stack, root, replicas=2 if brokers == 1 else 0, front=relay.url if brokers == 1 else ""
                )
                try:
                    yield Ground(composition, relay, disk, root)
                finally:
                    composition.close()
            finally:
                relay.close()
    finally:
        disk.close()
