"""Avro object-container files of events: any Avro reader reads them by the schema within.

The schema is the union of the published schemas of all events, so a record is an event as it stands on the
log, behind the number of its branch. Messages are therefore copied, not encoded again; metric batches and
chunks of contents have a block each, so that reading copies them as well. Source: Avro specification, "Object
Container Files".
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

from fastavro import block_reader, parse_schema, schemaless_writer

from trackstream_api.transfer.errors import NotAnExport
from trackstream_schemas import codec
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.routing import topic_of_type
from trackstream_schemas.schema_files import newest
from trackstream_schemas.topics import DEAD_LETTERS
from trackstream_schemas.varint import decode_long, encode_long

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

MEDIA_TYPE = "application/avro"
_MAGIC = b"Obj\x01"
_FINGERPRINTS = "trackstream.fingerprints"
"""Metadata: the CRC-64-AVRO of each branch as it is published, in hex, as a JSON array."""
_SYNC = hashlib.md5(b"trackstream events", usedforsecurity=False).digest()
_BLOCK_BYTES = 64 << 10
_ALONE_BYTES = 2 << 10


@cache
def branches() -> tuple[str, ...]:
    """Return the names of the events that a file may hold, in the order of the union."""
    return tuple(
        name for name in sorted(newest()) if name != "IngestRequest" and topic_of_type(name) != DEAD_LETTERS
    )


@cache
def union_schema() -> str:
    """Return the schema of a file as JSON: a union in which each named type is defined once."""
    defined: set[str] = set()
    union = [_defined_once(json.loads(newest()[name].text), "", defined) for name in branches()]
    parse_schema(union)
    return json.dumps(union)


def _defined_once(schema: Any, namespace: str, defined: set[str]) -> Any:
    if isinstance(schema, list):
        return [_defined_once(item, namespace, defined) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    if found.get("type") in ("record", "enum", "fixed"):
        namespace = found.get("namespace", namespace)
        full = found["name"] if "." in found["name"] or not namespace else f"{namespace}.{found['name']}"
        if full in defined:
            return full
        defined.add(full)
    for key in ("type", "items", "values"):
        if key in found:
            found[key] = _defined_once(found[key], namespace, defined)
    if "fields" in found:
        found["fields"] = [_defined_once(field, namespace, defined) for field in found["fields"]]
    return found


def written(messages: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of a file that holds these messages (single-object encoding), in bounded memory."""
    yield _header()
    index = {name: number for number, name in enumerate(branches())}
    gathered: list[bytes] = []
    size = 0
    for message in messages:
        schema = codec.schema_of(message)
        if schema.fingerprint != newest()[schema.event_name].fingerprint:
            message = codec.encode(codec.decode(message))
        record = encode_long(index[schema.event_name]) + message[codec.HEADER_SIZE :]
        if len(record) >= _ALONE_BYTES or schema.event_name == "MetricsLogged":
            if gathered:
                yield _block(gathered)
            yield _block([record])
            gathered, size = [], 0
            continue
        gathered.append(record)
        size += len(record)
        if size >= _BLOCK_BYTES:
            yield _block(gathered)
            gathered, size = [], 0
    if gathered:
        yield _block(gathered)


def read(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the messages that a file holds. Raises NotAnExport, which says where the file fails."""
    count = 0
    try:
        blocks: Any = block_reader(file, return_record_name=True)
        fingerprints = _fingerprints(blocks.metadata)
        for block in blocks:
            if block.num_records == 1 and fingerprints:
                yield _copied(block.bytes_.getvalue(), fingerprints)
                count += 1
                continue
            for record in block:
                yield _encoded(record)
                count += 1
    # fastavro raises whatever it stumbles over in damaged bytes.
    except Exception as error:
        what = f"it fails behind event {count}: {type(error).__name__}: {error}"
        raise NotAnExport("file", name, f"a whole file of `trackstream export` ({what})") from error


def _header() -> bytes:
    metadata = {
        "avro.schema": union_schema(),
        "avro.codec": "deflate",
        _FINGERPRINTS: json.dumps([newest()[name].fingerprint.hex() for name in branches()]),
    }
    parts = [_MAGIC, encode_long(len(metadata))]
    for key, value in metadata.items():
        for data in (key.encode(), value.encode()):
            parts += [encode_long(len(data)), data]
    return b"".join((*parts, b"\x00", _SYNC))


def _block(records: list[bytes]) -> bytes:
    # Raw deflate, as Avro wants it: without zlib's header.
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(b"".join(records)) + packer.flush()
    return encode_long(len(records)) + encode_long(len(data)) + data + _SYNC


def _fingerprints(metadata: dict[str, str]) -> list[bytes]:
    """Return the fingerprints of a file's branches; none where another program has written it."""
    return [bytes.fromhex(text) for text in json.loads(metadata.get(_FINGERPRINTS, "[]"))]


def _copied(record: bytes, fingerprints: list[bytes]) -> bytes:
    branch, at = decode_long(memoryview(record), 0)
    if not 0 <= branch < len(fingerprints):
        raise MalformedEvent("branch of the union", branch, f"0 to {len(fingerprints) - 1}")
    return codec.MARKER + fingerprints[branch] + record[at:]


def _encoded(record: Any) -> bytes:
    if not isinstance(record, tuple):
        raise MalformedEvent("record", type(record).__name__, "an event, by the name of its schema")
    event_name = record[0].rpartition(".")[2]
    if event_name not in branches():
        raise MalformedEvent("record", record[0], "an event that this version knows")
    schema = newest()[event_name]
    out = io.BytesIO()
    out.write(codec.MARKER + schema.fingerprint)
    schemaless_writer(out, schema.parsed, record[1])
    # Decoded and encoded once more: metric batches have one layout on the log.
    return codec.encode(codec.decode(out.getvalue()))
