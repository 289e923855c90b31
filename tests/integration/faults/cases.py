"""The cases on one broker: something is killed, or goes wrong, while producers log."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx

from tests.integration.faults import poison
from tests.integration.faults.composition import PATIENCE_S, wait_until
from tests.integration.faults.outcome import Outcome, under_load

if TYPE_CHECKING:
    from tests.integration.faults.composition import Composition, Load
    from tests.integration.faults.relay import LossyRelay
    from tests.integration.processes import Process

AWAY_S = 3.0
DAY_S = 86_400.0
_STORM_S = 20.0
_STORM_STEP_S = 2.0
_TABLES = {
    "metric_points",
    "latest_metrics",
    "runs",
    "run_params",
    "run_tags",
    "events",
    "artifacts",
    "positions",
}
"""Whose inserts must each lose an answer."""
_STALLED_S = 10.0
"""Longer than a group waits for a member (`composition._SESSION_MS`)."""


def consumers_killed(ground: Composition) -> Outcome:
    def fault(load: Load) -> float:
        for kind in ("metrics", "entities", "artifacts"):
            ground.consumers[kind].kill()
        first = load.wait_until_flowing(time.monotonic())
        for kind in ("metrics", "entities", "artifacts"):
            ground.start_consumer(kind).wait_for("consuming ", 1)
        ground.consumers["all"].kill()
        second = load.wait_until_flowing(time.monotonic())
        ground.start_consumer("all").wait_for("consuming ", 1)
        return max(first, second)

    return under_load(ground, "consumer", fault)


def api_killed(ground: Composition) -> Outcome:
    def fault(load: Load) -> float:
        with _Readers(ground.url(1)) as readers:
            ground.replicas[0].kill()
            # Not by waiting alone: the other replica has answered meanwhile, again and again.
            time.sleep(AWAY_S)
            wait_until(lambda: readers.answered > 20, "the other replica answers")
            ground.restart_replica(0)
            return load.wait_until_flowing(time.monotonic())

    return under_load(ground, "api", fault, uris=("", ground.url(0), ground.url(0), ground.url(1)))


class _Readers:
    """Asks one replica without pause; every answer must be a good one."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)
        self._ended = threading.Event()
        self._bad: list[str] = []
        self.answered = 0
        self._thread = threading.Thread(target=self._read, name="reader")

    def _read(self) -> None:
        body = {"experiment_names": ["faults"], "limit": 5, "order_by": ["attributes.start_time DESC"]}
        while not self._ended.wait(0.02):
            try:
                answer = self._client.post(
                    "/api/v1/runs/search", json=body, params={"consistency": "eventual"}
                )
            except httpx.TransportError as error:
                self._bad.append(repr(error))
                continue
            if answer.status_code != 200 or not answer.json()["runs"]:
                self._bad.append(answer.text)
            self.answered += 1

    def __enter__(self) -> _Readers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._client.close()
        assert not self._bad, self._bad


def producers_killed(ground: Composition) -> Outcome:
    def fault(load: Load) -> float:
        for process in list(load.producers.values())[:2]:
            process.kill()
            load.start()
        return load.wait_until_flowing(time.monotonic())

    return under_load(ground, "producer", fault)


def part_killed(ground: Composition, part: str) -> Outcome:
    def fault(load: Load) -> float:
        ground.stack.kill(part)
        time.sleep(AWAY_S)
        ground.stack.restart(part)
        return load.wait_until_flowing(time.monotonic())

    return under_load(ground, part, fault)


def broker_killed(ground: Composition) -> Outcome:
    return part_killed(ground, "kafka-1")


def front_killed(ground: Composition) -> Outcome:
    return part_killed(ground, "clickhouse")


def minio_killed(ground: Composition) -> Outcome:
    return part_killed(ground, "minio")


