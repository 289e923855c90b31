"""What was answered while a store stood somewhere is what it answers as of there, ever after."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from tests.query_api.as_of import random_story as story
from tests.query_api.as_of.standing_store import BEGIN, TICK, StandingStore
from trackstream_api.as_of import parts
from trackstream_api.as_of.looking import looking
from trackstream_api.as_of.snapshots import TOPICS
from trackstream_api.log_places import short_name, vector_text
from trackstream_api.models.metrics import SeriesRequest
from trackstream_api.models.runs import BestRuns, SearchRuns
from trackstream_api.queries import artifacts, branches, experiments, metrics, registry, runs, series
from trackstream_api.queries.search import best_runs, search_experiments, search_runs
from trackstream_api.search import ExperimentSearch
from trackstream_api.search.compile_registry import RegistrySearch
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trackstream_api.as_of.parts import Part
    from trackstream_api.models.base import Model
    from trackstream_api.store import Store
    from trackstream_consumers.engine import Engine
    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position, TopicPartition

POSITIONS = int(os.environ.get("TRACKSTREAM_TEST_AS_OF_POSITIONS", "1000"))
_OF_RUNS = parts.parts_of_search()
_POINTS = (parts.POINTS,)


@pytest.fixture
def seed() -> int:
    chosen = int(os.environ.get("TRACKSTREAM_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"seed {chosen}: repeat with TRACKSTREAM_TEST_SEED={chosen}")
    return chosen


class Question(NamedTuple):
    """A query and what it reads."""

    name: str
    parts: tuple[Part, ...]
    ask: Callable[[Engine], Model]


def _answer(question: Question, engine: Engine) -> Any:
    try:
        found = question.ask(engine)
    except NotFound as error:
        return str(error)
    return json.loads(found.__pydantic_serializer__.to_json(found))


def _questions(chance: random.Random) -> list[Question]:
    """Return one of each kind."""
    run_id, key, name = chance.choice(story.RUNS), chance.choice(story.KEYS), chance.choice(story.NAMES)
    by_metric = SearchRuns(
        order_by=[f"metrics.{key} {chance.choice(('ASC', 'DESC'))}"], view=chance.choice(("active", "all"))
    )
    filtered = SearchRuns(
        filter="params.lr != '0.2' AND tags.color LIKE 'b%'", order_by=["tags.color ASC", "params.depth DESC"]
    )
    best = BestRuns(metric=key, mode=chance.choice(("min", "max")), top=3, experiment_ids=["0", "1"])
    curves = SeriesRequest(
        run_ids=list(story.RUNS), keys=list(story.KEYS), buckets=3, writers=chance.choice(("each", "merged"))
    )
    every_experiment = ExperimentSearch(order_by=("name DESC",), view="all")
    return [
        Question(str(by_metric), _OF_RUNS, lambda engine: search_runs(engine, by_metric)),
        Question(
            str(filtered),
            parts.parts_of_search("params", "tags"),
            lambda engine: search_runs(engine, filtered),
        ),
        Question(str(best), _OF_RUNS, lambda engine: best_runs(engine, best)),
        Question(run_id, _OF_RUNS, lambda engine: runs.get(engine, run_id)),
        Question(
            "experiments", (parts.EXPERIMENTS,), lambda engine: search_experiments(engine, every_experiment)
        ),
        Question("experiment 1", (parts.EXPERIMENTS,), lambda engine: experiments.get(engine, "1")),
        Question(
            "models", (parts.REGISTRY,), lambda engine: registry.search_models(engine, RegistrySearch())
        ),
        Question(
            "versions", (parts.REGISTRY,), lambda engine: registry.search_versions(engine, RegistrySearch())
        ),
        Question(name, (parts.REGISTRY,), lambda engine: registry.get(engine, name)),
        Question(
            f"history {run_id} {key}", _POINTS, lambda engine: metrics.history(engine, run_id, key, 9, None)
        ),
        Question(
            f"branch 1 {run_id} {key}",
            _POINTS,
            lambda engine: metrics.history(engine, run_id, key, 99, None, branch=1),
        ),
        Question(f"summaries {run_id}", _POINTS, lambda engine: metrics.summaries(engine, run_id)),
        Question(f"branches {run_id}", _POINTS, lambda engine: branches.listed(engine, run_id)),
        Question(str(curves), (parts.LATEST,), lambda engine: series.series(engine, curves)),
        Question(f"files {run_id}", (parts.FILES,), lambda engine: artifacts.level(engine, run_id, "")),
    ]


class Stand(NamedTuple):
    """A position that the store has reached, and what it answered then."""

    number: int
    """Counts the moments at which the log took records."""
    position: Position
    vector: str
    question: Question
    answer: Any

    def as_text(self, chance: random.Random) -> str:
        """Return this moment in one of the ways in which it can be named."""
        at = self.position
        return chance.choice(
            (
                str(BEGIN + TICK * self.number),
                str(BEGIN + TICK * self.number + TICK - 1),
                f"{short_name(at.topic)}:{at.partition}:{at.offset}",
                self.vector,
            )
        )


@pytest.fixture
def standing(engine: Engine, tmp_path: Path) -> Iterator[StandingStore]:
    store = StandingStore(engine, tmp_path)
    yield store
    store.close()


def tell(store: StandingStore, chance: random.Random) -> Iterator[list[Position]]:
    """Have the store live through a random story; yields what came at each moment, one of each partition."""
    teller = story.RandomStory(chance)
    said: list[Event] = []
    together: dict[TopicPartition, Event] = {}
    for _ in range(POSITIONS):
        if said and chance.random() < 0.04:
            # A producer that had no acknowledgement, or a second sync.
            event = chance.choice(said[-50:])
        else:
            body = teller.next()
            event = store.log.event(body, teller.producer(body))
        said.append(event)
        if len(together) == 3 or store.partition_of(event) in together:
            yield store.take(*together.values())
            together = {}
        together[store.partition_of(event)] = event
    yield store.take(*together.values())


def test_as_of_a_position_is_what_was_answered_there(standing: StandingStore, seed: int) -> None:
    chance = random.Random(seed)
    stands: list[Stand] = []
    for number, positions in enumerate(tell(standing, chance)):
        vector = vector_text({at: end for at, end in standing.ends().items() if at.topic in TOPICS})
        for position in positions:
            question = chance.choice(_questions(chance))
            answer = _answer(question, standing.engine)
            stands.append(Stand(number, position, vector, question, answer))
    assert len(stands) == POSITIONS
    # Mostly along the log, so that one snapshot becomes the next, and now and then from anywhere.
    order = [
        2 * chance.random() + (stand.number if chance.random() < 0.8 else chance.randrange(standing.taken))
        for stand in stands
    ]
    for _, stand in sorted(zip(order, stands, strict=True), key=lambda item: item[0]):
        moment, question = stand.as_text(chance), stand.question
        with looking(cast("Store", standing), question.parts, as_of=moment) as look:
            again = _answer(question, look.engine)
        assert again == stand.answer, f"seed {seed}: {question.name} as of {moment} ({stand.position})"
