"""What names, values and paths may be; the same rules in the SDK and in the API.

Limits are MLflow's (mlflow.utils.validation), so that whatever its client accepts is accepted here.
Every function returns the accepted value or raises InvalidInput that names the field and the value.
"""

from __future__ import annotations

import math
import posixpath
import re
from typing import Any
from urllib.parse import unquote

from trackstream_schemas.errors import InvalidInput

MAX_EXPERIMENT_NAME = 500
MAX_RUN_NAME = 250
MAX_KEY = 250
MAX_PARAM_VALUE = 6000
MAX_TAG_VALUE = 8000
MAX_EXPERIMENT_TAG_VALUE = 20_000
MAX_ARTIFACT_PATH = 1000
MAX_MODEL_NAME = 256
MAX_MODEL_ALIAS = 255
MAX_MODEL_VERSION = 2**31 - 1
MAX_MODEL_TAG_VALUE = 100_000
"""Of tags of registered models and versions; the text of a prompt is such a tag."""
MAX_MODEL_TEXT = 100_000
"""Of descriptions."""
MAX_MODEL_LOCATION = 4096
"""Of sources and links."""
LATEST = "latest"
"""The alias that means the highest version."""
MAX_PATH_SEGMENT = 255
"""Bytes of UTF-8: what one name may have on the file systems that artifacts are downloaded to."""
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_KEY = re.compile(r"[/\w.\- :]+")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}", re.ASCII)
_EXPERIMENT_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,63}", re.ASCII)
_PRODUCER_ID = re.compile(r"[\w\-]{1,64}", re.ASCII)
_UPLOAD_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,63}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ALIAS = re.compile(r"[\w\-]+")
_VERSION_ALIAS = re.compile(r"[vV]\d+")
_VERSION = re.compile(r"\d{1,10}", re.ASCII)


def text(value: object, field: str, longest: int) -> str:
    """Text of at most `longest` characters, which may be empty; without NUL."""
    return _text(field, value, longest)


