"""Projects: code packaged for others to launch, compatible with MLflow's `MLproject`.

    import trackstream.projects

    submitted = trackstream.projects.run("examples/digits", parameters={"depth": 8}, synchronous=False)
    submitted.wait()

Every step of a launch is an event, so that its state survives whoever launched it; see docs/projects.md.
"""

from __future__ import annotations

from trackstream.projects.errors import (
    EnvironmentFailed,
    LaunchCancelled,
    LaunchFailed,
    ProjectInvalid,
    ProjectNotFound,
    SweepCancelled,
    SweepFailed,
)
from trackstream.projects.launch import run
from trackstream.projects.submitted import SubmittedRun
from trackstream.projects.sweeps.request import SweepResult, resume_sweep, sweep

__all__ = [
    "EnvironmentFailed",
    "LaunchCancelled",
    "LaunchFailed",
    "ProjectInvalid",
    "ProjectNotFound",
    "SubmittedRun",
    "SweepCancelled",
    "SweepFailed",
    "SweepResult",
    "resume_sweep",
    "run",
    "sweep",
]
