"""From a Kafka record's value, in whichever of the two formats, to single-object encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_schemas.confluent_frame import from_frame, schema_id_of
from trackstream_schemas.schema_registry import SchemaRegistry

if TYPE_CHECKING:
    from trackstream_schemas.kafka_connection import KafkaConnection


class ValueDecoder:
    """Takes the Confluent frame off, where there is one and a registry is configured."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._registry: SchemaRegistry | None = None
        if connection.registry_url is not None:
            self._registry = SchemaRegistry(connection.registry_url, connection.registry_user)

    def single_object(self, value: bytes) -> bytes:
        """Return the value in single-object encoding.

        What cannot be read is returned as it is, for the consumer to give up. Raises Unavailable or
        StorageFailed where the registry does not answer.
        """
        if self._registry is None:
            return value
        schema_id = schema_id_of(value)
        if schema_id is None:
            return value
        fingerprint = self._registry.fingerprint_of(schema_id)
        return value if fingerprint is None else from_frame(value, fingerprint)

    def close(self) -> None:
        """Close the connection to the registry."""
        if self._registry is not None:
            self._registry.close()