def _text(field: str, value: object, longest: int) -> str:
    if not isinstance(value, str):
        raise InvalidInput(field, value, "a string")
    if len(value) > longest:
        raise InvalidInput(field, value, f"at most {longest} characters")
    if "\x00" in value:
        raise InvalidInput(field, value, "no NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(field, value, "text that UTF-8 can hold") from None
    return value


def _matching(pattern: re.Pattern[str], field: str, value: object, expected: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidInput(field, value, expected)
    return value


def experiment_name(value: object, field: str = "experiment name") -> str:
    """A non-blank name of at most 500 characters."""
    text = _text(field, value, MAX_EXPERIMENT_NAME)
    if not text.strip():
        raise InvalidInput(field, value, "a name that is not empty")
    return text


def run_name(value: object, field: str = "run name") -> str:
    """A name of at most 250 characters, without line breaks."""
    text = _text(field, value, MAX_RUN_NAME)
    if not text.strip():
        raise InvalidInput(field, value, "a name that is not empty")
    return text


def key(value: object, field: str) -> str:
    """The name of a param, metric or tag: letters, digits, `_ - . : /` and space, at most 250."""
    text = _text(field, value, MAX_KEY)
    if not text:
        raise InvalidInput(field, value, "a name that is not empty")
    if not _KEY.fullmatch(text):
        raise InvalidInput(
            field, value, "letters, digits, underscores, dashes, periods, spaces, colons and slashes"
        )
    if text == "." or text.startswith(("/", "..")) or posixpath.normpath(text) != text:
        raise InvalidInput(field, value, "a name that is also a normalised relative path")
    return text


def param_value(value: object, name: str) -> str:
    """Any value whose text has at most 6,000 characters; returns the text."""
    return _text(f"param {name!r}", value if isinstance(value, str) else str(value), MAX_PARAM_VALUE)


def tag_value(value: object, name: str, longest: int = MAX_TAG_VALUE) -> str:
    """Any value whose text has at most `longest` characters; returns the text."""
    return _text(f"tag {name!r}", value if isinstance(value, str) else str(value), longest)


def metric_value(value: Any, name: str) -> float:
    """A number: int, float, or whatever has one element and `item()` (numpy, torch).

    NaN and ±Infinity are numbers; bool and text are not.
    """
    if hasattr(value, "item"):
        try:
            value = value.item()
        except (ValueError, RuntimeError) as error:
            raise InvalidInput(f"metric {name!r}", value, "one number") from error
    if isinstance(value, bool | str | bytes) or not hasattr(value, "__float__"):
        raise InvalidInput(f"metric {name!r}", value, "a number")
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError) as error:
        raise InvalidInput(f"metric {name!r}", value, "a number that a 64-bit float can hold") from error


def step(value: Any, name: str) -> int:
    """A 64-bit integer; negative ones count."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int):
        if isinstance(value, float) and math.isfinite(value) and value == int(value):
            value = int(value)
        else:
            raise InvalidInput(f"step of metric {name!r}", value, "an integer")
    if not INT64_MIN <= value <= INT64_MAX:
        raise InvalidInput(f"step of metric {name!r}", value, "an integer of 64 bits")
    return int(value)


def timestamp(value: Any, field: str) -> int:
    """Milliseconds since the epoch, not negative, before the year 2262 (what the projection can hold)."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 9_223_372_036_854:
        raise InvalidInput(field, value, "milliseconds since the epoch, 0 to 9223372036854")
    return value


def run_id(value: object, field: str = "run_id") -> str:
    """Letters, digits, `_` and `-`, at most 256, beginning with a letter or digit."""
    return _matching(_RUN_ID, field, value, "a run id (letters, digits, underscores and dashes)")


def experiment_id(value: object, field: str = "experiment_id") -> str:
    """Letters, digits, `_` and `-`, at most 64; ours are decimal numbers."""
    return _matching(_EXPERIMENT_ID, field, value, "an experiment id (a decimal number as a string)")


def producer_id(value: object, field: str = "producer_id") -> str:
    """Letters, digits, `_` and `-`, 1 to 64."""
    return _matching(_PRODUCER_ID, field, value, "1 to 64 letters, digits, underscores and dashes")


def upload_id(value: object, field: str = "upload_id") -> str:
    """Letters, digits, `_` and `-`, at most 64, beginning with a letter or digit."""
    return _matching(_UPLOAD_ID, field, value, "at most 64 letters, digits, underscores and dashes")


def sha256(value: object, field: str = "sha256") -> str:
    """A digest as 64 lower-case hex digits."""
    return _matching(_SHA256, field, value, "64 lower-case hex digits")


def artifact_path(value: object, field: str = "artifact path") -> str:
    """A relative path with forward slashes that stays inside the run; returns it normalised.

    Refused: empty, absolute, backslashes, drive letters, control characters, `..` in any spelling
    (also percent-encoded, once or twice), `.` or empty segments, segments of more than 255 bytes.
    """
    text = _text(field, value, MAX_ARTIFACT_PATH)
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise InvalidInput(field, value, "no control characters")
    for spelling in (text, unquote(text), unquote(unquote(text))):
        if "\x00" in spelling or "\\" in spelling:
            raise InvalidInput(field, value, "a path with forward slashes and without NUL")
        if spelling.startswith("/") or re.match(r"[A-Za-z]:", spelling):
            raise InvalidInput(field, value, "a path relative to the run's artifacts")
        if ".." in spelling.split("/"):
            raise InvalidInput(field, value, "a path that stays inside the run's artifacts (no '..')")
    normal = text.strip("/")
    if not normal or any(segment in ("", ".") for segment in normal.split("/")):
        raise InvalidInput(field, value, "a path without empty or '.' segments")
    if any(len(segment.encode()) > MAX_PATH_SEGMENT for segment in normal.split("/")):
        raise InvalidInput(field, value, f"names of at most {MAX_PATH_SEGMENT} bytes between the slashes")
    return normal


def model_name(value: object, field: str = "name") -> str:
    """The name of a registered model: at most 256 characters, without `/` and `:`, and a normalised path."""
    text = _text(field, value, MAX_MODEL_NAME)
    if not text.strip():
        raise InvalidInput(field, value, "a name that is not empty")
    if "/" in text or ":" in text:
        raise InvalidInput(field, value, "a model name without '/' and ':'")
    if text in (".", "..") or text.startswith(".."):
        raise InvalidInput(field, value, "a name that is also a normalised relative path")
    return text


def model_alias(value: object, field: str = "alias") -> str:
    """A name that an alias may have: letters, digits, `_` and `-`, at most 255."""
    text = _text(field, value, MAX_MODEL_ALIAS)
    if not _ALIAS.fullmatch(text):
        raise InvalidInput(field, value, "an alias: letters, digits, underscores and dashes")
    return text


def new_model_alias(value: object, field: str = "alias") -> str:
    """A name that an alias may be given: not `latest` nor `v1`, which mean versions by themselves."""
    text = model_alias(value, field)
    if text.lower() == LATEST or _VERSION_ALIAS.fullmatch(text):
        raise InvalidInput(field, value, "an alias that is not reserved, as 'latest' and 'v1' are")
    return text


def model_version(value: object, field: str = "version") -> int:
    """A version number: from 1, as a number or as decimal text."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _VERSION.fullmatch(text.strip()) or int(text) > MAX_MODEL_VERSION:
        raise InvalidInput(field, value, "the number of a version, which is an integer")
    return int(text)


def registered_model_id(value: object, field: str = "registered_model_id") -> str:
    """Letters, digits, `_` and `-`, at most 64; ours are decimal numbers."""
    return _matching(_EXPERIMENT_ID, field, value, "a registered model's id (a decimal number as a string)")
