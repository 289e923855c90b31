"""Client of a Confluent Schema Registry: schema ids for what we write, fingerprints for what we read.

Source: Confluent documentation, "Schema Registry API Reference" (`POST /subjects/{subject}/versions`,
`GET /schemas/ids/{id}`).
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trackstream_schemas.errors import StorageFailed, Unavailable
from trackstream_schemas.kafka_connection import REGISTRY_URL, REGISTRY_USER, environment_name
from trackstream_schemas.schema_files import crc64_avro

if TYPE_CHECKING:
    import httpx

    from trackstream_schemas.schema_files import SchemaFile

_TIMEOUT_S = 10.0
_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


class SchemaRegistry:
    """The registry at `url`; every schema is asked for once. Thread-safe."""

    def __init__(self, url: str, user_info: str | None = None) -> None:
        """`user_info` is user:password, where the registry asks for one."""
        self._url = url.rstrip("/")
        self._user_info = user_info
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._inherited: SchemaRegistry | None = None
        self._ids: dict[bytes, int] = {}
        self._fingerprints: dict[int, bytes | None] = {}

    def id_of(self, schema: SchemaFile) -> int:
        """Return the schema's id, under which it is registered if it is not yet.

        The subject is the record's full name (Confluent's RecordNameStrategy), since a topic of ours
        holds events of several schemas. Raises Unavailable, or StorageFailed where the registry refuses.
        """
        with self._lock:
            known = self._ids.get(schema.fingerprint)
            if known is None:
                subject = subject_of(schema)
                path = f"/subjects/{quote(subject, safe='')}/versions"
                answer = self._request("POST", path, {"schema": schema.text, "schemaType": "AVRO"})
                known = self._ids[schema.fingerprint] = int(answer["id"])
            return known

    def fingerprint_of(self, schema_id: int) -> bytes | None:
        """Return the CRC-64-AVRO fingerprint of the schema with this id; None where there is no such.

        Raises Unavailable, or StorageFailed where the registry refuses.
        """
        with self._lock:
            if schema_id not in self._fingerprints:
                answer = self._request("GET", f"/schemas/ids/{schema_id}")
                found = None
                if answer is not None and answer.get("schemaType", "AVRO") == "AVRO":
                    found = crc64_avro(json.loads(answer["schema"]))
                self._fingerprints[schema_id] = found
            return self._fingerprints[schema_id]

    def close(self) -> None:
        """Close the connection; a later request opens one."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def after_fork(self) -> SchemaRegistry:
        """Return what a forked child uses instead: it knows the same, over connections of its own."""
        other = SchemaRegistry(self._url, self._user_info)
        other._ids = dict(self._ids)
        other._fingerprints = dict(self._fingerprints)
        # The parent's sockets are not ours to use or to shut; keeping them referenced leaves them be.
        other._inherited = self
        return other

    def _request(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        """Return the JSON answer; None for a GET of what is not there."""
        import httpx

        where = f"{method} {self._url}{path}"
        if self._client is None:
            user, _, password = (self._user_info or "").partition(":")
            self._client = httpx.Client(
                base_url=self._url,
                timeout=_TIMEOUT_S,
                auth=(user, password) if user else None,
                headers={"accept": _CONTENT_TYPE},
            )
        try:
            response = self._client.request(
                method,
                path,
                content=None if body is None else json.dumps(body),
                headers={"content-type": _CONTENT_TYPE},
            )
        except (httpx.HTTPError, OSError) as error:
            raise Unavailable(f"the schema registry: {where}: {error or type(error).__name__}") from error
        if response.is_success:
            try:
                return response.json()
            except ValueError as error:
                raise Unavailable(f"the schema registry: {where} did not answer with JSON") from error
        if method == "GET" and response.status_code == 404:
            return None
        text = f"the schema registry: {where} answered {response.status_code}: {response.text[:300]}"
        if response.status_code >= 500 or response.status_code in (408, 429):
            raise Unavailable(text)
        raise StorageFailed(f"{text}; {_hint(response.status_code)}")


def subject_of(schema: SchemaFile) -> str:
    """Return the registry's subject for a schema: the record's full name."""
    return str(schema.parsed["name"])


def _hint(status: int) -> str:
    if status in (401, 403):
        return f"check {environment_name(REGISTRY_USER)}"
    if status == 409:
        return "the subject's compatibility level forbids this version (BACKWARD is what our schemas keep)"
    return f"check {environment_name(REGISTRY_URL)}"
