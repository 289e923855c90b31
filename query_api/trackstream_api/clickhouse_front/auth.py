"""Who asks: the ways in which ClickHouse takes a user and a password."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

from trackstream_api.clickhouse_front.errors import AUTHENTICATION_FAILED, REQUIRED_PASSWORD, EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_DEFAULT_USER = "default"


def authenticate(request: Request, users: Mapping[str, str]) -> str:
    """Return the name of the user, whose password was right.

    Credentials come as X-ClickHouse-User and X-ClickHouse-Key, as HTTP Basic, or as `user` and `password`
    in the URL. Raises EngineError (401 where there were none, 403 where they are wrong or of two kinds).
    """
    given = [found for found in (_headers(request), _basic(request), _url(request)) if found is not None]
    if len(given) > 1:
        raise EngineError(
            AUTHENTICATION_FAILED, "Invalid authentication: credentials came in more than one way at once"
        )
    name, password = given[0] if given else (_DEFAULT_USER, "")
    # An unknown user costs the same comparison, so that the time does not tell names.
    expected = users.get(name, "\0")
    if hmac.compare_digest(password.encode(), expected.encode()):
        return name
    if not given:
        raise EngineError(REQUIRED_PASSWORD, "Authentication is required: no user and password were given")
    raise EngineError(
        AUTHENTICATION_FAILED,
        f"{name}: Authentication failed: password is incorrect, or there is no user with such name",
    )


def _headers(request: Request) -> tuple[str, str] | None:
    name = request.headers.get("x-clickhouse-user")
    key = request.headers.get("x-clickhouse-key")
    return None if name is None and key is None else (name or _DEFAULT_USER, key or "")


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "basic":
        raise EngineError(AUTHENTICATION_FAILED, f"Invalid authentication: scheme {scheme!r}, expected Basic")
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise EngineError(AUTHENTICATION_FAILED, "Invalid authentication: malformed Basic header") from error
    return name, password


def _url(request: Request) -> tuple[str, str] | None:
    query = request.query_params
    if "user" not in query and "password" not in query:
        return None
    return query.get("user", _DEFAULT_USER), query.get("password", "")
