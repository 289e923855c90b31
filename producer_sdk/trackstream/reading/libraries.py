"""The libraries of tables, loaded when somebody wants a table. The SDK does without them otherwise."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from trackstream_schemas.errors import InvalidInput

EXTRA = "dataframes"
_EXTRA_OF = {"polars": "polars"}


class MissingLibrary(InvalidInput):
    """A format whose library is not installed."""


def library(name: str, field: str, value: str) -> Any:
    """Return the module `name`. Raises MissingLibrary, which names the extra that brings it."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        extra = _EXTRA_OF.get(name, EXTRA)
        right = f"{name}, which is not installed: pip install 'trackstream[{extra}]'"
        raise MissingLibrary(field, value, right) from error
