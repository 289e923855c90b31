"""From a launch as the log or a server tells of it to the request that a launcher executes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trackstream.projects.request import Request

if TYPE_CHECKING:
    from trackstream_api.models.launches import Launch
    from trackstream_consumers.folds.launch import LaunchState


def request_of(launch: LaunchState | Launch) -> Request:
    """Return what a launch asks for."""
    return Request(
        launch.launch_id,
        launch.run_id,
        launch.experiment_id,
        launch.uri,
        launch.entry_point,
        launch.project_version,
        dict(launch.parameters),
        launch.backend,
        json.loads(launch.backend_config),
        launch.env_manager,
        dict(launch.docker_args),
        launch.storage_dir,
        launch.queue,
        launch.max_attempts,
        launch.retry_of,
        launch.parent_launch_id,
        launch.user_id,
    )
