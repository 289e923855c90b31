"""Where a version's files are: the source that it was registered from, checked and resolved.

Source of the rules: mlflow.server.handlers (_resolve_registered_model_source_lineage, _validate_source_run,
_validate_source_model). A source inside this store must be the run's or the logged model's that is named.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from trackstream_api.errors import SourceRefused
from trackstream_api.mlflow import artifact_places
from trackstream_api.models.registry import ArtifactPlace
from trackstream_api.queries import experiments, registry
from trackstream_api.queries.execution import select
from trackstream_api.registry.commands import Lineage, canonical_stage, is_prompt
from trackstream_schemas import model_uris
from trackstream_schemas.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from trackstream_api.models.registry import ModelVersion, RegisteredModel
    from trackstream_consumers.engine import Engine

PROMPT_SOURCES = frozenset({"dummy-source", "prompt-template"})
"""What stands for the source of a prompt, which has no files. Source: mlflow.prompt.constants."""

_IDENTIFY = "The {} request parameter must identify the resource that contains the source."
_LOCAL = (
    "To use a local path as a model version source, the {0} request parameter has to be specified and the"
    " local path has to be contained within the artifact directory of the run specified by the {0}."
)
_ABSOLUTE = (
    "If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri,"
    " an absolute path must be provided without relative path references present."
    " Please provide an absolute path."
)


def lineage_of(
    engine: Engine, source: str, run_id: str | None, model_id: str | None, *, of_prompt: bool = False
) -> Lineage:
    """Return the checked lineage of a new version; "" for an id means known to be none.

    Raises InvalidInput where the source is not one, or not one of the run or logged model named.
    """
    if of_prompt:
        if source not in PROMPT_SOURCES:
            raise SourceRefused(source, "Prompt sources must use an MLflow placeholder.")
        return Lineage(source, None, run_id or None, None)
    if _scheme(source) == "models":
        _refuse_relative(source)
        uri = _parsed(source)
        if isinstance(uri, model_uris.RegisteredVersion):
            return _of_version(engine, source, uri, run_id, model_id)
    if model_id:
        _check_model(engine, source, model_id)
    else:
        _check_run(engine, source, run_id or "")
    storage = None
    if _scheme(source) == "models" and model_id:
        experiment_id, made_by = _logged_model(engine, model_id, source)
        storage = artifact_places.model_root(experiment_id, model_id, _location(engine, experiment_id))
        run_id = run_id or made_by
    elif model_id and not run_id:
        run_id = _logged_model(engine, model_id, source)[1]
    return Lineage(source, storage, run_id or None, model_id or None)


def ids_in(source: str) -> tuple[str | None, str | None]:
    """Return the run and the logged model that a source names by itself; None where it names none."""
    if model_uris.is_model_uri(source):
        match _parsed(source):
            case model_uris.RunFiles(run_id=run_id):
                return run_id, None
            case model_uris.LoggedModel(model_id=model_id):
                return None, model_id
    elif _scheme(source) == artifact_places.SCHEME:
        _refuse_relative(source)
        place = artifact_places.place_of_uri(source)
        if place is not None:
            return (None, place.owner) if place.owner.startswith("m-") else (place.owner, None)
    return None, None


def version_for(engine: Engine, uri: model_uris.RegisteredVersion) -> ModelVersion:
    """Return the version that a models:/ URI means. Raises NotFound, and InvalidInput for a wrong stage."""
    model = registry.get(engine, uri.name)
    if uri.version is not None:
        return registry.version_of(engine, model, uri.version)
    if uri.alias is not None:
        return version_by_alias(engine, model, uri.alias)
    stages = None if uri.stage is None else {canonical_stage(uri.stage)}
    found = [item for item in model.latest_versions if stages is None or item.stage in stages]
    if not found:
        where = f" and stage '{uri.stage}'" if uri.stage else ""
        raise NotFound(f"No versions of model with name '{uri.name}'{where} found")
    return max(found, key=lambda item: item.version)


def version_by_alias(engine: Engine, model: RegisteredModel, alias: str) -> ModelVersion:
    """Return the version that an alias points at; `latest` is the highest. Raises NotFound."""
    if alias.lower() == "latest":
        if not model.latest_versions:
            raise NotFound(f"Latest version not found for model {model.name}.")
        return max(model.latest_versions, key=lambda item: item.version)
    number = model.aliases.get(alias)
    if number is None:
        raise NotFound(f"Registered model alias {alias} not found.")
    return registry.version_of(engine, model, number)


def place_of(engine: Engine, uri: str) -> ArtifactPlace:
    """Return where in this store the files are that a URI means.

    Raises NotFound for what is not there, and InvalidInput where the files are not in this store.
    """
    if model_uris.is_model_uri(uri):
        match model_uris.parse(uri, "uri"):
            case model_uris.RunFiles(run_id=run_id, path=path):
                return ArtifactPlace(run_id=run_id, path=path)
            case model_uris.LoggedModel(model_id=model_id):
                return ArtifactPlace(run_id=model_id, path="")
            case model_uris.RegisteredVersion() as named:
                # What a version was made of is settled when it is registered, so this ends.
                return place_of(engine, version_for(engine, named).storage_location)
    place = artifact_places.place_of_uri(uri)
    if place is None:
        raise InvalidInput("uri", uri, "a URI of files that this store keeps")
    return ArtifactPlace(run_id=place.owner, path=place.path)


def _of_version(
    engine: Engine,
    source: str,
    uri: model_uris.RegisteredVersion,
    run_id: str | None,
    model_id: str | None,
) -> Lineage:
    if is_prompt(registry.get(engine, uri.name).tags):
        raise SourceRefused(source, "Prompt versions cannot be used as model version sources.")
    version = version_for(engine, uri)
    given = [(run_id, version.run_id), (model_id, version.model_id)]
    if any(wanted is not None and wanted != (known or "") for wanted, known in given):
        raise SourceRefused(
            source, "The run_id and model_id request parameters must match the referenced model version."
        )
    plain = f"models:/{version.name}/{version.version}"
    return Lineage(plain, version.storage_location, version.run_id, version.model_id)


def _check_run(engine: Engine, source: str, run_id: str) -> None:
    wrong = SourceRefused(source, _IDENTIFY.format("run_id"))
    if _is_local(source):
        root = _run_root(engine, run_id) if run_id else None
        if root is None or not _is_local(root) or not _is_within(_local_path(source), _local_path(root)):
            raise SourceRefused(source, _LOCAL.format("run_id"))
        return
    _refuse_relative(source)
    match _scheme(source):
        case "runs":
            uri = _parsed(source)
            if not isinstance(uri, model_uris.RunFiles) or uri.run_id != run_id:
                raise wrong
        case "models":
            raise SourceRefused(source, _IDENTIFY.format("model_id"))
        case artifact_places.SCHEME:
            root = _run_root(engine, run_id) if run_id else None
            if root is None or not _is_within(source, root):
                raise wrong


def _check_model(engine: Engine, source: str, model_id: str) -> None:
    wrong = SourceRefused(source, _IDENTIFY.format("model_id"))
    if _is_local(source):
        raise SourceRefused(source, _LOCAL.format("model_id"))
    _refuse_relative(source)
    match _scheme(source):
        case "models":
            uri = _parsed(source)
            if not isinstance(uri, model_uris.LoggedModel) or uri.model_id != model_id:
                raise wrong
        case "runs":
            raise wrong
        case artifact_places.SCHEME:
            experiment_id, _ = _logged_model(engine, model_id, source)
            root = artifact_places.model_root(experiment_id, model_id, _location(engine, experiment_id))
            if not _is_within(source, root):
                raise wrong


def _logged_model(engine: Engine, model_id: str, source: str) -> tuple[str, str | None]:
    """Return a logged model's experiment and run. Raises InvalidInput for one that is not there."""
    sql = """
        SELECT experiment_id, source_run_id FROM logged_models FINAL
        WHERE model_id = {id:String} AND lifecycle_stage = 'active' AND created_at > 0
    """
    rows = select(engine, sql, {"id": model_id})
    if not rows:
        raise SourceRefused(source, _IDENTIFY.format("model_id"))
    return str(rows[0][0]), rows[0][1] or None


