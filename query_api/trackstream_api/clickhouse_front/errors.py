"""Errors as a ClickHouse server tells them.

TrackstreamError
└── EngineError         `Code: N. DB::Exception: …` with the HTTP status that a server gives that code

Codes are those of ClickHouse's ErrorCodes.cpp, statuses those of its exceptionCodeToHTTPStatus.cpp.
"""

from __future__ import annotations

import re

from trackstream_schemas.errors import NotFound, StorageFailed, TrackstreamError, Unavailable

BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
READONLY = 164
REQUIRED_PASSWORD = 194
NOT_ENOUGH_SPACE = 243
INTO_OUTFILE_NOT_ALLOWED = 358
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
CANNOT_DECOMPRESS = 271
QUERY_IS_TOO_LARGE = 291
UNKNOWN_EXCEPTION = 1002
AUTHENTICATION_FAILED = 516
SOCKET_TIMEOUT = 209
UNKNOWN_IDENTIFIER = 47
UNKNOWN_DATABASE = 81

_NAMES = {
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    UNKNOWN_IDENTIFIER: "UNKNOWN_IDENTIFIER",
    UNKNOWN_DATABASE: "UNKNOWN_DATABASE",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    SYNTAX_ERROR: "SYNTAX_ERROR",
    READONLY: "READONLY",
    REQUIRED_PASSWORD: "REQUIRED_PASSWORD",
    SOCKET_TIMEOUT: "SOCKET_TIMEOUT",
    NOT_ENOUGH_SPACE: "NOT_ENOUGH_SPACE",
    CANNOT_DECOMPRESS: "CANNOT_DECOMPRESS",
    QUERY_IS_TOO_LARGE: "QUERY_IS_TOO_LARGE",
    INTO_OUTFILE_NOT_ALLOWED: "INTO_OUTFILE_NOT_ALLOWED",
    SESSION_NOT_FOUND: "SESSION_NOT_FOUND",
    SESSION_IS_LOCKED: "SESSION_IS_LOCKED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    UNKNOWN_EXCEPTION: "UNKNOWN_EXCEPTION",
}

_STATUS_OF = {
    401: (REQUIRED_PASSWORD,),
    403: (192, 193, 497, AUTHENTICATION_FAILED, 512),
    400: (6, 8, 15, 25, 26, 27, 36, 38, 41, 43, 44, 53, 62, 69, 72, 117, 167, 168, 441, 675, 676, 427),
    404: (46, 47, 50, 56, 60, 63, 73, 81, 115, 129, 336, 511, 17),
    408: (159,),
    411: (381,),
    413: (QUERY_IS_TOO_LARGE,),
    501: (NOT_IMPLEMENTED,),
    503: (76, SOCKET_TIMEOUT, 439),
}
_STATUS = {code: status for status, codes in _STATUS_OF.items() for code in codes}

_CODE = re.compile(r"Code: (\d+)\. ")


class EngineError(TrackstreamError):
    """An error that is shown to a ClickHouse client; `text` is the body that it gets."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.status = _STATUS.get(code, 500)
        super().__init__(f"Code: {code}. DB::Exception: {message}. ({_NAMES.get(code, 'UNKNOWN_EXCEPTION')})")

    @classmethod
    def from_engine(cls, error: Exception) -> EngineError:
        """Return the error that the engine's own text, `Code: N. DB::Exception: …`, describes."""
        text = str(error)
        found = _CODE.search(text)
        if found is None:
            return cls(UNKNOWN_EXCEPTION, text.strip() or type(error).__name__)
        made = cls(int(found.group(1)), "")
        made.args = (text[found.start() :].strip(),)
        return made

    @classmethod
    def from_trackstream(cls, error: TrackstreamError) -> EngineError:
        """Return how one of our own errors, such as a refusal by the SQL guard, looks to a client."""
        if isinstance(error, EngineError):
            return error
        if isinstance(error, Unavailable):
            return cls(SOCKET_TIMEOUT, str(error))
        if isinstance(error, StorageFailed):
            return cls(NOT_ENOUGH_SPACE, str(error))
        if isinstance(error, NotFound):
            return cls(UNKNOWN_IDENTIFIER, str(error))
        return cls(BAD_ARGUMENTS, str(error))
