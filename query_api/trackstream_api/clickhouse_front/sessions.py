"""Sessions of the protocol: handles that live on between queries, each used by one query at a time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackstream_api.clickhouse_front.errors import SESSION_IS_LOCKED, SESSION_NOT_FOUND, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 512


@dataclass
class Session:
    """A handle, the database that its queries use unless they name another, and the one it is at now.

    `has_set` tells whether a SET statement ever ran in it.
    """

    key: tuple[str, str]
    handle: Any
    database: str = "default"
    current: str = "default"
    expires: float = 0.0
    seconds: float = 60.0
    in_use: bool = True
    has_set: bool = False


class Sessions:
    """All sessions of one engine, by user and session id; used from several threads."""

    def __init__(self, open_handle: Callable[[], Any]) -> None:
        self._open = open_handle
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, str], Session] = {}

    def enter(self, user: str, session_id: str, seconds: float, must_exist: bool) -> Session:
        """Take the session for one query, making it where there is none.

        Raises EngineError where another query is in it, or where it `must_exist` and does not.
        """
        key = (user, session_id)
        with self._lock:
            self._expire()
            session = self._sessions.get(key)
            if session is None:
                if must_exist:
                    raise EngineError(SESSION_NOT_FOUND, f"Session {session_id} not found")
                session = Session(key, self._open())
                self._sessions[key] = session
            elif session.in_use:
                raise EngineError(SESSION_IS_LOCKED, f"Session {session_id} is locked by a concurrent client")
            session.in_use = True
            session.seconds = seconds
            return session

    def leave(self, session: Session) -> None:
        """Give the session free for its next query."""
        with self._lock:
            session.expires = time.monotonic() + session.seconds
            session.in_use = False

    def end(self, session: Session) -> None:
        """Close the session; its id starts afresh."""
        with self._lock:
            self._sessions.pop(session.key, None)
        session.handle.close()

    def close(self) -> None:
        """Close all sessions."""
        with self._lock:
            for session in self._sessions.values():
                session.handle.close()
            self._sessions.clear()

    def _expire(self) -> None:
        now = time.monotonic()
        idle = sorted(
            (session for session in self._sessions.values() if not session.in_use),
            key=lambda session: session.expires,
        )
        surplus = len(self._sessions) - _MOST + 1
        for at, session in enumerate(idle):
            if session.expires > now and at >= surplus:
                break
            del self._sessions[session.key]
            session.handle.close()