def rebalance_storm(ground: Composition) -> Outcome:
    def rebalances() -> int:
        return ground.stack.log("kafka-1").read_text(errors="replace").count("rebalance group ")

    def fault(load: Load) -> float:
        before = rebalances()
        guests: list[Process] = []
        gone: list[Process] = []
        until = time.monotonic() + _STORM_S
        while time.monotonic() < until:
            if len(guests) < 2:
                guests.append(ground.start_consumer("all", f"guest {len(guests) + len(gone)}"))
            else:
                gone.append(guests.pop(0))
                gone[-1].wait_for("consuming ", 1)
                gone[-1].ask_to_stop()
            time.sleep(_STORM_STEP_S)
        for guest in guests:
            guest.wait_for("consuming ", 1)
            guest.ask_to_stop()
        recovered = load.wait_until_flowing(time.monotonic())
        codes = [guest.wait() for guest in (*gone, *guests)]
        assert not any(codes), [guest.output() for guest in (*gone, *guests)]
        for name in [name for name in ground.consumers if name.startswith("guest")]:
            del ground.consumers[name]
        assert rebalances() - before >= len(codes), "the groups were never shared out anew"
        return recovered

    return under_load(ground, "storm", fault)


def answers_lost(ground: Composition, relay: LossyRelay) -> Outcome:
    def fault(load: Load) -> float:
        relay.lose(0.2)
        wait_until(lambda: relay.lost.keys() >= _TABLES, lambda: f"all lose some: {relay.lost}")
        relay.lose(0.0)
        return load.wait_until_flowing(time.monotonic())

    return under_load(ground, "answers", fault)


def two_owners(ground: Composition) -> Outcome:
    def fault(load: Load) -> float:
        stop = load.folder / "owners-stop"
        command = [sys.executable, "-m", "tests.integration.faults.lone_owner", str(stop)]
        owners = [ground.spawn("owner", command) for _ in range(2)]
        for owner in owners:
            owner.wait_for("owns everything", 0)
        load.wait_until_flowing(time.monotonic())
        stalled = [ground.consumers[kind] for kind in ("entities", "metrics", "artifacts")]
        for process in stalled:
            process.send(signal.SIGSTOP)
        # The group gives their partitions away; they wake in the middle of whatever they were at.
        time.sleep(_STALLED_S)
        for process in stalled:
            process.send(signal.SIGCONT)
        recovered = load.wait_until_flowing(time.monotonic())
        stop.touch()
        for owner in owners:
            assert owner.wait(PATIENCE_S) == 0, owner.output()
            took = json.loads(owner.output().partition("took ")[2].splitlines()[0])
            assert min(took.values()) > 0, took
        return recovered

    return under_load(ground, "owners", fault)


def clocks_apart(ground: Composition) -> Outcome:
    def fault(load: Load) -> float:
        recovered = load.wait_until_flowing(time.monotonic())
        # One run, first from a day ahead and then from a day behind: the log's order counts, not the clocks'.
        run_id = next(iter(load.runs()))
        for text, offset in (("ahead", DAY_S), ("behind", -DAY_S)):
            command = [sys.executable, "-m", "tests.integration.faults.shared_run"]
            command += [ground.kafka_uri, run_id, text, str(offset)]
            process = ground.spawn("shared", command)
            assert process.wait(PATIENCE_S) == 0, process.output()
        ground.wait_until_projected()
        with ground.store() as store:
            rows = store.query(
                "SELECT params['first'], tags['last'], length(conflicts) FROM runs FINAL"
                " WHERE run_id = {run:String}",
                parameters={"run": run_id},
            ).result_rows
        assert rows == [("ahead", "behind", 1)]
        load.expected_conflicts.add(run_id)
        return recovered

    return under_load(ground, "clocks", fault, clocks=(0.0, DAY_S, -DAY_S))


def poisoned(ground: Composition) -> Outcome:
    def fault(load: Load) -> float:
        load.expects_letters = True
        honest = next(iter(load.runs()))
        bad, strange = poison.damaged(honest), poison.absurd()
        places = poison.append(ground.stack.kafka, f"{ground.name}.", [*bad, *strange])
        recovered = load.wait_until_flowing(time.monotonic())
        with ground.store() as store:
            letters = store.query("SELECT topic, partition, offset FROM dead_letters FINAL").result_rows
            kept = store.query("SELECT topic, partition, offset FROM events FINAL").result_rows
        told = {tuple(row) for row in letters}
        assert len(told) == len(letters)
        # Every damaged record is told of, once; each of the absurd ones is told of or kept for all to see.
        assert {tuple(place) for place in places[: len(bad)]} <= told <= {tuple(place) for place in places}
        silent = {tuple(place) for place in places} - told - {tuple(row) for row in kept}
        assert {place[0] for place in silent} <= {"trackstream.metrics", "trackstream.artifact-bytes"}
        assert all(consumer.running for consumer in ground.consumers.values())
        return recovered

    return under_load(ground, "poison", fault)
