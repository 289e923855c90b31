"""Columns of Avro longs against the definition, an item at a time."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fastavro import schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from trackstream_schemas.varint import decode_column, decode_long, encode_column, encode_long

int64 = st.integers(-(2**63), 2**63 - 1)
columns = st.lists(int64 | st.integers(-70, 70), max_size=60)


@given(int64)
def test_one_long_is_what_fastavro_writes(value: int) -> None:
    out = io.BytesIO()
    schemaless_writer(out, {"type": "long"}, value)
    assert encode_long(value) == out.getvalue()
    assert decode_long(memoryview(out.getvalue()), 0) == (value, len(out.getvalue()))


@given(columns)
def test_a_column_is_its_items_one_behind_the_other(values: list[int]) -> None:
    encoded = encode_column(np.array(values, dtype=np.int64))
    assert encoded == b"".join(map(encode_long, values))
    assert decode_column(memoryview(encoded), len(values)).tolist() == values


@given(columns.filter(bool), st.integers(-3, 3).filter(bool))
def test_a_column_with_another_count_is_refused(values: list[int], off: int) -> None:
    encoded = memoryview(encode_column(np.array(values, dtype=np.int64)))
    if len(values) + off >= 0:
        with pytest.raises(ValueError, match=r"integer|column"):
            decode_column(encoded, len(values) + off)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 10, b"\xff" * 9 + b"\x02", b"\x80" * 11 + b"\x00"])
def test_what_is_no_64_bit_integer_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="integer"):
        decode_long(memoryview(data), 0)
