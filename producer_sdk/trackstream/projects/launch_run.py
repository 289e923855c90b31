"""The run that a launch logs into: its experiment, its parent, and what is known of it from the beginning."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from trackstream import context_tags
from trackstream.run_names import random_run_name
from trackstream_schemas import events as e
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.ids import DEFAULT_EXPERIMENT_ID, new_id
from trackstream_schemas.secret_texts import without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream.client import Client
    from trackstream.projects.request import Request

LAUNCH_TAG = "trackstream.launch_id"
_ENTRY_POINT = "mlflow.project.entryPoint"
_BACKEND = "mlflow.project.backend"
"""Names of MLflow's (mlflow.utils.mlflow_tags)."""


def chosen_experiment(
    client: Client, name: str | None, experiment_id: str | None, of_run: str | None = None
) -> str:
    """Return the id of the experiment that is named, made where there is none of that name; else the
    environment's, else the default one.

    `of_run` is that of a run which exists: it must be the same. Raises InvalidInput, NotFound, Conflict.
    """
    if name is not None and experiment_id is not None:
        given = (name, experiment_id)
        raise InvalidInput("experiment_name and experiment_id", given, "at most one of the two")
    if name is not None:
        found = client.get_or_create_experiment(name).experiment_id
    elif experiment_id is not None:
        found = client.get_experiment(experiment_id).experiment_id
    elif of_run:
        return of_run
    elif client.settings.experiment_id is not None:
        found = client.get_experiment(client.settings.experiment_id).experiment_id
    elif client.settings.experiment_name is not None:
        found = client.get_or_create_experiment(client.settings.experiment_name).experiment_id
    else:
        found = client.get_experiment(DEFAULT_EXPERIMENT_ID).experiment_id
    if of_run and of_run != found:
        raise InvalidInput("experiment", found, f"{of_run}, which the run belongs to")
    return found


def new_run(
    client: Client,
    request: Request,
    experiment_id: str,
    run_name: str | None,
    further_tags: Mapping[str, str] | None = None,
) -> e.RunStarted:
    """Return the beginning of a new run for a launch; `further_tags` win over what is found out here."""
    parent = parent_run(client)
    found = {} if parent is None else {context_tags.PARENT_RUN_ID: parent}
    return started_run(request, experiment_id, run_name, {**found, **(further_tags or {})})


def started_run(
    request: Request, experiment_id: str, run_name: str | None, further_tags: Mapping[str, str]
) -> e.RunStarted:
    """Return the beginning of a new run of a launch, as far as the request tells, and `further_tags`."""
    name = validate.run_name(run_name or random_run_name())
    tags = {
        context_tags.RUN_NAME: name,
        context_tags.USER: request.user_id,
        context_tags.SOURCE_NAME: without_credentials(request.uri),
        context_tags.SOURCE_TYPE: "PROJECT",
        _ENTRY_POINT: request.entry_point,
        _BACKEND: request.backend,
        LAUNCH_TAG: request.launch_id,
        **further_tags,
    }
    checked = {key: value[: validate.MAX_TAG_VALUE] for key, value in tags.items() if value}
    now = time.time_ns() // 1_000_000
    return e.RunStarted(new_id(), experiment_id, name, now, request.user_id, checked)


def parent_run(client: Client) -> str | None:
    """Return the run that this launch is a part of: the one that is active here, or that this program is."""
    from trackstream import sessions

    if sessions.active.top is not None:
        return sessions.active.top.run_id
    if os.environ.get("TRACKSTREAM_LAUNCH_ID"):
        return client.settings.run_id
    return None
