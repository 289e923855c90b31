"""What the engine says about a query of a user, as errors of our tree."""

from __future__ import annotations

import re

from clickhouse_connect.driver.exceptions import DataError, ProgrammingError

from trackstream_api.errors import QueryTooHeavy, SqlRefused
from trackstream_schemas.errors import StorageFailed, TrackstreamError, Unavailable

# Codes of ClickHouse's ErrorCodes.cpp.
_TOO_HEAVY = {
    "158": "fewer rows to read",
    "159": "a query that ends within the time limit",
    "160": "a query that ends within the time limit",
    "161": "fewer columns",
    "162": "fewer subqueries inside one another",
    "167": "a less deeply nested query",
    "168": "a shorter query",
    "173": "a query that needs less memory",
    "191": "a smaller set on the right of IN",
    "241": "a query that needs less memory",
    "306": "a less deeply nested query",
    "307": "fewer bytes to read",
    "394": "a query that ends within the time limit",
    "396": "a smaller result: add LIMIT, or aggregate",
}
_DISK = {"74", "75", "76", "107", "117", "243", "246"}
_OUT_OF_REACH = {"198", "202", "203", "209", "210", "242", "279", "319", "425", "999"}
_CODE = re.compile(r"[Cc]ode: (\d+)\. DB::(?:Net)?Exception: (.*)", re.DOTALL)
_UNFIT_PARAMETER = re.compile(
    r"(?:^Value|: value) (.*) cannot be parsed as (.*) for query parameter '(\w+)'", re.DOTALL
)
_TRAILER = re.compile(r"\s*(?:\([A-Z_]+\)|\(version [^)]*\))\s*$")


def classify(error: Exception) -> TrackstreamError:
    """Return the error of ours that a failure of a guarded query is.

    The query is the user's, so whatever is not about the disk or the connection is about the query: a 4xx.
    """
    if isinstance(error, TrackstreamError):
        return error
    found = _CODE.search(str(error))
    if found is None:
        if isinstance(error, DataError | ProgrammingError | TypeError | ValueError):
            return SqlRefused(
                _first_line(str(error)), "values that fit the types of the parameters", "parameters"
            )
        return Unavailable(f"the analytical store did not answer: {_first_line(str(error))}")
    code, message = found.group(1), _first_line(found.group(2))
    if code in _DISK:
        return StorageFailed(f"the analytical store cannot read its files: {message}")
    if code in _OUT_OF_REACH:
        return Unavailable(f"the analytical store did not answer: {message}")
    if code in _TOO_HEAVY:
        return QueryTooHeavy(message, _TOO_HEAVY[code])
    unfit = _UNFIT_PARAMETER.search(message)
    if unfit is not None:
        value, kind, name = unfit.groups()
        return SqlRefused(value, f"a value of type {kind}", f"parameters.{name}")
    return SqlRefused(message, "a query that the engine can run")


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    shorter = _TRAILER.sub("", line)
    while shorter != line:
        line, shorter = shorter, _TRAILER.sub("", shorter)
    return line[:300]