def _run_root(engine: Engine, run_id: str) -> str | None:
    sql = """
        SELECT experiment_id FROM runs FINAL
        WHERE run_id = {id:String} AND status != 'UNSTARTED' AND lifecycle_stage != 'purged'
    """
    rows = select(engine, sql, {"id": run_id})
    if not rows:
        return None
    return artifact_places.run_root(rows[0][0], run_id, _location(engine, rows[0][0]))


def _location(engine: Engine, experiment_id: str) -> str | None:
    found = experiments.by_ids(engine, [experiment_id])
    return found[0].artifact_location if found else None


def _parsed(source: str) -> model_uris.ModelUri:
    try:
        return model_uris.parse(source, "source")
    except InvalidInput:
        raise SourceRefused(source, _IDENTIFY.format("model_id")) from None


def _scheme(uri: str) -> str:
    try:
        return urlsplit(uri).scheme
    except ValueError:
        raise SourceRefused(uri, "It must be a URI.") from None


def _is_local(uri: str) -> bool:
    return _scheme(uri) in ("", "file")


def _local_path(uri: str) -> str:
    return posixpath.normpath(unquote(urlsplit(uri).path) if _scheme(uri) == "file" else uri)


def _is_within(uri: str, root: str) -> bool:
    inner, outer = urlsplit(uri), urlsplit(root)
    parts = [[unquote(part) for part in found.path.split("/") if part] for found in (inner, outer)]
    return (
        (inner.scheme, inner.netloc) == (outer.scheme, outer.netloc)
        and bool(parts[1])
        and parts[0][: len(parts[1])] == parts[1]
    )


def _refuse_relative(source: str) -> None:
    plain = source
    while (unquoted := unquote(plain)) != plain:
        plain = unquoted
    if "\x00" in plain or ".." in plain.split("/"):
        raise SourceRefused(source, _ABSOLUTE)
