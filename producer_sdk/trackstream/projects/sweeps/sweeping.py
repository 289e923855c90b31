"""A sweep: launches of a project with different values, each a run below the sweep's run.

The sweep's run keeps what is tried and what came of it; which trials there were and how they ended is read
from their runs. So a sweep whose process was killed can be resumed by another.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from trackstream import context_tags
from trackstream.projects.elsewhere import Elsewhere
from trackstream.projects.errors import LaunchCancelled, SweepCancelled, SweepFailed
from trackstream.projects.launch import submit
from trackstream.projects.launch_folder import folder_of
from trackstream.projects.submitted import SubmittedRun
from trackstream.projects.sweeps.lines import best_so_far, line_of
from trackstream.projects.sweeps.plan import USUAL_TRIALS
from trackstream.projects.sweeps.trials import (
    TRIAL_TAG,
    VALUES_TAG,
    Trial,
    best_of,
    by_number,
    hopeless,
    trial_of,
    value_of,
)
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from optuna.trial import Trial as Asked

    from trackstream.client import Client
    from trackstream.projects.launch_folder import End
    from trackstream.projects.store_reads import StoreReads
    from trackstream.projects.sweeps.plan import Plan
    from trackstream.run import Run
    from trackstream_schemas.events import RunStatus

BEST_RUN_TAG = "trackstream.sweep.best_run_id"
BEST_TRIAL_TAG = "trackstream.sweep.best_trial"
BEST_VALUE_TAG = "trackstream.sweep.best."
_LOOK_SECONDS = 0.1
_CANCEL_SECONDS = 120.0


class Sweep:
    """Executes a plan below the run `run`; `tell` hears of each trial, a line each."""

    def __init__(
        self,
        client: Client,
        reads: StoreReads,
        plan: Plan,
        run: Run,
        tell: Callable[[str], object],
    ) -> None:
        self._client = client
        self._reads = reads
        self._plan = plan
        self._run = run
        self._tell = tell
        self._suggestions = plan.suggestions()
        self._fixed = plan.space().fixed
        self._settled: list[Trial] = []
        self._adopted = 0
        """How many of these an earlier process has left; what is wrong may have been mended since."""
        self._running: dict[int, tuple[Trial, SubmittedRun | Elsewhere, Asked | None]] = {}
        self._known: set[int] = set()
        self._why = ""
        self._cancelled = False

    def stop(self, why: str) -> None:
        """Have the sweep end soon, its trials cancelled; may be called by a signal handler."""
        self._why = self._why or why

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked for the end."""
        return bool(self._why)

    def adopt(self, children: Iterable[Trial]) -> None:
        """Take over what an earlier process has done: trials that ended, and those that still run.

        What was cancelled, or lost with its machine, is tried again.
        """
        logged = self._reads.metric_steps(self._run.run_id, self._trial_metric)
        for number, trial in sorted(by_number(children).items()):
            if trial.state == "running":
                self._known.add(number)
                self._running[number] = (trial, self._handle_of(trial), None)
            elif trial.state == "finished" or (trial.state == "failed" and not self._was_lost(trial)):
                self._known.add(number)
                self._suggestions.add(trial.values, trial.value)
                self._settled.append(trial)
                if trial.value is not None and number not in logged:
                    self._log(trial)
        self._adopted = len(self._settled)

    def execute(self) -> list[Trial]:
        """Run all trials and return them by number.

        Raises SweepCancelled once those that ran are over, SweepFailed, and the log's errors; the sweep's
        run has then ended KILLED or FAILED.
        """
        status: RunStatus = "FAILED"
        try:
            self._try_all()
            if self.stopping:
                # What ends well meanwhile counts.
                self._cancel_all()
                raise SweepCancelled(self._run.run_id, f"{self._why}; {best_so_far(self._best, self._plan)}")
            if self._best is None:
                raise SweepFailed(self._run.run_id, self._why_failed())
            self._name_best(self._best)
            status = "FINISHED"
        except (LaunchCancelled, KeyboardInterrupt):
            status = "KILLED"
            raise
        finally:
            try:
                self._cancel_all()
            finally:
                self._run.set_terminated(status)
        return sorted(self._settled, key=lambda trial: trial.number)

    def _try_all(self) -> None:
        count = self._suggestions.count(self._plan.trials, USUAL_TRIALS)
        waiting = [number for number in range(count) if number not in self._known]
        waiting.reverse()
        while not self.stopping and (waiting or self._running):
            if self._best is None and hopeless(self._settled[self._adopted :]):
                raise SweepFailed(self._run.run_id, self._why_failed())
            while waiting and len(self._running) < self._plan.parallel and not self.stopping:
                self._begin(waiting.pop())
            if not self._settle_ended():
                time.sleep(_LOOK_SECONDS)

    def _begin(self, number: int) -> None:
        asked, values = self._suggestions.ask(number)
        request = self._plan.request("", "", {**self._fixed, **values}, context_tags.user_name())
        tags = {
            context_tags.PARENT_RUN_ID: self._run.run_id,
            TRIAL_TAG: str(number),
            VALUES_TAG: json.dumps(values, ensure_ascii=False),
        }
        submitted = submit(
            self._client,
            request,
            experiment_id=self._run.info.experiment_id,
            run_name=f"trial {number}",
            tags=tags,
            # What there is to warn of was said of the whole sweep.
            warn=False,
        )
        trial = Trial(number, values, submitted.run_id, submitted.launch_id)
        self._running[number] = (trial, submitted, asked)

    def _settle_ended(self) -> bool:
        """Take account of the trials that have ended; returns whether there were any."""
        some = False
        for number, (trial, handle, asked) in list(self._running.items()):
            end = handle.wait_for_end(0)
            if end is None:
                continue
            some = True
            del self._running[number]
            ended = self._ended(trial, end)
            if asked is not None:
                self._suggestions.tell(asked, ended.value)
            elif ended.state != "cancelled":
                self._suggestions.add(ended.values, ended.value)
            self._settled.append(ended)
            if ended.value is not None:
                self._log(ended)
            self._tell(line_of(ended, self._plan, is_best=self._is_best(ended)))
        return some

    def _ended(self, trial: Trial, end: End) -> Trial:
        if end.outcome != "finished":
            return replace(trial, state=end.outcome, reason=end.reason)
        value, reason = value_of(self._reads.run(trial.run_id), self._plan.metric)
        return replace(trial, state="failed" if value is None else "finished", value=value, reason=reason)

    def _log(self, trial: Trial) -> None:
        """Put a trial's value on the sweep's run, and which is the best so far."""
        assert trial.value is not None
        self._run.log_metric(self._trial_metric, trial.value, trial.number)
        if self._is_best(trial):
            # The newest step is the best of all: each one is better than those before.
            self._run.log_metric(f"best.{self._plan.metric}", trial.value, len(self._settled))
            self._name_best(trial)

    def _name_best(self, trial: Trial) -> None:
        tags = {BEST_RUN_TAG: trial.run_id, BEST_TRIAL_TAG: trial.number}
        self._run.set_tags(tags | {f"{BEST_VALUE_TAG}{name}": text for name, text in trial.values.items()})

    @property
    def _best(self) -> Trial | None:
        return best_of(self._settled, maximize=self._plan.maximize)

    def _is_best(self, trial: Trial) -> bool:
        best = self._best
        return best is not None and best.run_id == trial.run_id

    @property
    def _trial_metric(self) -> str:
        return f"trial.{self._plan.metric}"

    def _cancel_all(self) -> None:
        """Cancel what runs and wait for it, once, so that it is recorded; another signal ends the waiting."""
        if self._cancelled:
            return
        self._cancelled = True
        for _, handle, _ in self._running.values():
            try:
                handle.cancel()
            except TrackstreamError as error:
                self._tell(f"a trial could not be cancelled: {error}")
        deadline = time.monotonic() + _CANCEL_SECONDS
        while self._running and time.monotonic() < deadline:
            if not self._settle_ended():
                time.sleep(_LOOK_SECONDS)

    def _handle_of(self, trial: Trial) -> SubmittedRun | Elsewhere:
        folder = folder_of(trial.launch_id)
        if folder.path.exists():
            return SubmittedRun(trial.run_id, folder)
        return Elsewhere(self._reads, trial.launch_id)

    def _was_lost(self, trial: Trial) -> bool:
        return bool(self._reads.launch(trial.launch_id)["lost"])

    def _why_failed(self) -> str:
        failed = [trial for trial in self._settled if trial.value is None]
        last = failed[-1].reason if failed else "there were none"
        return f"none of {len(self._settled)} trials gave {self._plan.metric}; the last one: {last}"


def trials_of(reads: StoreReads, run_id: str, metric: str) -> list[Trial]:
    """Return the trials of the sweep whose run this is, as the store has them."""
    found = (trial_of(run, metric) for run in reads.children(run_id))
    return [trial for trial in found if trial is not None]
