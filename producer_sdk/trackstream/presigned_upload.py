"""Large files straight to the object store of a server: it signs addresses, and the bytes pass it by.

Where the server has no object store, or the store cannot be reached from here, the file goes through the
server instead (`POST /api/v1/blobs`).
"""

from __future__ import annotations

import hashlib
import logging
import time
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from trackstream.errors import Rejected
from trackstream.log.http import HttpBlobUpload
from trackstream_schemas.blobs import Blob
from trackstream_schemas.errors import Conflict, StorageFailed, TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

logger = logging.getLogger("trackstream")

_T = TypeVar("_T")

_PIECE = 1 << 20
_TRIES = 5
_BACKOFF_S = 0.25
_CONNECT_S, _ANSWER_S = 5.0, 60.0
_SLOWEST_CHECK = 20_000_000
"""Bytes a second at which the server reads an upload to check it, at the least."""
_STORE_REST_S = 300.0
"""How long a store that was out of reach is not tried again, seconds."""
_NO_ROUTE = (404, 405, 501)
_BUSY = (408, 425, 429, 500, 502, 503, 504)


class StoreOutOfReach(Unavailable):
    """The object store takes no parts from this machine."""


class _PartLost(StoreOutOfReach):
    """A part did not arrive; it may when it is sent again."""


class PresignedUpload:
    """Uploads through `POST /api/v1/uploads` of the server at `base_url`. Thread-safe.

    A part that is lost is sent again, up to 5 times. Memory: about 1 MiB. `transport` and
    `store_transport` are httpx's, for the server and for the object store.
    """

    def __init__(
        self,
        base_url: str,
        transport: httpx.BaseTransport | None = None,
        store_transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._transport = transport
        self._store_transport = store_transport
        self._through_server = HttpBlobUpload(base_url, transport)
        self._direct_from = 0.0

    def put(self, content: BinaryIO) -> Blob:
        """Upload all that `content` yields from where it stands; it is read twice, so it must be a file.

        What cannot seek goes through the server. Raises Conflict where the file is changed meanwhile, else
        as HttpBlobUpload does.
        """
        if time.monotonic() < self._direct_from or not content.seekable():
            return self._through_server.put(content)
        start = content.tell()
        sha256, size = _digest(content)
        try:
            blob = self._put_direct(content, start, sha256, size)
        except StoreOutOfReach as error:
            logger.warning("%s; the file goes through %s instead", error, self._base_url)
            self._direct_from = time.monotonic() + _STORE_REST_S
            blob = None
        if blob is not None:
            return blob
        content.seek(start)
        return self._through_server.put(content)

    def _put_direct(self, content: BinaryIO, start: int, sha256: str, size: int) -> Blob | None:
        """Return None where the server does not know direct uploads."""
        import httpx

        timeout = httpx.Timeout(_ANSWER_S, connect=_CONNECT_S)
        with (
            httpx.Client(base_url=self._base_url, timeout=timeout, transport=self._transport) as server,
            httpx.Client(timeout=timeout, transport=self._store_transport) as store,
        ):
            ticket = self._ask(server, "/api/v1/uploads", {"sha256": sha256, "size": size}, _ANSWER_S)
            if ticket is None:
                self._direct_from = time.monotonic() + _STORE_REST_S
                return None
            if ticket["exists"]:
                return Blob(sha256, size, 0.0)
            path = f"/api/v1/uploads/{ticket['upload_id']}"
            try:
                parts = [
                    {"number": number, "etag": _send_part(store, url, piece)}
                    for number, (url, piece) in enumerate(_pieces(ticket, content, start, size), 1)
                ]
                patience = _ANSWER_S + size / _SLOWEST_CHECK
                stored = self._ask(server, f"{path}/complete", {"parts": parts}, patience)
            except BaseException:
                self._abort(server, path)
                raise
            if stored is None:
                raise Unavailable(f"{self._base_url} has forgotten the upload {ticket['upload_id']}")
            return Blob(str(stored["sha256"]), int(stored["size"]), 0.0)

    def _ask(self, server: httpx.Client, path: str, body: dict[str, Any], patience: float) -> Any:
        """Return the JSON answer, or None where there is no such route or upload; tries several times."""
        import httpx

        what = f"POST {self._base_url}{path}"

        def attempt() -> Any:
            try:
                answer = server.post(path, json=body, timeout=httpx.Timeout(patience, connect=_CONNECT_S))
                if answer.is_success:
                    return answer.json()
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                raise Unavailable(f"{what}: {error or type(error).__name__}") from error
            if answer.status_code in _NO_ROUTE:
                return None
            said = f"{answer.status_code}: {answer.text[:500]}"
            if answer.status_code in _BUSY:
                raise Unavailable(f"{what} answered {said}")
            if answer.status_code >= 500:
                raise StorageFailed(f"{what} answered {said}")
            raise Rejected(what, said, "an answer of 200")

        return _tried(attempt, Unavailable)

    def _abort(self, server: httpx.Client, path: str) -> None:
        import httpx

        try:
            server.delete(path)
        except (httpx.HTTPError, OSError) as error:
            logger.debug("the upload stays until garbage collection: %s", error)


class _Piece:
    """A part of the file, read anew for every attempt to send it."""

    def __init__(self, content: BinaryIO, start: int, length: int) -> None:
        self._content = content
        self._start = start
        self.length = length

    def __iter__(self) -> Iterator[bytes]:
        self._content.seek(self._start)
        left = self.length
        while left:
            data = self._content.read(min(_PIECE, left))
            if not data:
                raise Conflict("the file became shorter while it was being uploaded; log it again")
            left -= len(data)
            yield data


def _pieces(ticket: Any, content: BinaryIO, start: int, size: int) -> Iterator[tuple[str, _Piece]]:
    part_size = int(ticket["part_size"])
    for number, url in enumerate(ticket["urls"]):
        offset = number * part_size
        yield str(url), _Piece(content, start + offset, min(part_size, size - offset))


def _send_part(store: httpx.Client, url: str, piece: _Piece) -> str:
    """Return the part's ETag. Raises StoreOutOfReach, whose text has no signature in it."""
    import httpx

    where = httpx.URL(url).copy_with(query=None)

    def attempt() -> str:
        try:
            answer = store.put(url, content=iter(piece), headers={"content-length": str(piece.length)})
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise _PartLost(f"PUT {where}: {error or type(error).__name__}") from error
        etag = answer.headers.get("etag")
        if answer.is_success and etag:
            return str(etag)
        kind = _PartLost if answer.status_code in _BUSY else StoreOutOfReach
        raise kind(f"PUT {where} answered {answer.status_code}: {answer.text[:300]}")

    return _tried(attempt, _PartLost)


def _tried(attempt: Callable[[], _T], again: type[TrackstreamError]) -> _T:
    for tried in range(1, _TRIES):
        try:
            return attempt()
        except again:
            time.sleep(_BACKOFF_S * 2**tried)
    return attempt()


def _digest(content: BinaryIO) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    while piece := content.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size
