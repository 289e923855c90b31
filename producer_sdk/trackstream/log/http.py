"""The log behind a Trackstream server: events are posted to it, and it appends them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from trackstream.errors import Rejected
from trackstream_schemas import codec, topics
from trackstream_schemas.blobs import Blob
from trackstream_schemas.errors import MalformedEvent, NotFound, StorageFailed, TrackstreamError, Unavailable
from trackstream_schemas.position import Position
from trackstream_schemas.schema_files import newest
from trackstream_schemas.varint import encode_long

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import httpx

    from trackstream.log.port import EncodedEvent
    from trackstream_schemas.events import Event

_TIMEOUT_S = 30.0
_BLOB_TIMEOUT_S = 600.0
"""For the answer to a whole content: the server has then still to check and to place it."""
_PIECE = 1 << 20
_SHOWN = 500
_ENTITY_ROUTES = {
    topics.EXPERIMENTS: "experiments",
    topics.RUNS: "runs",
    topics.REGISTRY: "models",
    topics.LAUNCHES: "launches",
}


class ServerConnection:
    """Requests to one server; every transport and server error comes out as one of ours.

    `base_url` is the server's address without a path. Thread-safe; a forked child connects anew.
    """

    def __init__(
        self, base_url: str, transport: httpx.BaseTransport | None = None, timeout: float = _TIMEOUT_S
    ) -> None:
        # Imported here, on the caller's thread, for the sake of a fork while the sending thread is at work.
        import httpx  # noqa: F401

        self._base_url = base_url.rstrip("/")
        self._transport = transport
        self._timeout = timeout
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._pid = os.getpid()
        self._inherited: list[httpx.Client] = []

    def request(
        self,
        method: str,
        path: str,
        content: bytes | Iterator[bytes] | None = None,
        missing: Any = None,
        content_type: str = "application/octet-stream",
    ) -> Any:
        """Return the JSON answer, or `missing` (where not None) for a 404.

        Raises Unavailable, StorageFailed or Rejected.
        """
        import httpx

        headers = {"content-type": content_type} if content is not None else {}
        try:
            response = self._connected().request(method, path, content=content, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:
            # RuntimeError: the client was closed by another thread meanwhile.
            raise Unavailable(f"no answer from {self._base_url}: {error or type(error).__name__}") from error
        if response.is_success:
            try:
                return response.json()
            except ValueError as error:
                raise Unavailable(f"{self._base_url}{path} did not answer with JSON") from error
        if response.status_code == 404 and missing is not None:
            return missing
        raise _error_of(response.status_code, response.text, f"{method} {self._base_url}{path}")

    @contextlib.contextmanager
    def streamed(self, path: str, content: bytes) -> Iterator[Iterator[bytes]]:
        """Post JSON and give the answer's bytes in pieces, as they come.

        Raises Unavailable, StorageFailed, NotFound or Rejected.
        """
        import httpx

        headers = {"content-type": "application/json"}
        try:
            with self._connected().stream("POST", path, content=content, headers=headers) as response:
                if response.is_success:
                    yield response.iter_bytes()
                    return
                response.read()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"no answer from {self._base_url}: {error or type(error).__name__}") from error
        raise _told_by(response.status_code, response.text, f"POST {self._base_url}{path}")

    def close(self) -> None:
        """Close the sockets; a later request opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            client.close()

    def _connected(self) -> httpx.Client:
        import httpx

        if self._pid != os.getpid():
            # The parent's sockets are not ours to use or to shut; keeping them referenced leaves them be.
            self._lock = threading.Lock()
            if self._client is not None:
                self._inherited.append(self._client)
            self._client = None
            self._pid = os.getpid()
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    base_url=self._base_url,
                    timeout=httpx.Timeout(self._timeout, connect=_TIMEOUT_S),
                    transport=self._transport,
                )
            return self._client


class HttpLogWriter:
    """Appends through `POST /api/v1/events` of the server at `base_url`."""

    def __init__(self, base_url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._server = ServerConnection(base_url, transport)

    def append(self, events: Sequence[EncodedEvent]) -> Future[list[Position]]:
        future: Future[list[Position]] = Future()
        if not events:
            future.set_result([])
            return future
        try:
            answer = self._server.request("POST", "/api/v1/events", ingest_request(events))
            positions = [
                Position(str(topic), int(partition), int(offset))
                for topic, partition, offset in answer["positions"]
            ]
            if len(positions) != len(events):
                raise Unavailable(f"the server told {len(positions)} positions of {len(events)} events")
            future.set_result(positions)
        except TrackstreamError as error:
            future.set_exception(error)
        except (KeyError, TypeError, ValueError) as error:
            future.set_exception(Unavailable(f"the server's answer to an append is not understood: {error}"))
        return future

    def history(self, topic: str, key: str) -> list[Event] | None:
        route = _ENTITY_ROUTES.get(topic)
        if route is None:
            return None
        path = f"/api/v1/entities/{route}/{quote(key, safe='')}/events"
        answer = self._server.request("GET", path, missing={"events": []})
        events = []
        for message in answer["events"]:
            # A damaged event is the projector's to report; the entity's other events still count.
            with contextlib.suppress(MalformedEvent):
                events.append(codec.decode(base64.b64decode(message)))
        return events

    def close(self) -> None:
        self._server.close()


class HttpBlobUpload:
    """Stores artifact contents through `POST /api/v1/blobs`."""

    def __init__(self, base_url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._server = ServerConnection(base_url, transport, _BLOB_TIMEOUT_S)

    def put(self, content: BinaryIO) -> Blob:
        """Upload all that `content` yields, in bounded memory."""
        try:
            answer = self._server.request("POST", "/api/v1/blobs", iter(lambda: content.read(_PIECE), b""))
        finally:
            # Large uploads are rare: no connection is kept for the next one.
            self._server.close()
        return Blob(str(answer["sha256"]), int(answer["size"]), 0.0)


def ingest_request(events: Sequence[EncodedEvent]) -> bytes:
    """Return the body of `POST /api/v1/events`: an IngestRequest in Avro single-object encoding."""
    parts = [codec.MARKER, newest()["IngestRequest"].fingerprint, encode_long(len(events))]
    for event in events:
        parts.append(encode_long(len(event.value)))
        parts.append(event.value)
    parts.append(b"\x00")
    return b"".join(parts)


def _told_by(status: int, text: str, request: str) -> TrackstreamError:
    """Return the error of a question, in the server's own words where it has any."""
    error = _error_of(status, text, request)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        said = str(json.loads(text)["message"])
        if status == NotFound.status:
            return NotFound(said)
        error.args = (said,)
    return error


def _error_of(status: int, text: str, request: str) -> TrackstreamError:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    if status == StorageFailed.status:
        return StorageFailed(f"{request}: {shown}")
    if status >= 500 or status in (408, 425, 429):
        return Unavailable(f"{request} answered {status}: {shown}")
    return Rejected(request, f"{status}: {shown}", "an answer of 200")
