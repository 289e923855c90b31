"""What may happen to a few experiments, runs and registered models, at random: the worst included.

Runs are logged to before they start; producers append again what they appended before; params contradict each
other, names are taken twice, writers of a run go back one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trackstream_schemas import events as e

if TYPE_CHECKING:
    import random

EXPERIMENTS = ("0", "1", "2", "3")
RUNS = tuple(f"run-{number}" for number in range(12))
MODELS = ("11", "22", "33")
NAMES = ("guard", "watch", "sentry")
KEYS = ("loss", "acc")
WRITERS = ("rank0", "rank1", "rank2")
PATHS = ("a.txt", "b/c.txt", "b/d.txt")
_COLORS = ("blue", "black", "red")
_STEPS = 12
_START = 1_700_000_000_000


class RandomStory:
    """Tells one event after the other."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._tellers = (
            (self._experiment, 10),
            (self._run, 35),
            (self._metrics, 30),
            (self._rewind, 4),
            (self._registry, 15),
            (self._file, 6),
        )
        self._said = 0

    def next(self) -> e.Body:
        """Return what happens next."""
        self._said += 1
        teller = self._chance.choices(*zip(*self._tellers, strict=True))[0]
        return teller()

    def producer(self, body: e.Body) -> str:
        """Return who says so: writers of metrics are processes of their own, of which a run has several."""
        if isinstance(body, e.MetricsLogged | e.RunRewound):
            return f"{body.run_id}-{body.writer}-{self._chance.randrange(2)}"
        return self._chance.choice(("trainer", "person"))

    def _run_id(self) -> str:
        # Runs come one after the other, and are not left alone afterwards.
        return RUNS[self._chance.randrange(min(len(RUNS), 1 + self._said // 40))]

    def _experiment(self) -> e.Body:
        pick = self._chance.choice
        experiment_id, name = pick(EXPERIMENTS), f"experiment {self._chance.randrange(6)}"
        created = e.ExperimentCreated(experiment_id, name, None, {"team": pick("ab")})
        return pick(
            (
                created,
                created,
                e.ExperimentRenamed(experiment_id, name),
                e.ExperimentDeleted(experiment_id),
                e.ExperimentRestored(experiment_id),
                e.ExperimentTagsSet(experiment_id, {pick(("team", "note")): pick("abc")}),
                e.ExperimentTagsDeleted(experiment_id, ["note"]),
            )
        )

    def _run(self) -> e.Body:
        pick, run_id = self._chance.choice, self._run_id()
        start = _START + 1000 * RUNS.index(run_id)
        started = e.RunStarted(run_id, pick(EXPERIMENTS), f"name {run_id}", start, "ann", {"color": "blue"})
        return pick(
            (
                started,
                started,
                e.RunUpdated(run_id, pick(("FINISHED", "FAILED", "RUNNING")), start + self._said),
                e.RunUpdated(run_id, name=f"renamed {self._said}"),
                e.RunDeleted(run_id),
                e.RunRestored(run_id),
                e.ParamsLogged(run_id, {pick(("lr", "depth")): pick(("0.1", "0.2", "3"))}),
                e.ParamsLogged(run_id, {f"param {self._chance.randrange(5)}": "x"}),
                e.TagsSet(run_id, {"color": pick(_COLORS), "mlflow.runName": f"named {self._said}"}),
                e.TagsSet(run_id, {pick(("color", "note")): pick(_COLORS)}),
                e.TagsDeleted(run_id, [pick(("color", "note"))]),
                e.InputsLogged(run_id, [e.DatasetInput("digits", pick("ab"), "sklearn", "load_digits")]),
                e.ModelsLinked(run_id, [f"m-{pick('ab')}"], [e.ModelOutput(f"m-{run_id}", 3)]),
            )
        )

    def _metrics(self) -> e.Body:
        if self._chance.random() < 0.05:
            # So many that they are rolled up, and that curves are cut more coarsely than that.
            count = 2000
            steps = np.arange(count, dtype=np.int64)
        else:
            count = self._chance.randrange(1, 5)
            steps = np.array([self._chance.randrange(_STEPS) for _ in range(count)], np.int64)
        index = np.array([self._chance.randrange(len(KEYS)) for _ in range(count)], np.int32)
        values = [
            self._chance.choice((0.0, -0.0, 0.5, 1.5, float("inf"), float("nan"))) for _ in range(count)
        ]
        times = _START + steps + self._chance.randrange(3)
        return e.MetricsLogged(
            self._run_id(), self._chance.choice(WRITERS), KEYS, index, steps, times, np.array(values)
        )

    def _rewind(self) -> e.Body:
        return e.RunRewound(self._run_id(), self._chance.choice(WRITERS), self._chance.randrange(_STEPS))

    def _registry(self) -> e.Body:
        pick, model_id = self._chance.choice, self._chance.choice(MODELS)
        version = self._chance.randrange(1, 5)
        created = e.RegisteredModelCreated(
            model_id, pick(NAMES), f"creation-{self._said}", "text", {"a": "1"}
        )
        versioned = e.ModelVersionCreated(model_id, f"version-{self._said}", "runs:/run-0/m", run_id="run-0")
        return pick(
            (
                created,
                created,
                versioned,
                versioned,
                versioned,
                e.RegisteredModelRenamed(model_id, pick(NAMES)),
                e.RegisteredModelUpdated(model_id, f"text {self._said}"),
                e.RegisteredModelDeleted(model_id),
                e.RegisteredModelTagsSet(model_id, {pick("ab"): pick("12")}),
                e.ModelVersionUpdated(model_id, version, f"text {self._said}"),
                e.ModelVersionStageSet(
                    model_id, version, pick(("Staging", "Production")), pick((True, False))
                ),
                e.ModelVersionStageSet(model_id, version, "Archived", False),
                e.ModelVersionTagsSet(model_id, version, {pick("ab"): pick("12")}),
                e.ModelVersionTagsDeleted(model_id, version, ["a"]),
                e.ModelVersionDeleted(model_id, version),
                e.ModelAliasSet(model_id, pick(("champion", "last")), version),
                e.ModelAliasSet(model_id, pick(("champion", "last")), version),
                e.ModelAliasDeleted(model_id, "last"),
            )
        )

    def _file(self) -> e.Body:
        run_id, path = self._run_id(), self._chance.choice(PATHS)
        if self._chance.random() < 0.3:
            return e.ArtifactDeleted(run_id, path)
        return e.ArtifactLogged(run_id, path, self._said, f"{self._said:064x}", None)
