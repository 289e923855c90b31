"""Protobuf's Timestamp and Duration in JSON, as milliseconds.

Source: the protobuf documentation, "JSON Mapping": RFC 3339 in UTC, and seconds with the suffix "s".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from trackstream_api.mlflow.errors import InvalidParameter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLI = timedelta(milliseconds=1)
_LAST = 253_402_300_799_999
_LONGEST = 315_576_000_000_000
_DURATION = re.compile(r"-?(\d{1,12})(?:\.(\d{1,9}))?s")
_NANOS = re.compile(r"\.(\d+)")


def millis_of_timestamp(text: str, field: str) -> int:
    """Return the milliseconds since the epoch, rounded down. Raises InvalidParameter."""
    try:
        # Python reads at most microseconds, and only three or six digits of them everywhere.
        moment = datetime.fromisoformat(_NANOS.sub(lambda found: f".{found[1][:6]:0<6}", text.upper()))
    except ValueError:
        raise InvalidParameter(
            field, f"Invalid value {text!r} for '{field}': not an RFC 3339 time."
        ) from None
    if moment.tzinfo is None:
        raise InvalidParameter(field, f"Invalid value {text!r} for '{field}': a time needs an offset or Z.")
    return (moment - _EPOCH) // _MILLI


def timestamp_of_millis(millis: int) -> str:
    """Return the time in RFC 3339; what no calendar can hold becomes the nearest time that it can."""
    moment = _EPOCH + max(0, min(millis, _LAST)) * _MILLI
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def millis_of_duration(text: str, field: str) -> int:
    """Return a duration in milliseconds, rounded towards zero. Raises InvalidParameter."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise InvalidParameter(field, f"Invalid value {text!r} for '{field}': not a duration such as '1.5s'.")
    millis = int(found[1]) * 1000 + int(f"{found[2] or '':0<3}"[:3])
    return -millis if text.startswith("-") else millis


def duration_of_millis(millis: int) -> str:
    """Return a duration as seconds; the longest that protobuf knows is 10,000 years."""
    sign = "-" if millis < 0 else ""
    seconds, rest = divmod(min(abs(millis), _LONGEST), 1000)
    return f"{sign}{seconds}.{rest:03d}s"
