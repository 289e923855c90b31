"""Which values a sweep tries next: a study of optuna's, told of every trial that there was.

What is suggested for a trial depends on the sweep's seed, the trial's number and the trials told before, and
on nothing that only a process remembers; so a sweep that is resumed goes on as it would have.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal, get_args

from trackstream.projects.errors import EnvironmentFailed
from trackstream.projects.sweeps.search_space import Choice, Number
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

    from trackstream.projects.sweeps.search_space import Searched, Space

SamplerName = Literal["tpe", "random", "grid", "cmaes"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)


class Suggestions:
    """Suggests values, trial by trial."""

    def __init__(self, space: Space, sampler: SamplerName, seed: int, *, maximize: bool) -> None:
        """Raises InvalidInput for a space that the sampler is not for, EnvironmentFailed without optuna."""
        optuna = _optuna()
        self._space = space
        self._sampler = sampler
        self._seed = seed
        self._grid = space.grid() if sampler == "grid" else None
        _check(space, sampler)
        self._distributions = {name: _distribution(one) for name, one in space.searched.items()}
        self._study = optuna.create_study(
            sampler=_made(sampler, 0), direction="maximize" if maximize else "minimize"
        )

    def count(self, wanted: int | None, usual: int) -> int:
        """Return how many trials there are to be: as wanted, else `usual`; of a grid at most all of it."""
        if self._grid is not None:
            return min(len(self._grid), wanted or len(self._grid))
        return wanted or usual

    def ask(self, number: int) -> tuple[Trial, dict[str, str]]:
        """Return a trial to be told, and the values of the searched parameters for it."""
        if self._grid is not None:
            self._study.enqueue_trial(self._numbers(self._grid[number]))
        self._study.sampler = _made(self._sampler, _seed_of(self._seed, number))
        trial = self._study.ask(self._distributions)
        return trial, {name: _text(one, trial.params[name]) for name, one in self._space.searched.items()}

    def tell(self, trial: Trial, value: float | None) -> None:
        """Say what came of a trial: the metric's value, or None where it failed."""
        optuna = _optuna()
        if value is None:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, value)

    def add(self, values: Mapping[str, str], value: float | None) -> None:
        """Say what came of a trial of an earlier process. Raises InvalidInput for values not of the space."""
        optuna = _optuna()
        state = optuna.trial.TrialState.FAIL if value is None else optuna.trial.TrialState.COMPLETE
        try:
            known = optuna.trial.create_trial(
                state=state, value=value, params=self._numbers(values), distributions=self._distributions
            )
        except (ValueError, KeyError) as error:
            raise InvalidInput("values of a trial", dict(values), "values of the sweep's space") from error
        self._study.add_trial(known)

    def _numbers(self, values: Mapping[str, str]) -> dict[str, Any]:
        return {name: _number(one, values[name]) for name, one in self._space.searched.items()}


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise EnvironmentFailed(
            "a sweep needs the package optuna: install the extra `sweep` (pip install 'trackstream[sweep]')"
        ) from error
    # It tells on standard error of each trial what the sweep tells by itself.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _check(space: Space, sampler: str) -> None:
    if sampler not in SAMPLERS:
        raise InvalidInput("sampler", sampler, f"one of {', '.join(SAMPLERS)}")
    numbers = [one for one in space.searched.values() if isinstance(one, Number)]
    if sampler == "cmaes" and len(numbers) < 2:
        right = "tpe, random or grid: cmaes needs at least two parameters that are ranges of numbers"
        raise InvalidInput("sampler", sampler, right)


def _made(sampler: SamplerName, seed: int) -> BaseSampler:
    made = _optuna().samplers
    found: BaseSampler
    if sampler == "tpe":
        # Trials that run elsewhere at the same time count as bad ones, so that not all try the same.
        found = made.TPESampler(seed=seed, constant_liar=True)
    elif sampler == "cmaes":
        found = made.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    else:
        found = made.RandomSampler(seed=seed)
    return found


def _seed_of(seed: int, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest()[:4], "big")


def _distribution(one: Searched) -> Any:
    kinds = _optuna().distributions
    if isinstance(one, Choice):
        return kinds.CategoricalDistribution(one.options)
    if one.whole:
        return kinds.IntDistribution(int(one.low), int(one.high), log=one.log, step=int(one.step or 1))
    return kinds.FloatDistribution(one.low, one.high, log=one.log, step=one.step)


def _number(one: Searched, text: str) -> Any:
    if isinstance(one, Choice):
        return text
    return int(text) if one.whole else float(text)


def _text(one: Searched, value: Any) -> str:
    return str(value) if isinstance(one, Choice) else one.value(value)
