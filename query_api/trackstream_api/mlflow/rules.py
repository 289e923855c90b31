"""What names and values may be, in the words of MLflow's server.

The rules are those of `trackstream_schemas.validate` where both have one; the texts and the few limits that
only MLflow has are those of mlflow.utils.validation. Long values of params and tags are cut, as MLflow's
server does unless it is told otherwise.
"""

from __future__ import annotations

import posixpath
import re

from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.messages import shown
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput

MAX_ARTIFACT_LOCATION = 2048
MAX_METRICS, MAX_PARAMS, MAX_TAGS, MAX_ENTITIES = 1000, 100, 100, 1000
MAX_SEARCH_RESULTS = 50_000
_NAME = re.compile(r"[/\w.\- :]*")


def entity_name(name: str, path: str, what: str) -> str:
    """Return the name of a metric, param or tag. `path` is the field, `what` names the kind in the text."""
    if not _NAME.fullmatch(name):
        raise _invalid(
            path,
            name,
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ),"
            " colon(:) and slashes (/).",
        )
    normal = posixpath.normpath(name)
    if normal != name or normal == "." or normal.startswith(("..", "/")):
        raise _invalid(
            path,
            name,
            "Names may be treated as files in certain cases, and must not resolve to other names when"
            f" treated as such. This name would resolve to {normal!r}",
        )
    if len(name) > validate.MAX_KEY:
        raise _too_long(path, what, validate.MAX_KEY)
    return validate.key(name, path)


def param_value(value: str, path: str) -> str:
    """Return a param's value, cut at 6,000 characters."""
    return validate.text(value[: validate.MAX_PARAM_VALUE], path, validate.MAX_PARAM_VALUE)


def tag_value(value: str, path: str) -> str:
    """Return a tag's value, cut at 8,000 characters."""
    return validate.text(value[: validate.MAX_TAG_VALUE], path, validate.MAX_TAG_VALUE)


def experiment_tag(key: str, value: str) -> tuple[str, str]:
    """Return a tag of an experiment, whose value may have 20,000 characters and is not cut."""
    name = entity_name(key, "key", "key")
    if len(value) > validate.MAX_EXPERIMENT_TAG_VALUE:
        raise _too_long("value", "value", validate.MAX_EXPERIMENT_TAG_VALUE)
    return name, validate.text(value, "value", validate.MAX_EXPERIMENT_TAG_VALUE)


def experiment_name(name: str) -> str:
    """Return the name of an experiment."""
    if len(name) > validate.MAX_EXPERIMENT_NAME:
        raise _too_long("name", "name", validate.MAX_EXPERIMENT_NAME)
    return validate.experiment_name(name, "name")


def run_id(value: str, path: str = "run_id") -> str:
    """Return the id of a run."""
    try:
        return validate.run_id(value, path)
    except InvalidInput:
        raise InvalidParameter(
            path, f"Invalid value {shown(value)} for parameter '{path}' supplied."
        ) from None


def batch_size(what: str, limit: int, count: int) -> None:
    """Refuse a batch with more than `limit` of `what`."""
    if count > limit:
        raise InvalidParameter(
            what,
            f"A batch logging request can contain at most {limit} {what}. Got {count} {what}."
            f" Please split up {what} across multiple requests and try again.",
        )


def results(count: int, limit: int = MAX_SEARCH_RESULTS) -> int:
    """Return how many results a page may have."""
    if not 1 <= count <= limit:
        bound = "a positive integer" if count < 1 else f"at most {limit}"
        raise InvalidParameter(
            "max_results",
            f"Invalid value {count} for parameter 'max_results' supplied. It must be {bound}",
        )
    return count


def timestamp(value: int, path: str, metric: str, measured: float) -> int:
    """Return the time of a point: any milliseconds since the epoch that 64 bits hold, not negative."""
    if value < 0:
        raise _invalid(
            path,
            value,
            f"metric '{metric}' (value={measured}). Timestamp must be a nonnegative long (64-bit integer)",
        )
    return value


def _invalid(path: str, value: object, message: str) -> InvalidParameter:
    return InvalidParameter(path, f"Invalid value {shown(value)} for parameter '{path}' supplied: {message}")


def _too_long(path: str, what: str, limit: int) -> InvalidParameter:
    return InvalidParameter(path, f"'{what}' exceeds the maximum length of {limit} characters")
