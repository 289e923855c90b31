"""Names to entities: what `-e NAME` and RUN arguments mean."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trackstream_api.cli.errors import Refused
from trackstream_schemas.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.cli.api import Api

SHORTEST_PART = 6
"""Characters of a run id that are enough to name the run by its id's start or end."""
SEARCH = "/api/v1/runs/search"
SYSTEM_METRICS = "system/"
LAUNCHES = "/api/v1/launches"
LAUNCH_ID_LENGTH = 32
_MOST_LISTED = 5
_SAMPLE = 200


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
    named = [_id_of_named(api, name) for name in names]
    return list(dict.fromkeys([*ids, *named]))


def _id_of_named(api: Api, name: str) -> str:
    try:
        return str(experiment_by_name(api, name)["experiment_id"])
    except NotFound as error:
        if not name.isdecimal():
            raise
        try:
            found = api.get(experiment_path(name))
        except Refused:
            raise error from None
        hint = f"--experiment-id {name} is the experiment {found['name']!r}"
        raise NotFound(f"no experiment named {name!r} in {api.where}; {hint}") from error


def run_id_of(api: Api, given: str) -> str:
    """Return the id of the run that `given` names: its id, or the start or end of the id of just one run.

    A part has at least SHORTEST_PART characters. Raises InvalidInput where it fits several runs, and the
    server's own refusal where it fits none.
    """
    try:
        return str(api.get(run_path(given))["run_id"])
    except Refused as error:
        # Other characters would be wildcards of LIKE, or quotation marks.
        if error.status != 404 or len(given) < SHORTEST_PART or not (given.isascii() and given.isalnum()):
            raise
        found: dict[str, str] = {}
        for pattern in (f"{given}%", f"%{given}"):
            body = {"filter": f"run_id LIKE '{pattern}'", "view": "all"}
            for run in api.search_pages(SEARCH, "runs", body, _MOST_LISTED + 1):
                found[run["run_id"]] = f"{run['run_id']} ({run['name']})"
        if not found:
            raise
        if len(found) > 1:
            listed = ", ".join(list(found.values())[:_MOST_LISTED])
            more = " and more" if len(found) > _MOST_LISTED else ""
            right = f"the start or end of one run's id; it fits {listed}{more}"
            raise InvalidInput("RUN_ID", given, right) from error
        return next(iter(found))


def run_id_or_newest_named(api: Api, given: str) -> str:
    """Return the id of the run that `given` names as `run_id_of` takes it, else of the newest run with that
    name.

    Raises what `run_id_of` raises.
    """
    try:
        return run_id_of(api, given)
    except (Refused, InvalidInput):
        quoted = given.replace("'", "''")
        body = {"filter": f"attributes.run_name = '{quoted}'", "order_by": ["start_time DESC"]}
        for run in api.search_pages(SEARCH, "runs", body, 1):
            return str(run["run_id"])
        raise


def launch_id_of(api: Api, given: str) -> str:
    """Return the id of the launch that `given` names: its id, or the start or end of the id of just one
    launch.

    Raises InvalidInput for a part of less than SHORTEST_PART characters and where it fits several, NotFound
    where it fits none.
    """
    if len(given) >= LAUNCH_ID_LENGTH:
        return given
    if len(given) < SHORTEST_PART:
        raise InvalidInput("LAUNCH_ID", given, f"at least {SHORTEST_PART} characters of its id")
    found = list(api.pages(LAUNCHES, "launches", {"id_part": given}, _MOST_LISTED + 1))
    if not found:
        raise NotFound(f"no launch whose id is, begins with or ends with {given!r} in {api.where}")
    if len(found) > 1:
        listed = ", ".join(f"{one['launch_id']} ({one['state']})" for one in found[:_MOST_LISTED])
        more = " and more" if len(found) > _MOST_LISTED else ""
        right = f"the start or end of one launch's id; it fits {listed}{more}"
        raise InvalidInput("LAUNCH_ID", given, right)
    return str(found[0]["launch_id"])


def shortened(ids: Sequence[str], shortest: int = 12) -> list[str]:
    """Return the beginnings that tell ids apart, of at least so many characters.

    The first 12 characters of our ids are their moment, so they seldom fit any other id either.
    """
    length = next(
        (
            length
            for length in range(shortest, LAUNCH_ID_LENGTH)
            if len({one[:length] for one in ids}) == len(ids)
        ),
        LAUNCH_ID_LENGTH,
    )
    return [one[:length] for one in ids]


def metric_hint(api: Api, metric: str, experiment_ids: Sequence[str] | None) -> str:
    """Return `; did you mean …` or which metrics there are, for a metric that no run has; else nothing.

    Looks at the newest runs only, which is enough for a hint.
    """
    runs = api.search_pages(SEARCH, "runs", {"experiment_ids": experiment_ids}, _SAMPLE)
    known = sorted({key for run in runs for key in run["metrics"]})
    if not known or metric in known:
        return ""
    close = difflib.get_close_matches(metric, known, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(map(repr, close))}?"
    own = [key for key in known if not key.startswith(SYSTEM_METRICS)] or known
    return f"; there are {', '.join(own[:_MOST_LISTED])}{' …' if len(own) > _MOST_LISTED else ''}"
