"""Requests and replies by the rules of MLflow's server: protobuf's JSON, read leniently.

Source: mlflow.server.handlers._get_request_message and mlflow.utils.proto_json_utils.message_to_json.

A request: unknown fields are ignored, null is absence, 64-bit integers may be strings, NaN and the infinities
may be strings, and each field may be spelt in snake_case or lowerCamelCase. Required fields may be neither
absent nor empty. The content type does not matter; an empty body is an empty message.
A reply: integers are JSON numbers, whatever their size; NaN and the infinities are strings; a field without
a value is absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json, to_json

from trackstream_api.mlflow.errors import SEE_DOCS, InvalidParameter, MissingParameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_schemas.errors import InvalidInput

INT32_MAX = 2**31 - 1
_LONGEST_SHOWN = 200

T = TypeVar("T")
M = TypeVar("M", bound="Message")


class Message(BaseModel):
    """A request. Declare `name: Required`, `name: T | None = None`, or `names: Repeated[T]`.

    Presence of an optional field is `is not None`.
    """

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        loc_by_alias=False,
        protected_namespaces=(),
    )


def _empty_if_null(value: Any) -> Any:
    return [] if value is None else value


Required = Annotated[str, Field(min_length=1)]
"""Text that must be there and not be empty."""
Repeated = Annotated[list[T], BeforeValidator(_empty_if_null), Field(default_factory=list)]
"""A repeated field: null and absence are the empty list."""
Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class EntryMessage(Message):
    """A tag or param."""

    key: Required
    value: str = ""


class RunIdMessage(Message):
    """A request about one run; `run_uuid` is the old name of the field."""

    run_id: str = Field(min_length=1, validation_alias=AliasChoices("run_id", "runId", "run_uuid", "runUuid"))


def parse(kind: type[M], body: bytes) -> M:
    """Return the message that a JSON body holds. Raises InvalidParameter, which names the field."""
    try:
        return kind.model_validate_json(body or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        if first["type"] == "model_type":
            return _of_other_json(kind, body, first)
        raise _refusal(first) from None


def parse_object(kind: type[M], content: Mapping[str, Any]) -> M:
    """Return the message that an object holds. Raises InvalidParameter, which names the field."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False, include_context=False)[0]) from None


def json_object(body: bytes) -> dict[str, Any]:
    """Return a body as an object, for requests of no fixed shape. Raises InvalidParameter."""
    try:
        content = from_json(body or b"{}")
        # Old clients send their JSON as a JSON string.
        if isinstance(content, str):
            content = from_json(content)
    except ValueError as error:
        raise _not_json(str(error)) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InvalidParameter("body", f"The request's body must be a JSON object, got {shown(content)}.")
    return content


def FromBody(kind: type[Message]) -> Any:
    """Return the dependency that parses a request's body into `kind`.

    Use: `request: Annotated[CreateRun, FromBody(CreateRun)]`.
    """

    async def parsed(request: Request) -> Message:
        return parse(kind, await request.body())

    return Depends(parsed)


def FromQuery(kind: type[Message]) -> Any:
    """Return the dependency that parses a query string, or a body where there is none, into `kind`."""
    spellings = _spellings(kind)

    async def parsed(request: Request) -> Message:
        arguments = request.query_params
        if not arguments:
            return parse(kind, await request.body())
        content: dict[str, Any] = {}
        for name in arguments:
            field = spellings.get(name)
            if field is not None:
                content[name] = arguments.getlist(name) if field else arguments[name]
        return parse_object(kind, content)

    return Depends(parsed)


def present(**fields: Any) -> dict[str, Any]:
    """Return those fields that have a value: neither None nor an empty list or mapping."""
    return {
        name: value for name, value in fields.items() if value is not None and value != [] and value != {}
    }


def entries(mapping: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a mapping as MLflow's list of {"key", "value"} messages."""
    return [{"key": key, "value": value} for key, value in mapping.items()]


def empty_reply() -> Response:
    """Return the answer that holds an empty message."""
    return Response(b"{}", 200, media_type="application/json")


def reply(content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that holds this message."""
    body = to_json(content, inf_nan_mode="strings")
    return Response(body, 200, headers=dict(headers or {}), media_type="application/json")


def _spellings(kind: type[Message]) -> dict[str, bool]:
    """Return every name of every field, and whether the field is repeated."""
    names: dict[str, bool] = {}
    for name, field in kind.model_fields.items():
        repeated = any(isinstance(item, BeforeValidator) for item in field.metadata) or str(
            field.annotation
        ).startswith("list[")
        aliases = getattr(field.validation_alias, "choices", [field.validation_alias])
        names |= dict.fromkeys((name, *(alias for alias in aliases if isinstance(alias, str))), repeated)
    return names


def _of_other_json(kind: type[M], body: bytes, first: Any) -> M:
    """Parse null, which is an empty message, and JSON that was encoded twice."""
    return parse_object(kind, json_object(body))


def _refusal(first: Any) -> InvalidInput:
    """Say in MLflow's words what pydantic found first."""
    if first["type"] == "json_invalid":
        return _not_json(first["msg"])
    field = "".join(f"[{item}]" if isinstance(item, int) else f".{item}" for item in first["loc"])[1:]
    field = field or "body"
    value = first["input"]
    if first["type"] == "missing" or value is None or (first["type"] == "string_too_short" and value == ""):
        return MissingParameter(field)
    hint = f"Hint: Value was of type '{type(value).__name__}'. {first['msg']}."
    return InvalidParameter(
        field, f"Invalid value {shown(value)} for parameter '{field}' supplied: {hint} {SEE_DOCS}"
    )


def _not_json(detail: str) -> InvalidParameter:
    return InvalidParameter("body", f"The request's body is not JSON: {detail}")


def shown(value: Any) -> str:
    """Return a value as JSON for a message, cut where it is long."""
    text = to_json(value, inf_nan_mode="strings", fallback=repr).decode(errors="replace")
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
