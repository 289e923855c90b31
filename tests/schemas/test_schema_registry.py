"""The Confluent format and the client of its registry, over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.registry_server import RegistryServer
from trackstream_schemas import codec
from trackstream_schemas.confluent_frame import from_frame, schema_id_of, to_frame
from trackstream_schemas.errors import StorageFailed, Unavailable
from trackstream_schemas.schema_files import newest, published
from trackstream_schemas.schema_registry import SchemaRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    started = RegistryServer()
    yield started
    started.close()


@pytest.fixture
def registry(server: RegistryServer) -> Iterator[SchemaRegistry]:
    client = SchemaRegistry(server.url + "/")
    yield client
    client.close()


@given(st.binary(min_size=8, max_size=8), st.binary(), st.integers(0, 2**32 - 1))
def test_a_frame_is_taken_off_as_it_was_put_on(fingerprint: bytes, body: bytes, schema_id: int) -> None:
    message = codec.MARKER + fingerprint + body
    value = to_frame(message, schema_id)
    assert value[0] == 0
    assert int.from_bytes(value[1:5], "big") == schema_id == schema_id_of(value)
    assert from_frame(value, fingerprint) == message


@pytest.mark.parametrize("value", [b"", b"\x00\x00\x00\x00", codec.MARKER + b"12345678"])
def test_what_is_no_frame(value: bytes) -> None:
    assert schema_id_of(value) is None


def test_every_schema_comes_back_with_its_fingerprint(registry: SchemaRegistry) -> None:
    for schema in published():
        assert registry.fingerprint_of(registry.id_of(schema)) == schema.fingerprint


def test_a_schema_is_registered_under_its_full_name_and_asked_for_once(
    server: RegistryServer, registry: SchemaRegistry
) -> None:
    schema = newest()["RunStarted"]
    assert registry.id_of(schema) == registry.id_of(schema) == 1
    assert registry.fingerprint_of(1) == registry.fingerprint_of(1)
    assert server.subjects == {"trackstream.RunStarted": {1}}
    assert server.requests == ["POST /subjects/trackstream.RunStarted/versions", "GET /schemas/ids/1"]


def test_an_unknown_id_has_no_fingerprint(registry: SchemaRegistry) -> None:
    assert registry.fingerprint_of(99) is None


def test_user_and_password_are_sent() -> None:
    server = RegistryServer("me:hush")
    schema = newest()["RunStarted"]
    right, wrong = SchemaRegistry(server.url, "me:hush"), SchemaRegistry(server.url, "me:wrong")
    assert right.id_of(schema) == 1
    with pytest.raises(StorageFailed, match="BASIC_AUTH_USER_INFO") as refused:
        wrong.id_of(schema)
    assert "wrong" not in str(refused.value)
    right.close()
    wrong.close()
    server.close()


@pytest.mark.parametrize(
    ("refusal", "error", "text"),
    [
        ((409, 409, "Schema being registered is incompatible"), StorageFailed, "compatibility"),
        ((422, 42201, "Invalid schema"), StorageFailed, "Invalid schema"),
        ((503, 50001, "Error in the backend data store"), Unavailable, "backend"),
        ((429, 42901, "Too many requests"), Unavailable, "Too many"),
    ],
)
def test_refusals(
    server: RegistryServer,
    registry: SchemaRegistry,
    refusal: tuple[int, int, str],
    error: type[Exception],
    text: str,
) -> None:
    server.refuse = refusal
    with pytest.raises(error, match=text):
        registry.id_of(newest()["RunStarted"])
    server.refuse = None
    assert registry.id_of(newest()["RunStarted"]) == 1


def test_a_registry_that_is_away_is_unavailable() -> None:
    registry = SchemaRegistry("http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="registry"):
        registry.fingerprint_of(1)
    registry.close()
