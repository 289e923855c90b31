"""ClickHouse's own blocks of compressed bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.clickhouse_front.block_compression import block, compressed, decompressed
from trackstream_api.clickhouse_front.errors import CANNOT_DECOMPRESS, QUERY_IS_TOO_LARGE, EngineError

# What clickhouse-java's driver takes for `SELECT version() as server_version` in RowBinaryWithNamesAndTypes.
_CONTENT = b"\x01\x0eserver_version\x06String\x0826.9.2.1"


def test_a_block_is_what_a_server_sends() -> None:
    made = block(_CONTENT)
    assert made[16] == 0x82
    assert int.from_bytes(made[17:21], "little") == len(made) - 16
    assert int.from_bytes(made[21:25], "little") == len(_CONTENT)
    # CityHash 1.0.2's, first half first, each half little-endian.
    assert made[:16].hex() == "db b8 93 2b aa 71 02 98 7d 7b 6c ec df ac 8c 23".replace(" ", "")


@given(pieces=st.lists(st.binary(max_size=300)))
def test_what_was_compressed_is_decompressed(pieces: list[bytes]) -> None:
    assert decompressed(b"".join(compressed(iter(pieces))), 1 << 20) == b"".join(pieces)


def test_a_large_body_in_many_blocks() -> None:
    body = bytes(range(256)) * 20_000
    blocks = list(compressed(iter([body[:7], body[7:]])))
    assert len(blocks) == 5
    assert decompressed(b"".join(blocks), len(body)) == body
    with pytest.raises(EngineError) as caught:
        decompressed(b"".join(blocks), len(body) - 1)
    assert caught.value.code == QUERY_IS_TOO_LARGE


@pytest.mark.parametrize("at", [0, 15, 16, 18, 22, 30, -1])
def test_a_changed_byte_is_told(at: int) -> None:
    damaged = bytearray(block(_CONTENT))
    damaged[at] ^= 1
    with pytest.raises(EngineError) as caught:
        decompressed(bytes(damaged), 1 << 20)
    assert caught.value.code == CANNOT_DECOMPRESS


@pytest.mark.parametrize("length", [1, 16, 24, 25, 40])
def test_a_cut_body_is_told(length: int) -> None:
    with pytest.raises(EngineError) as caught:
        decompressed(block(_CONTENT)[:length], 1 << 20)
    assert caught.value.code == CANNOT_DECOMPRESS
