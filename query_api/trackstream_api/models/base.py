"""What all bodies share: how they are validated and how they become JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Mapping


class Model(BaseModel):
    """A response body. NaN and the infinities become the strings "NaN", "Infinity" and "-Infinity"."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")


class Request(BaseModel):
    """A request body; a field that is not known is an error, since it is most likely misspelt."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=1_000_000)


class ErrorBody(Model):
    """Every error, whatever route it comes from."""

    error_code: str = Field(
        description="MLflow's code, for example RESOURCE_DOES_NOT_EXIST", examples=["INVALID_PARAMETER_VALUE"]
    )
    message: str = Field(description="What is wrong and what would be right")
    field: str | None = Field(None, description="The field of the request that is wrong; absent if none is")
    position: int | None = Field(
        None, description="Where in that field, in characters from 0; absent if unknown"
    )


class Reply(Response):
    """A model as JSON, without the second validation that FastAPI gives a returned model."""

    media_type = "application/json"

    def __init__(self, body: Model, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        content = body.__pydantic_serializer__.to_json(body)
        super().__init__(content, status_code, headers=dict(headers or {}))
