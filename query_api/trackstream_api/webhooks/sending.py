"""One attempt to deliver."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import httpcore
import httpx

from trackstream_api.version import VERSION
from trackstream_api.webhooks import signature
from trackstream_api.webhooks.address_guard import AddressRefused, GuardedBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.webhooks.config import Webhook

_MOST_READ = 2000
_SHOWN = 300
_GONE = 410
_KEPT_S = 30.0
_FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    OSError,
)


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt."""

    status: int | None = None
    """The receiver's; None where it did not answer."""
    error: str = ""
    """Why it failed; empty where it did not."""
    retry_after_s: float | None = None
    """How long the receiver wants to be left alone, seconds."""
    final: bool = False
    """Whether it would fail again."""

    @property
    def delivered(self) -> bool:
        """Whether the receiver has taken it."""
        return not self.error


class Sender:
    """Posts to one receiver. Used by one thread; close it."""

    def __init__(self, webhook: Webhook, secrets: Sequence[str]) -> None:
        """`secrets` sign what is sent."""
        self._webhook = webhook
        self._secrets = secrets
        # httpx knows how hosts are written, httpcore lets us choose what is connected to.
        url = httpx.URL(webhook.url)
        self._url = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        self._pool = httpcore.ConnectionPool(
            max_connections=1,
            keepalive_expiry=_KEPT_S,
            network_backend=GuardedBackend(webhook.allow_private_addresses),
        )

    def send(self, delivery_id: str, body: bytes) -> Outcome:
        """Post a delivery and tell what came of it; redirections are not followed. Never raises."""
        headers = {
            "content-type": "application/json",
            "user-agent": f"Trackstream-Webhooks/{VERSION}",
            **signature.headers(self._secrets, delivery_id, int(time.time()), body),
        }
        seconds = self._webhook.timeout_s
        timeouts = {"connect": seconds, "read": seconds, "write": seconds, "pool": seconds}
        try:
            with self._pool.stream(
                "POST", self._url, headers=[*headers.items()], content=body, extensions={"timeout": timeouts}
            ) as response:
                said = _beginning(response, seconds)
                return _outcome(response, said)
        except AddressRefused as error:
            return Outcome(error=str(error), final=True)
        except _FAILURES as error:
            return Outcome(error=f"{type(error).__name__}: {error}"[:_SHOWN])

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _beginning(response: httpcore.Response, seconds: float) -> bytes:
    """Return what an answer begins with: enough for a message, and for no longer than that takes."""
    said = b""
    deadline = time.monotonic() + seconds
    for piece in response.iter_stream():
        said += piece
        if len(said) >= _MOST_READ or time.monotonic() > deadline:
            break
    return said[:_MOST_READ]


def _outcome(response: httpcore.Response, said: bytes) -> Outcome:
    status = response.status
    if 200 <= status < 300:
        return Outcome(status)
    text = " ".join(said.decode(errors="replace").split())[:_SHOWN]
    error = f"{status}: {text}" if text else f"{status}"
    return Outcome(status, error, _retry_after(response), final=status == _GONE)


def _retry_after(response: httpcore.Response) -> float | None:
    for name, value in response.headers:
        if name.lower() == b"retry-after" and value.isdigit():
            return float(value)
    return None
