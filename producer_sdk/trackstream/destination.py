"""Where this process logs unless told otherwise: the settings of its environment and the tracking URI."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from trackstream.settings import Settings

_uri: str | None = None
_settings: Settings | None = None
_lock = threading.RLock()


def settings() -> Settings:
    """Return the settings that the environment gives, read once."""
    global _settings
    with _lock:
        if _settings is None:
            from trackstream.settings import Settings

            _settings = Settings()
        return _settings


def tracking_uri() -> str:
    """Return where is logged: an absolute directory, a server's address or a Kafka cluster."""
    global _uri
    with _lock:
        if _uri is None:
            from trackstream.log.open import resolve_uri

            _uri = resolve_uri(settings().uri)
        return _uri


def set_tracking_uri(uri: str | os.PathLike[str]) -> None:
    """Log somewhere else from now on; runs that are active stay where they are."""
    global _uri
    from trackstream.log.open import resolve_uri

    _uri = resolve_uri(uri)
