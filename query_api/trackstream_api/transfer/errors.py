"""Errors of transfers; each is an error of the shared tree.

TrackstreamError                 exit code   (trackstream_schemas.errors)
├── MlflowMissing                  1       the package mlflow is not installed
├── InvalidInput
│   └── NotAnExport                2       the file is not one that `trackstream export` writes
├── Conflict
│   └── SomeLeftOut                4       not everything of the source could be taken over
└── Unavailable
    └── SourceUnreadable           5       the MLflow store cannot be read
"""

from __future__ import annotations

from trackstream_schemas import errors


class MlflowMissing(errors.TrackstreamError):
    """An MLflow store is read by MLflow's own code, which is not installed."""


class NotAnExport(errors.InvalidInput):
    """A file that is not an Avro container of our events, or that is damaged."""


class SomeLeftOut(errors.Conflict):
    """Some of the source was refused or could not be read; all else is on the log."""


class SourceUnreadable(errors.Unavailable):
    """The MLflow store is not there, does not answer, or is of another version."""
