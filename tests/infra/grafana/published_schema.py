"""Grafana's dashboard schema as Grafana publishes it for Python: the types of all fields of dashboards.

The package reads JSON without looking: what it does not know is dropped, and any value passes. Here the types
of its fields are held against the values, and what would be dropped is named.
"""

from __future__ import annotations

import enum
import json
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from grafana_foundation_sdk.cog import runtime
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard

register_default_plugins()
_CUSTOM = "custom."


def wrong_with(document: Mapping[str, Any]) -> list[str]:
    """Return what in the JSON of a dashboard the published schema does not know or not allow."""
    return [*_wrong(dashboard.Dashboard, document, "$"), *_wrong_overrides(document)]


def _wrong(kind: Any, value: Any, place: str) -> Iterator[str]:
    """Yield what does not fit `kind`: a class of the package, or the type of one of its fields."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in (Any, object):
        return
    if origin in (Union, types.UnionType):
        possible = [list(_wrong(one, value, place)) for one in arguments]
        if all(possible):
            # The one that fits best says most.
            yield from min(possible, key=len)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{place}: {value!r} is no list"
            return
        for number, item in enumerate(value):
            yield from _wrong(arguments[0], item, f"{place}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no object"
            return
        for name, item in value.items():
            yield from _wrong(arguments[1], item, f"{place}.{name}")
    elif origin is Literal:
        if value not in arguments:
            yield f"{place}: {value!r} is none of {arguments}"
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        if value not in {one.value for one in kind}:
            yield f"{place}: {value!r} is none of {[one.value for one in kind]}"
    elif hasattr(kind, "from_json") or hasattr(value, "to_json"):
        yield from _wrong_object(kind, value, place)
    elif not _is(kind, value):
        yield f"{place}: {value!r} is no {getattr(kind, '__name__', kind)}"


def _wrong_object(kind: Any, value: Any, place: str) -> Iterator[str]:
    if hasattr(value, "to_json"):
        made = value
    elif isinstance(value, Mapping):
        try:
            made = kind.from_json(value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            yield f"{place}: cannot be read: {error!r}"
            return
        yield from _dropped(value, json.loads(json.dumps(made, cls=JSONEncoder)), place)
    else:
        yield f"{place}: {value!r} is no object"
        return
    if isinstance(made, runtime.UnknownDataquery):
        return
    for name, field in get_type_hints(type(made)).items():
        inner = getattr(made, name)
        if inner is not None:
            # What a type of panel has of its own is any object to the panel, and was read by its plugin.
            yield from _wrong(type(inner) if hasattr(inner, "to_json") else field, inner, f"{place}.{name}")


def _dropped(given: Any, kept: Any, place: str) -> Iterator[str]:
    """Yield what was given and is not there any more after it was read."""
    if isinstance(given, Mapping) and isinstance(kept, Mapping):
        for name, value in given.items():
            if name in kept:
                yield from _dropped(value, kept[name], f"{place}.{name}")
            else:
                yield f"{place}.{name}: unknown field"
    elif isinstance(given, list) and isinstance(kept, list):
        for number, (value, one) in enumerate(zip(given, kept, strict=True)):
            yield from _dropped(value, one, f"{place}[{number}]")


def _is(kind: Any, value: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _wrong_overrides(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield overrides of fields that a panel's type does not have: to the schema they may be anything."""
    for number, panel in enumerate(document["panels"]):
        plugin = runtime.panelcfg_config(panel["type"])
        for rule in panel.get("fieldConfig", {}).get("overrides", ()):
            for one in rule["properties"]:
                place = f"$.panels[{number}].overrides[{rule['matcher']['options']}].{one['id']}"
                if not one["id"].startswith(_CUSTOM):
                    yield from _wrong(dashboard.FieldConfig, {one["id"]: one["value"]}, place)
                elif plugin is None or plugin.field_config_from_json_hook is None:
                    yield f"{place}: this type of panel has no fields of its own"
                else:
                    given = {one["id"].removeprefix(_CUSTOM): one["value"]}
                    made = plugin.field_config_from_json_hook(given)
                    yield from _wrong(type(made), given, place)
