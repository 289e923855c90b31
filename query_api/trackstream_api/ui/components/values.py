"""Values as people read them. Pure functions; browser code has the same in trackstream.js."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def moment(milliseconds: int | None) -> str:
    """Return a time, UTC, to the second; a dash for none."""
    if milliseconds is None:
        return "–"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def ago(milliseconds: int | None, now: int) -> str:
    """Return how long ago a time was, in the largest fitting unit."""
    if milliseconds is None:
        return "–"
    return "just now" if now - milliseconds < 1000 else f"{duration(now - milliseconds, 1)} ago"


def duration(milliseconds: int | None, parts: int = 2) -> str:
    """Return a length of time by its largest `parts` units; a dash for none."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{max(0, milliseconds)} ms"
    left, shown = milliseconds // 1000, []
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if left >= seconds:
            shown.append(f"{left // seconds} {unit}")
            left %= seconds
    return " ".join(shown[:parts])


def number(value: float | str | None) -> str:
    """Return a metric's value: whole numbers whole, others with six significant digits, NaN and infinities as
    signs."""
    if value is None:
        return "–"
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return f"{value:.6g}"


def count(value: int) -> str:
    """Return a count with separators."""
    return f"{value:,}"


def size(octets: int | None) -> str:
    """Return bytes in the largest fitting unit of 1024."""
    if octets is None:
        return "–"
    left = float(octets)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if left < 1024:
            return f"{left:.0f} {unit}" if unit == "B" else f"{left:.1f} {unit}"
        left /= 1024
    return f"{left:.1f} TiB"
