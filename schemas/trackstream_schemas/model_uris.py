"""URIs that name a model's files: `runs:/RUN_ID/PATH` and `models:/…`.

    runs:/RUN_ID/PATH       files of a run (PATH may be empty)
    models:/NAME/3          version 3 of a registered model
    models:/NAME@champion   the version that an alias points at
    models:/NAME/Staging    the highest version in a stage
    models:/NAME/latest     the highest version
    models:/MODEL_ID        a logged model

Source: mlflow.store.artifact.utils.models._parse_model_uri and RunsArtifactRepository.parse_runs_uri.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput

_RIGHT = (
    "runs:/RUN_ID/PATH, models:/NAME/VERSION, models:/NAME@ALIAS, models:/NAME/STAGE, models:/NAME/latest"
    " or models:/MODEL_ID"
)


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Files of a run; the path "" means all."""

    run_id: str
    path: str


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A logged model."""

    model_id: str


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """A version of a registered model: by number, by alias, by stage, or the highest if none is given."""

    name: str
    version: int | None = None
    alias: str | None = None
    stage: str | None = None


ModelUri = RunFiles | LoggedModel | RegisteredVersion


def is_model_uri(text: str) -> bool:
    """Whether the text begins like one of these URIs."""
    return text.startswith(("runs:", "models:"))


def parse(uri: str, field: str = "model URI") -> ModelUri:
    """Return what a URI names. Raises InvalidInput for one of another form."""
    try:
        parts = urlsplit(uri, allow_fragments=False)
    except ValueError:
        raise InvalidInput(field, uri, _RIGHT) from None
    path = parts.path.lstrip("/")
    if parts.netloc or parts.query or not parts.path.startswith("/") or not path:
        raise InvalidInput(field, uri, _RIGHT)
    if parts.scheme == "runs":
        run_id, _, inside = path.partition("/")
        inside = inside.strip("/")
        return RunFiles(
            validate.run_id(run_id, field), validate.artifact_path(inside, field) if inside else ""
        )
    if parts.scheme == "models":
        return _model(uri, path, field)
    raise InvalidInput(field, uri, _RIGHT)


def _model(uri: str, path: str, field: str) -> ModelUri:
    name, _, suffix = path.partition("/")
    if not name.strip() or "/" in suffix or (path.endswith("/") and not suffix):
        raise InvalidInput(field, uri, _RIGHT)
    if suffix:
        if suffix.isdecimal():
            return RegisteredVersion(name, version=validate.model_version(suffix, field))
        if suffix.lower() == validate.LATEST:
            return RegisteredVersion(name)
        return RegisteredVersion(name, stage=suffix)
    if "@" in name:
        name, _, alias = name.rpartition("@")
        if not name.strip() or not alias.strip():
            raise InvalidInput(field, uri, _RIGHT)
        return RegisteredVersion(name, alias=alias)
    return LoggedModel(validate.run_id(name, field))
