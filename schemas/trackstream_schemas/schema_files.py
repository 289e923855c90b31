"""The published `.avsc` files and their CRC-64-AVRO fingerprints.

A published file is never edited: a changed event is a new file `NAME.vN.avsc`. The highest version is
what we write; every version stays readable.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form


@dataclass(frozen=True)
class SchemaFile:
    """One published schema."""

    event_name: str
    """The record's name, for example 'RunStarted'."""
    version: int
    text: str
    """The file as published."""
    parsed: Any
    """The schema as fastavro has prepared it."""
    fingerprint: bytes
    """CRC-64-AVRO of the parsing canonical form, 8 bytes, little-endian."""


def crc64_avro(schema: Any) -> bytes:
    """Return the CRC-64-AVRO fingerprint of a schema, 8 bytes, little-endian.

    Source: Avro specification, "Schema fingerprints" and "Single-object encoding".
    """
    # fastavro gives the eight bytes in the little-endian order in which they stand in a message.
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


@cache
def published() -> tuple[SchemaFile, ...]:
    """Return every published schema, ordered by name and version."""
    found = []
    for entry in files("trackstream_schemas").joinpath("avro").iterdir():
        if not entry.name.endswith(".avsc"):
            continue
        text = entry.read_text(encoding="utf-8")
        schema = json.loads(text)
        version = int(entry.name.split(".")[1].removeprefix("v"))
        found.append(
            SchemaFile(schema["name"], version, text, parse_schema(schema), crc64_avro(json.loads(text)))
        )
    return tuple(sorted(found, key=lambda file: (file.event_name, file.version)))


@cache
def by_fingerprint() -> dict[bytes, SchemaFile]:
    """Return the published schemas by fingerprint."""
    return {file.fingerprint: file for file in published()}


@cache
def newest() -> dict[str, SchemaFile]:
    """Return for each event name the version that we write."""
    return {file.event_name: file for file in published()}
