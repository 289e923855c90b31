"""From a tracking URI to the log that is written and the server that is asked.

trackstream://HOST[:PORT]                            a server, which also takes what is logged
trackstream+https://HOST[:PORT]                      the same behind TLS
trackstream:///DIRECTORY                             a directory, and the server that holds it
trackstream+kafka://BROKERS?api=http://HOST:PORT     a Kafka cluster, and a server that reads it
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from trackstream_schemas import kafka_connection
from trackstream_schemas.errors import InvalidInput

SERVER, TLS, KAFKA = "trackstream", "trackstream+https", "trackstream+kafka"
DEFAULT_PORT = 5000
"""Where `trackstream server` listens unless told otherwise."""

_RIGHT = (
    "trackstream://host:5000, trackstream+https://host, trackstream:///directory"
    " or trackstream+kafka://host:9092?api=http://host:5000"
)


class Address(NamedTuple):
    """Where a store is."""

    log: str
    """The SDK's tracking URI."""
    api: str | None
    """The server's http address; None where the holder of the directory `log` is to be asked."""


def is_ours(uri: str) -> bool:
    """Tell whether a URI has one of our schemes."""
    return urlsplit(uri).scheme in (SERVER, TLS, KAFKA)


def address_of(uri: str) -> Address:
    """Return what a URI names. Raises InvalidInput, which lists what is right."""
    try:
        parts = urlsplit(uri)
        port = None if parts.scheme == KAFKA else parts.port
    except ValueError:
        raise InvalidInput("tracking URI", uri, _RIGHT) from None
    if parts.scheme == KAFKA:
        return _kafka(parts.netloc, parts.query)
    if parts.query or parts.fragment or not is_ours(uri):
        raise InvalidInput("tracking URI", uri, _RIGHT)
    if parts.scheme == SERVER and not parts.netloc and parts.path not in ("", "/"):
        return Address(str(Path(unquote(parts.path))), None)
    if not parts.hostname or parts.path not in ("", "/"):
        raise InvalidInput("tracking URI", uri, _RIGHT)
    if parts.scheme == TLS:
        return Address(*[f"https://{parts.netloc}"] * 2)
    return Address(*[f"http://{parts.netloc if port else f'{parts.netloc}:{DEFAULT_PORT}'}"] * 2)


def _kafka(brokers: str, query: str) -> Address:
    options = parse_qsl(query, keep_blank_values=True)
    servers = [value for name, value in options if name == "api"]
    if len(servers) != 1 or not servers[0].startswith(("http://", "https://")):
        # The rest of the address is not shown: there may be secrets in it.
        raise InvalidInput("api in the tracking URI", ", ".join(servers), "one http address of a server")
    others = urlencode([(name, value) for name, value in options if name != "api"])
    log = f"{kafka_connection.SCHEME}://{brokers}{f'?{others}' if others else ''}"
    kafka_connection.parse_kafka(log)
    return Address(log, servers[0].rstrip("/"))
