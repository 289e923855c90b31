"""What workers decide: in whatever order things happen, a launch has one executor and few enough attempts."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.launch_queue.decision import Drain, Plan, Seen, plan
from trackstream_api.launch_queue.losses import lost_bodies
from trackstream_consumers.folds.launch import REQUESTED, LaunchState, fold
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.position import Position

MOST = 3


def anything(_: str) -> bool:
    return True


def seen(launch_id: str, claim_id: str = "", **fields: object) -> Seen:
    attempts = fields.pop("attempts", 1 if claim_id else 0)
    return Seen(launch_id, claim_id, attempts, MOST, "local", **fields)  # type: ignore[arg-type]


def test_the_oldest_are_taken_as_far_as_there_is_room() -> None:
    launches = [seen("old"), seen("others", "theirs"), seen("new"), seen("newest")]
    assert [launch.launch_id for launch in plan(launches, (), {}, 2, anything).claim] == ["old", "new"]
    assert plan(launches, (), {}, 0, anything) == Plan([], [], [], [], [])
    assert plan(launches, (), {}, -1, anything).claim == []


def test_launches_for_other_backends_are_left_alone() -> None:
    found = plan([seen("one")], (), {}, 1, lambda backend: backend == "docker")
    assert found.claim == []


def test_a_claim_that_holds_is_executed_once_and_counts_as_room_taken() -> None:
    launches = [seen("mine", "ours"), seen("next")]
    found = plan(launches, {"ours"}, {}, 1, anything)
    assert ([launch.launch_id for launch in found.execute], found.claim) == (["mine"], [])
    again = plan(launches, {"ours"}, {"mine": "ours"}, 0, anything)
    assert (again.execute, again.stop) == ([], [])


def test_what_runs_here_is_stopped_or_cancelled() -> None:
    launches = [seen("taken", "theirs"), seen("back"), seen("asked", "a", cancel_requested=True)]
    found = plan(launches, (), {"taken": "mine", "back": "b", "asked": "a", "over": "o"}, 5, anything)
    assert [launch.launch_id for launch in found.stop] == ["taken", "back"]
    assert [launch.launch_id for launch in found.cancel] == ["asked"]
    # Not before it is no longer executed here.
    assert found.claim == []


def test_silent_launchers_are_lost_but_not_this_one() -> None:
    launches = [seen("gone", "theirs", silent=True), seen("mine", "ours", silent=True)]
    found = plan(launches, (), {"mine": "ours"}, 1, anything)
    assert [launch.launch_id for launch in found.lost] == ["gone"]


def test_a_queue_is_empty_once_who_has_the_rest_shows_life() -> None:
    drain = Drain()
    assert drain.is_over([], anything)
    assert not drain.is_over([seen("held", "theirs", last_seen=7)], anything)
    assert not drain.is_over([seen("held", "theirs", last_seen=7)], anything)
    assert drain.is_over([seen("held", "theirs", last_seen=8)], anything)
    # Silent since, free again, or taken by another who may have died at once.
    assert not drain.is_over([seen("held", "theirs", last_seen=8, silent=True)], anything)
    assert not drain.is_over([seen("held")], anything)
    assert not drain.is_over([seen("held", "another", last_seen=9)], anything)
    assert drain.is_over([seen("held", "another", last_seen=10)], anything)
    drain.begin_again()
    assert not drain.is_over([seen("held", "another", last_seen=10)], anything)


def test_what_cannot_come_back_here_is_not_waited_for() -> None:
    assert Drain().is_over([seen("last", "theirs", attempts=MOST)], anything)
    assert Drain().is_over([seen("ends", "theirs", cancel_requested=True)], anything)
    assert Drain().is_over([seen("docker", "theirs"), seen("free")], lambda backend: backend == "docker")


def test_what_is_said_of_a_lost_launch() -> None:
    def said(attempts: int, cancelled: bool = False) -> list[e.Body]:
        launch = Seen("l", "c", attempts, MOST, "local", "r", cancel_requested=cancelled)
        return lost_bodies(launch, "why", 7)

    assert said(1) == [e.LaunchLost("l", "c", "why", True), e.RunUpdated("r", "SCHEDULED")]
    assert said(MOST) == [e.LaunchLost("l", "c", "why", False), e.RunUpdated("r", "FAILED", 7)]
    assert said(1, True) == [e.LaunchLost("l", "c", "why", False), e.RunUpdated("r", "KILLED", 7)]


@dataclass
class Log:
    """One launch's events, each by a producer of its own."""

    events: list[e.Event] = field(default_factory=list)

    def append(self, body: e.LaunchBody) -> None:
        number = len(self.events)
        self.events.append(e.Event(e.Envelope(str(number), number + 1, f"p{number}", 0), body))

    def state(self) -> LaunchState:
        state: LaunchState | None = None
        for offset, event in enumerate(self.events):
            state = fold(state, event, Position(topics.LAUNCHES, 0, offset))
        assert state is not None
        return state


