"""Which records a listener wants."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.log_places import topic_named
from trackstream_api.stream.source import STREAMED_TOPICS
from trackstream_schemas import events as e
from trackstream_schemas import topics, validate
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.routing import topic_of_type
from trackstream_schemas.schema_files import newest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.stream.source import EntityLog
    from trackstream_schemas.events import Event

_OF_RUNS = frozenset({topics.RUNS, topics.METRICS, topics.ARTIFACTS})
_OF_EXPERIMENTS = frozenset({topics.EXPERIMENTS, *_OF_RUNS, topics.LOGGED_MODELS, topics.TRACES})
_REMEMBERED = 100_000
_Naming = e.RunStarted | e.LoggedModelCreated | e.TraceLogged
NAMING_TYPES = frozenset({"RunStarted", "LoggedModelCreated", "TraceLogged"})
"""Events that tell which experiment their entity belongs to."""


@dataclass(frozen=True)
class Selection:
    """Conditions that all hold; made by `select`."""

    topics: frozenset[str]
    types: frozenset[str] | None = None
    """Names of events; None: any, records that cannot be read included."""
    run_ids: frozenset[str] | None = None
    experiment_id: str | None = None

    def may_want(self, topic: str, key: str, event_type: str) -> bool:
        """Whether a record is wanted as far as its topic, key and type tell."""
        if topic not in self.topics or (self.types is not None and event_type not in self.types):
            return False
        return self.run_ids is None or key in self.run_ids


def select(
    run_ids: Sequence[str] = (),
    experiment_id: str | None = None,
    types: Sequence[str] = (),
    named: Sequence[str] = (),
) -> Selection:
    """Return the selection that these conditions make. Raises InvalidInput."""
    wanted = frozenset(STREAMED_TOPICS)
    if named:
        wanted &= frozenset(topic_named(topic) for topic in named)
        if not wanted:
            raise InvalidInput("topic", ",".join(named), "a topic other than artifact-bytes")
    for name in types:
        if name not in newest():
            raise InvalidInput("type", name, "the name of an event, such as RunStarted")
    if types:
        wanted &= frozenset(topic_of_type(name) for name in types)
    for run_id in run_ids:
        validate.run_id(run_id, "run")
    if run_ids:
        wanted &= _OF_RUNS
    if experiment_id is not None:
        validate.experiment_id(experiment_id, "experiment")
        wanted &= _OF_EXPERIMENTS
    if not wanted:
        raise InvalidInput("topic", ",".join(named), "conditions that some event can meet together")
    return Selection(wanted, frozenset(types) or None, frozenset(run_ids) or None, experiment_id)


class Experiments:
    """Remembers which experiment an entity belongs to. Thread-safe."""

    def __init__(self, log: EntityLog) -> None:
        self._log = log
        self._turn = threading.Lock()
        self._known: OrderedDict[str, str] = OrderedDict()

    def of(self, topic: str, key: str, event: Event | None) -> str | None:
        """Return the experiment of the entity whose record this is, or None where it is not known (yet).

        Looks into the log for an entity that is met here for the first time.
        """
        if topic == topics.EXPERIMENTS:
            return key
        found = _named_by(event)
        if found is None:
            with self._turn:
                found = self._known.get(key)
        if found is None:
            found = self._looked_up(topic, key)
        if found is not None:
            with self._turn:
                self._known[key] = found
                self._known.move_to_end(key)
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return found

    def _looked_up(self, topic: str, key: str) -> str | None:
        # The files of a logged model are on the artifacts' topic under its id.
        places = {
            topics.RUNS: (topics.RUNS,),
            topics.METRICS: (topics.RUNS,),
            topics.ARTIFACTS: (topics.RUNS, topics.LOGGED_MODELS),
        }.get(topic, (topic,))
        for place in places:
            for event in self._log.history(place, key) or ():
                if (named := _named_by(event)) is not None:
                    return named
        return None


def _named_by(event: Event | None) -> str | None:
    """Return the experiment that an event says its entity belongs to."""
    body = event.body if event is not None else None
    return body.experiment_id if isinstance(body, _Naming) else None
