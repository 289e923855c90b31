"""Names to entities: what `-e NAME` and RUN arguments mean."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trackstream_api.cli.errors import Refused
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.cli.api import Api


def experiment_path(experiment_id: str) -> str:
    """Return the API path of an experiment."""
    return f"/api/v1/experiments/{quote(experiment_id, safe='')}"


def run_path(run_id: str) -> str:
    """Return the API path of a run."""
    return f"/api/v1/runs/{quote(run_id, safe='')}"


def experiment_by_name(api: Api, name: str, view: str = "all") -> dict[str, Any]:
    """Return the experiment of that name, an active one before a deleted one.

    Raises NotFound that suggests the closest names.
    """
    found = list(api.pages("/api/v1/experiments", "experiments", {"name": name, "view": view}, None))
    if found:
        experiment: dict[str, Any] = min(found, key=lambda item: item["lifecycle_stage"] != "active")
        return experiment
    known = [item["name"] for item in api.pages("/api/v1/experiments", "experiments", {"view": view}, 10_000)]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    raise NotFound(f"no experiment named {name!r} in {api.where}{hint}")


def experiment_by_name_or_id(api: Api, given: str, view: str = "all") -> dict[str, Any]:
    """Return the experiment that `given` names, else the one with that id."""
    try:
        return experiment_by_name(api, given, view)
    except NotFound as by_name:
        if not given.isdecimal():
            raise
        try:
            experiment: dict[str, Any] = api.get(experiment_path(given))
        except Refused as by_id:
            raise by_name from by_id
        return experiment


def experiment_ids(api: Api, names: Sequence[str], ids: Sequence[str]) -> list[str] | None:
    """Return the ids that -e and --experiment-id choose together; None where neither was given."""
    if not names and not ids:
        return None
    for experiment_id in ids:
        api.get(experiment_path(experiment_id))
    named = [experiment_by_name(api, name)["experiment_id"] for name in names]
    return list(dict.fromkeys([*ids, *named]))
