"""What names and values of the model registry may be, in the words of MLflow's server.

Source: mlflow.utils.validation and mlflow.entities.model_registry.model_version_stages.
"""

from __future__ import annotations

import posixpath
import re

from trackstream_api.mlflow import rules
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.registry.commands import STAGES, canonical_stage
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput

_ALIAS = re.compile(r"[\w\-]*")
_RESERVED = re.compile(r"[vV]\d+")


def model_name(name: str, path: str = "name") -> str:
    """Return the name of a registered model."""
    if not name.strip():
        raise InvalidParameter(path, f"Missing value for required parameter '{path}'.")
    if "/" in name or ":" in name:
        raise InvalidParameter(path, f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    normal = posixpath.normpath(name)
    if normal != name or normal == "." or normal.startswith(".."):
        raise InvalidParameter(
            path,
            f"Invalid value \"{name}\" for parameter '{path}' supplied: Names may be treated as files in"
            " certain cases, and must not resolve to other names when treated as such. This name would"
            f" resolve to {normal!r}",
        )
    return validate.model_name(name, path)


def version_number(version: str) -> int:
    """Return the number of a version."""
    try:
        number = int(version)
    except ValueError:
        raise InvalidParameter(
            "version", f"Parameter 'version' must be an integer, got '{version}'."
        ) from None
    # No version has such a number, which is what the caller will find out.
    return number if 0 <= number <= validate.MAX_MODEL_VERSION else 0


def alias_name(alias: str) -> str:
    """Return a name that an alias may have."""
    if not _ALIAS.fullmatch(alias):
        raise InvalidParameter(
            "alias",
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and"
            " dashes (-).",
        )
    if len(alias) > validate.MAX_MODEL_ALIAS:
        raise InvalidParameter(
            "alias",
            "'Registered model alias name' exceeds the maximum length of"
            f" {validate.MAX_MODEL_ALIAS} characters",
        )
    return validate.model_alias(alias)


def alias_to_set(alias: str) -> str:
    """Return a name that an alias may be given."""
    alias = alias_name(alias)
    if alias.lower() == validate.LATEST:
        raise InvalidParameter("alias", "'latest' alias name (case insensitive) is reserved.")
    if _RESERVED.fullmatch(alias):
        raise InvalidParameter("alias", f"Version alias name '{alias}' is reserved.")
    return alias


def stage_name(stage: str) -> str:
    """Return the stage that a name means in any spelling of case."""
    try:
        return canonical_stage(stage)
    except InvalidInput:
        raise InvalidParameter(
            "stage", f"Invalid Model Version stage: {stage}. Value must be one of {', '.join(STAGES)}."
        ) from None


def registry_tag(key: str, value: str) -> tuple[str, str]:
    """Return a tag of a model or version, whose value may have 100,000 characters and is not cut."""
    if not key:
        raise InvalidParameter("key", "Missing value for required parameter 'key'.")
    name = rules.entity_name(key, "key", "key")
    if len(value) > validate.MAX_MODEL_TAG_VALUE:
        raise InvalidParameter(
            "value", f"'value' exceeds the maximum length of {validate.MAX_MODEL_TAG_VALUE} characters"
        )
    return name, validate.text(value, "value", validate.MAX_MODEL_TAG_VALUE)


def page_size(wanted: int | None, default: int, limit: int) -> int:
    """Return how many results a page has."""
    size = default if wanted is None else wanted
    if size < 1:
        raise InvalidParameter(
            "max_results", f"Invalid value for max_results. It must be a positive integer, but got {size}"
        )
    if size > limit:
        raise InvalidParameter(
            "max_results",
            "Invalid value for request parameter max_results. It must be at most"
            f" {limit}, but got value {size}",
        )
    return size
