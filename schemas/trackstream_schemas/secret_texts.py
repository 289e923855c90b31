"""What may be a secret, and texts without them: the log keeps for ever what it is given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

REDACTED = "[redacted]"
"""Stands on the log in the place of a secret."""

_NAMES = re.compile(
    r"(?:^|[_.\-])(?:password|passwd|passphrase|secret|token|credentials?|(?:api|access|private|secret)[_.\-]?key)$",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*://)[^/?#\s@]*@")
_LOGIN_NAME = re.compile(r"(?P<scheme>ssh|git\+ssh)://[\w.\-]+@", re.IGNORECASE)


def names_a_secret(name: str) -> bool:
    """Whether what has this name (a parameter, a setting) is most likely a secret: `db_password`, `token`."""
    return _NAMES.search(name) is not None


def without_credentials(text: str) -> str:
    """Return `text` without what stands before the @ of any URL in it; the login name of ssh stays."""

    def stripped(found: re.Match[str]) -> str:
        return found[0] if _LOGIN_NAME.fullmatch(found[0]) else found["scheme"]

    return _USER_INFO.sub(stripped, text)


def has_credentials(text: str) -> bool:
    """Whether a URL in `text` carries any."""
    return without_credentials(text) != text


def redacted(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values with REDACTED for those whose name says secret, and without credentials in URLs."""
    return {
        name: REDACTED if names_a_secret(name) else without_credentials(value)
        for name, value in values.items()
    }


def secret_setting(settings: Any, path: str = "") -> str | None:
    """Return where in nested settings (as JSON has them) a secret stands, or None."""
    if isinstance(settings, dict):
        for name, value in settings.items():
            place = f"{path}.{name}" if path else str(name)
            if names_a_secret(str(name)) and isinstance(value, str) and value not in ("", REDACTED):
                return place
            if (found := secret_setting(value, place)) is not None:
                return found
    elif isinstance(settings, list):
        for index, value in enumerate(settings):
            if (found := secret_setting(value, f"{path}[{index}]")) is not None:
                return found
    elif isinstance(settings, str) and has_credentials(settings):
        return path
    return None
