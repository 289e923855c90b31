"""The Confluent Schema Registry wire format, to and from our own messages.

A framed value is a zero byte, the schema's id in a registry (4 bytes, big-endian) and the Avro binary
body. Source: Confluent documentation, "Schema Registry: Wire Format".
"""

from __future__ import annotations

import struct

from trackstream_schemas.codec import HEADER_SIZE, MARKER

_FRAME = struct.Struct(">bI")


def to_frame(message: bytes, schema_id: int) -> bytes:
    """Return a message in single-object encoding as a framed value."""
    return _FRAME.pack(0, schema_id) + message[HEADER_SIZE:]


def schema_id_of(value: bytes) -> int | None:
    """Return the id within a framed value, or None where `value` is not one."""
    if len(value) < _FRAME.size or value[0] != 0:
        return None
    found: int = _FRAME.unpack_from(value)[1]
    return found


def from_frame(value: bytes, fingerprint: bytes) -> bytes:
    """Return a framed value, whose schema has this fingerprint, in single-object encoding."""
    return MARKER + fingerprint + value[_FRAME.size :]
