"""Bodies in the encodings of HTTP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.clickhouse_front.compression import ENCODINGS, Compressor, choose, decompress
from trackstream_api.clickhouse_front.errors import (
    CANNOT_DECOMPRESS,
    NOT_IMPLEMENTED,
    QUERY_IS_TOO_LARGE,
    EngineError,
)


def encoded(pieces: list[bytes], encoding: str) -> bytes:
    compressor = Compressor(encoding)
    return b"".join(compressor.add(piece) for piece in pieces) + compressor.end()


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(pieces=st.lists(st.binary(max_size=300)))
def test_what_was_encoded_is_decoded(encoding: str, pieces: list[bytes]) -> None:
    assert decompress(encoded(pieces, encoding), encoding, 1 << 20) == b"".join(pieces)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_large_body_in_steps(encoding: str) -> None:
    body = bytes(range(256)) * 20_000
    assert decompress(encoded([body], encoding), encoding, len(body)) == body


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_small_body_that_decodes_to_a_large_one_is_refused(encoding: str) -> None:
    with pytest.raises(EngineError) as caught:
        decompress(encoded([b"\0" * (8 << 20)], encoding), encoding, 1 << 20)
    assert caught.value.code == QUERY_IS_TOO_LARGE


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("damage", [lambda body: b"no" + body, lambda body: body[:-3]])
def test_damage_is_told(encoding: str, damage: object) -> None:
    assert callable(damage)
    with pytest.raises(EngineError) as caught:
        decompress(damage(encoded([b"some text" * 50], encoding)), encoding, 1 << 20)
    assert caught.value.code == CANNOT_DECOMPRESS


def test_an_encoding_that_is_not_spoken() -> None:
    with pytest.raises(EngineError) as caught:
        decompress(b"x", "snappy", 10)
    assert caught.value.code == NOT_IMPLEMENTED


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("lz4,zstd,gzip", "lz4"),
        ("gzip, deflate, br", "gzip"),
        ("zstd;q=0, gzip;q=0.5", "gzip"),
        ("br", None),
        ("", None),
    ],
)
def test_choosing_an_encoding(accept: str, chosen: str | None) -> None:
    assert choose(accept) == chosen
