"""Beginning and resuming sweeps; `trackstream.projects.sweep`."""

from __future__ import annotations

import fcntl
import logging
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackstream import context_tags
from trackstream.client import Client
from trackstream.projects.launch_folder import launches_directory
from trackstream.projects.launch_run import chosen_experiment, parent_run
from trackstream.projects.recovery import settle_all
from trackstream.projects.store_reads import reads_of
from trackstream.projects.submitted import CANCELS
from trackstream.projects.sweeps.plan import PLAN_TAG, Plan, of_tag, settled_on_files
from trackstream.projects.sweeps.sweeping import Sweep, trials_of
from trackstream.projects.sweeps.trials import best_of
from trackstream_schemas import validate
from trackstream_schemas.errors import Conflict
from trackstream_schemas.secret_texts import without_credentials

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

    from trackstream.projects.store_reads import StoreReads
    from trackstream.projects.sweeps.sampler import SamplerName
    from trackstream.projects.sweeps.trials import Trial
    from trackstream.run import Run

logger = logging.getLogger("trackstream")

_CLOSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What came of a sweep."""

    run_id: str
    """The sweep's own run, the parent of its trials' runs."""
    metric: str
    trials: tuple[Trial, ...]
    """By number; those of an earlier process included."""
    best: Trial


def sweep(
    uri: str,
    parameters: Mapping[str, Any],
    metric: str,
    entry_point: str = "main",
    version: str | None = None,
    *,
    maximize: bool = False,
    trials: int | None = None,
    parallel: int = 1,
    sampler: SamplerName = "tpe",
    seed: int | None = None,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    backend: str = "local",
    backend_config: Mapping[str, Any] | None = None,
    docker_args: Mapping[str, Any] | None = None,
    storage_dir: str | None = None,
    tracking_uri: str | os.PathLike[str] | None = None,
    tell: Callable[[str], object] | None = None,
) -> SweepResult:
    """Launch an entry point with different values, at most `parallel` at a time, and return the best.

    `parameters` has for each what to try, such as `log:1e-4:1e-1`, `int:2:8` or `choice:adam,sgd`, or one
    value (see `search_space`). `metric` is what the program logs, the smallest being the best unless
    `maximize`. A trial that fails is left out. `trials` is 20 where not given, for a grid all of it. With
    the same `seed` and `parallel=1` the same is tried again. `tell` gets a line for each trial.

    Raises InvalidInput and NotFound before anything is recorded, SweepFailed where no trial gave a value or
    the first 5 all failed, SweepCancelled after a SIGINT, SIGTERM or SIGHUP, the trials having ended.
    """
    given: dict[str, Any] = {} if seed is None else {"seed": seed}
    plan = Plan(
        uri,
        {str(name): str(text) for name, text in parameters.items()},
        metric,
        entry_point,
        version,
        maximize,
        trials,
        parallel,
        sampler,
        backend=backend,
        backend_config=dict(backend_config or {}),
        env_manager=env_manager,
        docker_args={
            str(name): "" if value is True else str(value) for name, value in (docker_args or {}).items()
        },
        storage_dir=None if storage_dir is None else str(Path(storage_dir).absolute()),
        **given,
    )
    tell = tell or logger.info
    plan.check()
    plan.suggestions()
    plan, notes = settled_on_files(plan)
    for note in notes:
        logger.warning("%s", note)
    kept = plan.as_tag()
    client = Client(tracking_uri)
    try:
        with reads_of(client.uri, "a sweep") as reads:
            chosen = chosen_experiment(client, experiment_name, experiment_id)
            tags = {
                context_tags.SOURCE_NAME: without_credentials(plan.uri),
                context_tags.SOURCE_TYPE: "PROJECT",
                context_tags.USER: context_tags.user_name(),
                PLAN_TAG: kept,
            }
            parent = parent_run(client)
            if parent is not None:
                tags[context_tags.PARENT_RUN_ID] = parent
            run = client.create_run(chosen, run_name=run_name, tags=tags)
            run.log_params(plan.space().texts())
            tell(f"sweep {run.run_id}")
            return _executed(client, reads, plan, run, tell, resumed=False)
    finally:
        client.close(_CLOSE_SECONDS)


def resume_sweep(
    run_id: str,
    secrets: Mapping[str, str] | None = None,
    *,
    trials: int | None = None,
    parallel: int | None = None,
    tracking_uri: str | os.PathLike[str] | None = None,
    tell: Callable[[str], object] | None = None,
) -> SweepResult:
    """Go on with the sweep whose run this is, whatever became of the process that ran it.

    Trials that ended are not repeated, those that still run are waited for, and those that were cancelled or
    lost are tried again. `secrets` are the values that were not recorded; `trials` and `parallel` change
    what they were. Raises like `sweep`, NotFound for a run that is not there, and Conflict for one that is no
    sweep or goes on in another process of this machine.
    """
    tell = tell or logger.info
    client = Client(tracking_uri)
    try:
        with reads_of(client.uri, "a sweep") as reads:
            found = reads.run(validate.run_id(run_id))
            if PLAN_TAG not in found["tags"]:
                raise Conflict(f"run {run_id} is not the run of a sweep")
            plan = of_tag(found["tags"][PLAN_TAG], secrets or {}, run_id)
            plan = replace(plan, trials=trials or plan.trials, parallel=parallel or plan.parallel)
            plan.check()
            tell(f"sweep {run_id}, resumed")
            return _executed(client, reads, plan, client.run(run_id), tell, resumed=True)
    finally:
        client.close(_CLOSE_SECONDS)


def _executed(
    client: Client, reads: StoreReads, plan: Plan, run: Run, tell: Callable[[str], object], *, resumed: bool
) -> SweepResult:
    with _alone(run.run_id):
        if resumed:
            run = client.resume_run(run.run_id)
        execution = Sweep(client, reads, plan, run, tell)
        if resumed:
            settle_all()
            execution.adopt(trials_of(reads, run.run_id, plan.metric))
        with _signals(execution):
            trials = execution.execute()
    best = best_of(trials, maximize=plan.maximize)
    assert best is not None
    return SweepResult(run.run_id, plan.metric, tuple(trials), best)


@contextmanager
def _alone(run_id: str) -> Iterator[None]:
    """Let no other process of this machine execute the sweep. Raises Conflict where one does."""
    folder = launches_directory().parent / "sweeps"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / f"{run_id}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"sweep {run_id} goes on in another process of this machine") from None
        yield


@contextmanager
def _signals(execution: Sweep) -> Iterator[None]:
    """Have the first signal end the sweep with its trials, and a second one this process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _: object) -> None:
        if execution.stopping:
            raise KeyboardInterrupt
        execution.stop(f"signal {signal.Signals(number).name}")

    before = {number: signal.signal(number, handle) for number in CANCELS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
