"""Avro's `long` (zig-zag, base-128 varint) for whole numpy columns at once.

The Avro specification, "Binary encoding", defines the format; a column here is the concatenation of
its items, as they stand inside one array block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_BYTES = 10


def encode_long(value: int) -> bytes:
    """Return one 64-bit signed integer as a varint."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def decode_long(data: memoryview, at: int) -> tuple[int, int]:
    """Return the integer that begins at `at` and the place behind it.

    Raises ValueError where the data ends within it or it is longer than 64 bits.
    """
    result = 0
    for count in range(_MAX_BYTES):
        if at >= len(data):
            raise ValueError(f"truncated integer at byte {at}")
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if result >> 64:
                break
            return (result >> 1) ^ -(result & 1), at
    raise ValueError(f"integer before byte {at} is longer than 64 bits")


def encode_column(column: NDArray[np.int64]) -> bytes:
    """Return the items of `column`, shape (n,), as varints one behind the other.

    The first item is written apart: of a difference-coded column it is the only large one, so that
    the rest usually takes the path of one byte an item.
    """
    if len(column) == 0:
        return b""
    rest = column[1:]
    zigzag = ((rest << 1) ^ (rest >> 63)).view(np.uint64)
    head = encode_long(int(column[0]))
    if len(zigzag) == 0:
        return head
    largest = int(zigzag.max())
    if largest < 0x80:
        return head + zigzag.astype(np.uint8).tobytes()
    sizes = np.ones(len(zigzag), dtype=np.int64)
    for count in range(1, (largest.bit_length() + 6) // 7):
        sizes += zigzag >= np.uint64(1 << (7 * count))
    starts = np.cumsum(sizes) - sizes
    out = np.empty(int(sizes.sum()), dtype=np.uint8)
    for count in range(int(sizes.max())):
        chosen = sizes > count
        piece = (zigzag[chosen] >> np.uint64(7 * count)).astype(np.uint8) & 0x7F
        more = (sizes[chosen] > count + 1).astype(np.uint8) << 7
        out[starts[chosen] + count] = piece | more
    return head + out.tobytes()


def decode_column(data: memoryview, count: int) -> NDArray[np.int64]:
    """Return the `count` varints that `data` consists of, shape (count,).

    Raises ValueError where `data` does not hold exactly that many.
    """
    result = np.empty(count, dtype=np.int64)
    if count == 0:
        if len(data):
            raise ValueError(f"{len(data)} bytes behind an empty column")
        return result
    result[0], at = decode_long(data, 0)
    raw = np.frombuffer(data, dtype=np.uint8, offset=at) if at < len(data) else np.empty(0, dtype=np.uint8)
    if len(raw) == count - 1 and not (raw & 0x80).any():
        zigzag = raw.astype(np.uint64)
    else:
        ends = np.flatnonzero(raw < 0x80)
        if len(ends) != count - 1 or (len(raw) and raw[-1] >= 0x80):
            raise ValueError(f"column holds {len(ends) + 1} integers where {count} are announced")
        starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
        sizes = ends - starts + 1
        longest = int(sizes.max()) if len(sizes) else 0
        if longest > _MAX_BYTES:
            raise ValueError("column holds an integer longer than 64 bits")
        zigzag = np.zeros(count - 1, dtype=np.uint64)
        for place in range(longest):
            chosen = sizes > place
            bits = (raw[starts[chosen] + place] & 0x7F).astype(np.uint64)
            zigzag[chosen] |= bits << np.uint64(7 * place)
    result[1:] = (zigzag >> np.uint64(1)).view(np.int64) ^ -(zigzag & np.uint64(1)).view(np.int64)
    return result
