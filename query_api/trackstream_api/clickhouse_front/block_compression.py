"""ClickHouse's own compression of bodies (`compress=1`, `decompress=1`): what its JDBC driver speaks unasked.

A block is the CityHash128 of the rest (16 bytes), the method, the size of the block without the hash, the
size of its content (both little-endian, 4 bytes), the content. The hash is of CityHash 1.0.2, which later
versions do not give. Source: ClickHouse's CompressedWriteBuffer.cpp and CompressedReadBufferBase.cpp.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import lz4.block  # type: ignore[import-untyped]
from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]

from trackstream_api.clickhouse_front.compression import decompress_zstd
from trackstream_api.clickhouse_front.errors import CANNOT_DECOMPRESS, QUERY_IS_TOO_LARGE, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HASH = 16
_HEAD = struct.Struct("<BII")
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_CONTENT = 1 << 20
"""Bytes of a block before compression, as ClickHouse's max_compress_block_size has it."""


def compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield `pieces` as blocks. Closes `pieces` when it is closed."""
    try:
        held = b""
        for piece in pieces:
            held += piece
            whole = len(held) - len(held) % _CONTENT
            for at in range(0, whole, _CONTENT):
                yield block(held[at : at + _CONTENT])
            held = held[whole:]
        if held:
            yield block(held)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def block(content: bytes) -> bytes:
    """Return one block."""
    packed: bytes = lz4.block.compress(content, store_size=False)
    rest = _HEAD.pack(_LZ4, len(packed) + _HEAD.size, len(content)) + packed
    return _hash(rest) + rest


def decompressed(body: bytes, limit: int) -> bytes:
    """Return what the blocks of `body` hold.

    Raises EngineError where they are damaged, of an unknown method, or hold more than `limit` bytes.
    """
    at = size = 0
    contents: list[bytes] = []
    while at < len(body):
        head = body[at + _HASH : at + _HASH + _HEAD.size]
        if len(head) < _HEAD.size:
            raise EngineError(CANNOT_DECOMPRESS, "The body ends within the head of a compressed block")
        method, length, inside = _HEAD.unpack(head)
        rest = body[at + _HASH : at + _HASH + length]
        if length < _HEAD.size or len(rest) < length:
            raise EngineError(CANNOT_DECOMPRESS, "The body ends within a compressed block")
        size += inside
        if size > limit:
            raise EngineError(QUERY_IS_TOO_LARGE, f"The body decompresses to more than {limit} bytes")
        if _hash(rest) != body[at : at + _HASH]:
            raise EngineError(CANNOT_DECOMPRESS, "Checksum doesn't match: corrupted data")
        contents.append(_content(method, rest[_HEAD.size :], inside))
        at += _HASH + length
    return b"".join(contents)


def _content(method: int, packed: bytes, size: int) -> bytes:
    if method == _NONE:
        content = packed
    elif method == _LZ4:
        try:
            content = bytes(lz4.block.decompress(packed, uncompressed_size=size))
        except lz4.block.LZ4BlockError as error:
            raise EngineError(CANNOT_DECOMPRESS, f"The body is not LZ4: {error}") from error
    elif method == _ZSTD:
        content = decompress_zstd(packed, size)
    else:
        raise EngineError(CANNOT_DECOMPRESS, f"Unknown compression method {method:#x}: expected LZ4 or ZSTD")
    if len(content) != size:
        raise EngineError(CANNOT_DECOMPRESS, f"A block holds {len(content)} bytes and says {size}")
    return content


def _hash(data: bytes) -> bytes:
    # The library has the first half of the hash in the upper bits.
    first, second = divmod(int(CityHash128(data)), 1 << 64)
    return struct.pack("<QQ", first, second)
