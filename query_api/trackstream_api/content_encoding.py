"""Bodies that come compressed, unpacked in bounded memory."""

from __future__ import annotations

import zlib

from trackstream_api.body_limit import BodyTooLarge
from trackstream_schemas.errors import InvalidInput

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
"""Has zlib tell the two apart by their heads."""


class EncodingNotSupported(InvalidInput):
    """A Content-Encoding that the route does not read."""

    status = 415

    def __init__(self, value: str) -> None:
        super().__init__("Content-Encoding header", value, "gzip, deflate or identity, or none of it")


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """Return a body as it was before `encoding`, the value of its Content-Encoding header.

    Raises EncodingNotSupported, BodyTooLarge where it unpacks to more than `limit` bytes, and InvalidInput
    where it is damaged.
    """
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        if name in ("gzip", "x-gzip", "deflate"):
            body = _inflated(body, name, limit)
        elif name not in ("", "identity"):
            raise EncodingNotSupported(encoding)
    return body


def _inflated(body: bytes, name: str, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    rest = body
    # A gzip body may have several members.
    while rest or not pieces:
        stream = zlib.decompressobj(_GZIP_OR_ZLIB)
        try:
            piece = stream.decompress(rest, limit - size + 1)
        except zlib.error as error:
            raise InvalidInput(
                "request body", str(error), f"what its Content-Encoding says, {name}"
            ) from None
        size += len(piece)
        if size > limit:
            raise BodyTooLarge("request body", f"more than {limit} bytes, unpacked", f"at most {limit} bytes")
        if not stream.eof:
            raise InvalidInput(
                "request body", f"{len(body)} bytes that end too early", f"a whole {name} stream"
            )
        pieces.append(piece)
        rest = stream.unused_data
    return b"".join(pieces)
