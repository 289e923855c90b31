"""`metric_history`: points as an Arrow table, streamed from the server without a detour over JSON."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from trackstream.reading.asking import asked_store
from trackstream.reading.libraries import library
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow

    from trackstream.log.http import ServerConnection

PATH = "/api/v1/metrics/history"
_RUNS_AT_ONCE = 1000


def metric_history(
    run_ids: str | Sequence[str],
    keys: str | Sequence[str] | None = None,
    *,
    as_of: str | int | None = None,
) -> pyarrow.Table:
    """Return every point of these runs and metrics (None: of all metrics) as a pyarrow Table.

    Its columns are run_id, key, step (int64), timestamp (milliseconds, UTC), value (float64) and writer; the
    texts are dictionaries. The rows are bit for bit what was logged, ordered by run id, key, step and
    timestamp; of a run that was rewound, those of its newest branch. Ten million points take 360 MB, and no
    Python object each. `as_of` asks what the store would have answered then: a time such as
    2026-11-21T13:00, milliseconds since the epoch, 10m ago, or positions on the log.

    Asks the current tracking URI: see `search_runs`. Raises NotFound for a run that does not exist and
    InvalidInput where pyarrow is missing (extra `dataframes`).
    """
    arrow = library("pyarrow", "metric_history", "an Arrow table")
    ids = _texts("run_ids", run_ids)
    if not ids:
        raise InvalidInput("run_ids", run_ids, "the id of a run at least")
    for run_id in ids:
        validate.run_id(run_id, "run_ids")
    wanted = None if keys is None else _texts("keys", keys)
    moment = None if as_of is None else str(as_of)
    found = []
    with asked_store("metric_history") as server:
        for start in range(0, len(ids), _RUNS_AT_ONCE):
            body = {"run_ids": ids[start : start + _RUNS_AT_ONCE], "keys": wanted, "as_of": moment}
            found.append(_table(arrow, server, body))
    return arrow.concat_tables(found).unify_dictionaries()


def _table(arrow: Any, server: ServerConnection, body: dict[str, Any]) -> Any:
    with server.streamed(PATH, json.dumps(body).encode()) as pieces:
        try:
            with arrow.ipc.open_stream(io.BufferedReader(_Pieces(pieces), 1 << 20)) as stream:
                return stream.read_all()
        except arrow.ArrowInvalid as error:
            raise Unavailable(f"the answer to {PATH} broke off, or is no Arrow stream: {error}") from error


def _texts(field: str, given: str | Sequence[str]) -> list[str]:
    texts = [given] if isinstance(given, str) else list(given)
    for text in texts:
        if not isinstance(text, str):
            raise InvalidInput(field, text, "a text, or a list of texts")
    return sorted(set(texts))


class _Pieces(io.RawIOBase):
    """The pieces of an answer as a file that is read from its beginning to its end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(into), len(self._left))
        into[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
