"""What an entity's events on the log say about it, as far as the SDK needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Stage = Literal["absent", "active", "deleted"]


@dataclass(slots=True)
class ExperimentFacts:
    """An experiment; `absent` where it was never created, or was purged since."""

    stage: Stage = "absent"
    name: str = ""


@dataclass(slots=True)
class RunFacts:
    """A run; `absent` where it was never started, or was purged since."""

    stage: Stage = "absent"
    purged: bool = False
    experiment_id: str = ""
    name: str = ""
    user_id: str = ""
    start_time: int = 0
    params: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class RegisteredModelFacts:
    """A registered model; `absent` where it was never created."""

    stage: Stage = "absent"
    name: str = ""


def registered_model_facts(history: Iterable[e.Event]) -> RegisteredModelFacts:
    """Read a registered model's events, in log order."""
    facts = RegisteredModelFacts()
    for event in _without_repeats(history):
        match event.body:
            case e.RegisteredModelCreated(name=name) if facts.stage != "active":
                facts = RegisteredModelFacts("active", name)
            case e.RegisteredModelRenamed(name=name) if facts.stage == "active":
                facts.name = name
            case e.RegisteredModelDeleted() if facts.stage == "active":
                facts.stage = "deleted"
    return facts


def experiment_facts(history: Iterable[e.Event]) -> ExperimentFacts:
    """Read an experiment's events, in log order."""
    facts = ExperimentFacts()
    for event in _without_repeats(history):
        match event.body:
            case e.ExperimentCreated(name=name) if facts.stage == "absent":
                facts = ExperimentFacts("active", name)
            case e.ExperimentRenamed(name=name):
                facts.name = name
            case e.ExperimentDeleted() if facts.stage == "active":
                facts.stage = "deleted"
            case e.ExperimentRestored() if facts.stage == "deleted":
                facts.stage = "active"
            case e.ExperimentPurged():
                facts = ExperimentFacts()
    return facts


def run_facts(history: Iterable[e.Event]) -> RunFacts:
    """Read a run's events, in log order."""
    facts = RunFacts()
    for event in _without_repeats(history):
        match event.body:
            case _ if facts.purged:
                pass
            case e.RunStarted() as started if facts.stage == "absent":
                facts.stage = "active"
                facts.experiment_id = started.experiment_id
                facts.name = facts.name or started.name
                facts.user_id = started.user_id
                facts.start_time = started.start_time
            case e.RunUpdated(name=str(name)):
                facts.name = name
            case e.RunDeleted() if facts.stage == "active":
                facts.stage = "deleted"
            case e.RunRestored() if facts.stage == "deleted":
                facts.stage = "active"
            case e.RunPurged():
                facts = RunFacts(purged=True)
            case e.ParamsLogged(params=params):
                # The first value stands.
                facts.params = {**params, **facts.params}
    return facts


def _without_repeats(history: Iterable[e.Event]) -> Iterator[e.Event]:
    """Leave out events that a producer appended again after a lost acknowledgement."""
    highest: dict[str, int] = {}
    for event in history:
        producer, sequence = event.envelope.producer_id, event.envelope.sequence
        if sequence > highest.get(producer, -1):
            highest[producer] = sequence
            yield event
