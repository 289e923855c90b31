"""Compressed bodies: unpacked whole, within a bound, or refused with what would be right."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.body_limit import BodyTooLarge
from trackstream_api.content_encoding import EncodingNotSupported, unpacked
from trackstream_schemas.errors import InvalidInput

LIMIT = 100_000


@given(st.binary(max_size=5000), st.integers(0, 9))
def test_what_was_packed_comes_back(body: bytes, level: int) -> None:
    assert unpacked(gzip.compress(body, level), "gzip", LIMIT) == body
    assert unpacked(zlib.compress(body, level), "deflate", LIMIT) == body
    assert unpacked(gzip.compress(body[:7]) + gzip.compress(body[7:]), "X-GZip", LIMIT) == body
    assert unpacked(gzip.compress(zlib.compress(body)), "deflate, gzip", LIMIT) == body
    assert unpacked(body, "", LIMIT) == unpacked(body, "identity", LIMIT) == body


def test_the_bound_is_on_what_comes_out() -> None:
    assert unpacked(gzip.compress(bytes(LIMIT)), "gzip", LIMIT) == bytes(LIMIT)
    for bomb in (gzip.compress(bytes(LIMIT + 1)), gzip.compress(bytes(LIMIT)) + gzip.compress(b"x")):
        with pytest.raises(BodyTooLarge, match=f"at most {LIMIT} bytes"):
            unpacked(bomb, "gzip", LIMIT)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "compress", "nonsense"])
def test_an_encoding_that_is_not_read(encoding: str) -> None:
    with pytest.raises(
        EncodingNotSupported, match=f"Content-Encoding header: got '{encoding}', expected gzip"
    ):
        unpacked(gzip.compress(b""), encoding, LIMIT)


@given(st.binary(max_size=300))
def test_damage_is_told(body: bytes) -> None:
    whole = gzip.compress(body)
    other_checksum = whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:]
    for damaged in (whole[:-1], whole + b"x", b"plain" + body, other_checksum):
        with pytest.raises(InvalidInput) as refused:
            unpacked(damaged, "gzip", LIMIT)
        assert refused.value.field == "request body"
