"""Experiments, runs and dead letters.

The order of the inserts is what makes a kill harmless. A state row tells (by its version) which events
it holds, and these are skipped when they come again; so all that is derived from the events stands
before the state, and the positions come last of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_consumers import purge, rows, store
from trackstream_consumers.errors import DeadLetter
from trackstream_consumers.folds import experiment, run
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record
    from trackstream_schemas.position import TopicPartition

_Touched = dict[tuple[str, str], int]
"""(run_id, key) to the version of the run with the last event that touched the key."""


class EntityProjector:
    """Folds each touched entity and writes its whole row."""

    name = "entities"
    topics = (topics.EXPERIMENTS, topics.RUNS, topics.DEAD_LETTERS)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def positions(self) -> dict[TopicPartition, int]:
        return store.positions(self._engine, self.name)

    def keep_only(self, partitions: Collection[TopicPartition]) -> None:
        """Nothing is kept outside the store."""

    def apply(self, records: Sequence[Record], reached: Mapping[TopicPartition, int]) -> int:
        experiments = [record for record in records if record.position.topic == topics.EXPERIMENTS]
        runs = [record for record in records if record.position.topic == topics.RUNS]
        dead = [record for record in records if record.position.topic == topics.DEAD_LETTERS]
        experiment_states = self._fold_experiments(experiments)
        run_states, params, tags = self._fold_runs(runs)
        tables = {
            "events": rows.event_rows((*experiments, *runs)),
            "dead_letters": rows.dead_letter_rows(dead),
            "run_params": rows.run_value_rows(
                (run_id, key, run_states[run_id].params.get(key), version)
                for (run_id, key), version in params.items()
            ),
            "run_tags": rows.run_value_rows(
                (run_id, key, run_states[run_id].tags.get(key), version)
                for (run_id, key), version in tags.items()
            ),
            "experiments": rows.experiment_rows(experiment_states.values()),
            "runs": rows.run_rows(run_states.values()),
        }
        purge.forget(
            self._engine, [record.key for record in runs if isinstance(record.event.body, e.RunPurged)]
        )
        for table, content in tables.items():
            store.insert(self._engine, table, content)
        store.save_positions(self._engine, self.name, reached)
        return sum(content.num_rows for content in tables.values())

    def _fold_experiments(self, records: Sequence[Record]) -> dict[str, experiment.ExperimentState]:
        ids = list(dict.fromkeys(record.key for record in records))
        loaded = store.select_by_ids(self._engine, rows.SELECT_EXPERIMENTS, ids)
        states = {state.experiment_id: state for state in map(rows.experiment_state, loaded)}
        for record in records:
            try:
                states[record.key] = experiment.fold(states.get(record.key), record.event, record.position)
            except MalformedEvent as error:
                raise DeadLetter(record.position, error) from error
        return states

    def _fold_runs(self, records: Sequence[Record]) -> tuple[dict[str, run.RunState], _Touched, _Touched]:
        """Return the states, and which params and which tags to write anew.

        One is written whenever an event of the batch touches it, even if the batch as a whole leaves it
        as it was: the rows of an earlier, killed attempt at these events may say otherwise.
        """
        ids = list(dict.fromkeys(record.key for record in records))
        loaded = store.select_by_ids(self._engine, rows.SELECT_RUNS, ids)
        states = {state.run_id: state for state in map(rows.run_state, loaded)}
        params: _Touched = {}
        tags: _Touched = {}
        for record in records:
            run_id, body, before = record.key, record.event.body, states.get(record.key)
            try:
                after = run.fold(before, record.event, record.position)
            except MalformedEvent as error:
                raise DeadLetter(record.position, error) from error
            if after is before:
                continue
            states[run_id] = after
            assert isinstance(body, e.RunBody)
            params |= {(run_id, key): after.version for key in run.touched_params(before, body)}
            tags |= {(run_id, key): after.version for key in run.touched_tags(before, body)}
        return states, params, tags
