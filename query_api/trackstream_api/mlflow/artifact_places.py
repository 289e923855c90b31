"""Where a path of MLflow's artifact proxy is in the store: which owner's file it is.

Artifact URIs given out are `mlflow-artifacts:/<experiment_id>/<run_id>/artifacts` for a run,
`…/<experiment_id>/models/<model_id>/artifacts` for a logged model and
`…/<experiment_id>/traces/<trace_id>/artifacts` for a trace; the stock client then uploads and downloads
through `/api/2.0/mlflow-artifacts/artifacts/<path>`. The store keeps files by (owner, path), where the owner
is the id of the run, model or trace (the `run_id` of ArtifactLogged).
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from trackstream_schemas import validate

SCHEME = "mlflow-artifacts"
_FOLDER = "artifacts"
_GENERATED_ID = re.compile(r"(m-|tr-)?[0-9a-f]{32}")
_NO_OWNER = "mlflow-artifacts-root"


class Place(NamedTuple):
    """A file or directory of an owner; the path "" is all that the owner has."""

    owner: str
    path: str

    @property
    def owned(self) -> bool:
        """Whether it belongs to a run, logged model or trace."""
        return self.owner != _NO_OWNER


def place_of(proxied: str) -> Place:
    """Return the place of a path below the proxy's root ("" is the root). Raises InvalidInput.

    The owner is the segment before the first `artifacts` that looks like a generated id, else the segment
    before the first `artifacts`. A path without either belongs to an owner of its own.
    """
    path = validate.artifact_path(proxied, "path") if proxied.strip("/") else ""
    segments = path.split("/")
    before = [
        index for index in range(len(segments) - 1) if segments[index + 1] == _FOLDER and segments[index]
    ]
    generated = [index for index in before if _GENERATED_ID.fullmatch(segments[index])]
    for index in generated or before:
        return Place(validate.run_id(segments[index], "path"), "/".join(segments[index + 2 :]))
    return Place(_NO_OWNER, path)


def experiment_root(experiment_id: str, artifact_location: str | None) -> str:
    """Return where an experiment's artifacts go: its own location, or ours."""
    return artifact_location or f"{SCHEME}:/{experiment_id}"


def run_root(experiment_id: str, run_id: str, artifact_location: str | None = None) -> str:
    """Return the artifact URI of a run."""
    return f"{_joined(experiment_root(experiment_id, artifact_location))}/{run_id}/{_FOLDER}"


def model_root(experiment_id: str, model_id: str, artifact_location: str | None = None) -> str:
    """Return the artifact URI of a logged model."""
    return f"{_joined(experiment_root(experiment_id, artifact_location))}/models/{model_id}/{_FOLDER}"


def trace_root(experiment_id: str, trace_id: str, artifact_location: str | None = None) -> str:
    """Return the artifact URI of a trace."""
    return f"{_joined(experiment_root(experiment_id, artifact_location))}/traces/{trace_id}/{_FOLDER}"


def place_of_uri(uri: str) -> Place | None:
    """Return the place that an artifact URI names, or None where it is not kept here."""
    parts = urlsplit(uri)
    return place_of(parts.path.strip("/")) if parts.scheme == SCHEME else None


def _joined(location: str) -> str:
    return location.rstrip("/")