@dataclass
class Machine:
    """A worker with room for one launch: it looks, and later does what follows from what it saw."""

    name: str
    claims: set[str] = field(default_factory=set)
    running: dict[str, str] = field(default_factory=dict)
    view: list[Seen] | None = None
    made: int = 0

    def look(self, log: Log, alive: set[str]) -> None:
        state = log.state()
        self.view = []
        if state.state not in e.LAUNCH_ENDS:
            claim = "" if state.state == REQUESTED else state.claim_id
            # Who is alive is heard of, or has ended its program before others miss it.
            silent = bool(claim) and claim.split("-")[0] not in alive
            self.view = [Seen("l", claim, state.attempts, MOST, "local", "r", silent)]

    def act(self, log: Log, late: list[e.LaunchClaimed], lose_acknowledgement: bool) -> None:
        if self.view is None:
            return
        found = plan(self.view, self.claims, self.running, 1 - len(self.running), anything)
        for launch in found.execute:
            self.running[launch.launch_id] = launch.claim_id
            self.claims.discard(launch.claim_id)
        for launch in found.stop:
            del self.running[launch.launch_id]
        for launch in found.lost:
            for body in lost_bodies(launch, "gone", 1):
                if isinstance(body, e.LaunchLost):
                    log.append(body)
        for launch in found.claim:
            self.made += 1
            claim = e.LaunchClaimed(launch.launch_id, f"{self.name}-{self.made}", self.name, 1, 20.0)
            self.claims.add(claim.claim_id)
            if lose_acknowledgement:
                late.append(claim)
            else:
                log.append(claim)
        # What was claimed now is decided by what is read from now on.
        self.view = None

    def finish(self, log: Log) -> None:
        for launch_id, claim_id in self.running.items():
            log.append(e.LaunchEnded(launch_id, claim_id, "finished", 0))
        self.running.clear()


steps = st.lists(
    st.tuples(st.sampled_from(["look", "act", "act", "act late", "land", "die", "end"]), st.integers(0, 2)),
    max_size=60,
)


@given(steps)
def test_never_two_executors_and_never_too_many_attempts(course: list[tuple[str, int]]) -> None:
    log = Log()
    log.append(e.LaunchRequested("l", "r", "0", "/x", "main", "local", queue="q", max_attempts=MOST))
    machines = [Machine(f"w{number}") for number in range(3)]
    alive = {machine.name for machine in machines}
    late: list[e.LaunchClaimed] = []
    born = len(machines)
    finished = 0
    for step, number in course:
        machine = machines[number]
        if step == "look":
            machine.look(log, alive)
        elif step.startswith("act"):
            machine.act(log, late, step == "act late")
        elif step == "land" and late:
            log.append(late.pop(0))
        elif step == "end":
            finished += len(machine.running)
            machine.finish(log)
        elif step == "die":
            # With its programs. Another one takes its place.
            alive.discard(machine.name)
            machines[number] = Machine(f"w{born}")
            alive.add(f"w{born}")
            born += 1
        assert sum(len(machine.running) for machine in machines) <= 1
        assert log.state().attempts <= MOST
    # Whoever is left brings it to an end, in a few rounds.
    for _ in range(3 * MOST + 3):
        for machine in machines:
            machine.look(log, alive)
            machine.act(log, late, False)
            finished += len(machine.running)
            machine.finish(log)
    state = log.state()
    assert (state.state, finished) in (("finished", 1), ("failed", 0))
    if state.state == "failed":
        assert state.attempts == MOST
