"""Content-Encoding of requests and responses: lz4 frames, zstd, gzip and deflate."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import lz4.frame  # type: ignore[import-untyped]

from trackstream_api.clickhouse_front.errors import (
    CANNOT_DECOMPRESS,
    NOT_IMPLEMENTED,
    QUERY_IS_TOO_LARGE,
    EngineError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

try:
    from compression import zstd  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    from backports import zstd

ENCODINGS = ("lz4", "zstd", "gzip", "deflate")
"""What is spoken, the one preferred first: all clients of one machine gain most from lz4."""

_STEP = 1 << 20


def choose(accept_encoding: str) -> str | None:
    """Return the encoding to answer with for an Accept-Encoding header, or None for plain bytes."""
    accepted = set()
    for part in accept_encoding.lower().split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0"):
            accepted.add(name.strip())
    return next((name for name in ENCODINGS if name in accepted), None)


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Return `body` decoded; raises EngineError where it is damaged or decodes to more than `limit` bytes."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ENCODINGS:
        raise EngineError(
            NOT_IMPLEMENTED, f"Content-Encoding {encoding!r} is not supported, use {', '.join(ENCODINGS)}"
        )
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in _decompressed(body, encoding):
            size += len(piece)
            if size > limit:
                raise EngineError(QUERY_IS_TOO_LARGE, f"The body decodes to more than {limit} bytes")
            pieces.append(piece)
    except (RuntimeError, EOFError, zlib.error, zstd.ZstdError) as error:
        raise EngineError(CANNOT_DECOMPRESS, f"The body is not {encoding}: {error}") from error
    return b"".join(pieces)


def decompress_zstd(body: bytes, limit: int) -> bytes:
    """Return a zstd frame decoded; raises EngineError as `decompress` does."""
    return decompress(body, "zstd", limit)


def _decompressed(body: bytes, encoding: str) -> Iterator[bytes]:
    """Yield pieces of at most _STEP bytes, so that a small body cannot fill the memory."""
    rest = body
    while rest:
        decoder = _decoder(encoding)
        piece = _bounded(decoder, rest, encoding)
        while True:
            if piece:
                yield piece
            if decoder.eof:
                break
            if encoding in ("gzip", "deflate"):
                if not decoder.unconsumed_tail and not piece:
                    raise EOFError("it ends too early")
                piece = decoder.decompress(decoder.unconsumed_tail, _STEP)
            else:
                if decoder.needs_input:
                    raise EOFError("it ends too early")
                piece = decoder.decompress(b"", _STEP)
        rest = decoder.unused_data or b""


def _decoder(encoding: str) -> Any:
    if encoding == "lz4":
        return lz4.frame.LZ4FrameDecompressor()
    if encoding == "zstd":
        return zstd.ZstdDecompressor()
    # 32 lets zlib tell gzip from zlib by the header; "deflate" means the latter.
    return zlib.decompressobj(32 + zlib.MAX_WBITS)


def _bounded(decoder: Any, data: bytes, encoding: str) -> bytes:
    if encoding in ("gzip", "deflate"):
        return bytes(decoder.decompress(data, _STEP))
    return bytes(decoder.decompress(data, max_length=_STEP))


class Compressor:
    """Encodes a response piece by piece."""

    def __init__(self, encoding: str) -> None:
        self._compress: Callable[[bytes], bytes]
        self._flush: Callable[[], bytes]
        self._head = b""
        if encoding == "lz4":
            frame = lz4.frame.LZ4FrameCompressor()
            self._head = frame.begin()
            self._compress, self._flush = frame.compress, frame.flush
        elif encoding == "zstd":
            stream = zstd.ZstdCompressor()
            self._compress, self._flush = stream.compress, stream.flush
        else:
            deflate = zlib.compressobj(wbits=(31 if encoding == "gzip" else zlib.MAX_WBITS))
            self._compress, self._flush = deflate.compress, deflate.flush

    def add(self, data: bytes) -> bytes:
        """Return what `data` adds to the encoded body, perhaps nothing yet."""
        head, self._head = self._head, b""
        return head + self._compress(data)

    def end(self) -> bytes:
        """Return the rest of the encoded body."""
        head, self._head = self._head, b""
        return head + self._flush()
