"""Trackstream's producer SDK: log experiments, runs, params, metrics and artifacts.

    import trackstream

    trackstream.set_experiment("digits")
    with trackstream.start_run():
        trackstream.log_param("lr", 0.1)
        trackstream.log_metric("loss", 0.25, step=1)

The functions have MLflow's names and meanings. Calls append to memory and return; a background thread
writes to the log, and `flush`, `end_run` and the end of the process wait for it. `Client` does the same by
explicit ids. `search_runs` and `metric_history` read tables. `Settings` lists what can be set by
TRACKSTREAM_* variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream.errors import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    NotFound,
    ParamConflict,
    Rejected,
    StorageFailed,
    TrackstreamError,
    Unavailable,
)
from trackstream.fluent import (
    active_run,
    create_experiment,
    delete_experiment,
    delete_run,
    delete_tag,
    delivery_report,
    end_run,
    flush,
    get_tracking_uri,
    last_active_run,
    log_artifact,
    log_artifacts,
    log_dict,
    log_figure,
    log_image,
    log_input,
    log_inputs,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    log_text,
    register_model,
    set_experiment,
    set_experiment_tag,
    set_experiment_tags,
    set_model_alias,
    set_tag,
    set_tags,
    set_tracking_uri,
    start_run,
)

if TYPE_CHECKING:
    from trackstream.client import Client, Experiment
    from trackstream.delivery import DeliveryReport
    from trackstream.model_registry import ModelVersion
    from trackstream.reading import metric_history, search_runs
    from trackstream.run import Run, RunInfo
    from trackstream.settings import Settings

# numpy, fastavro and pydantic-settings are loaded when they are first needed.
_LAZY = {
    "Client": "trackstream.client",
    "DeliveryReport": "trackstream.delivery",
    "Experiment": "trackstream.client",
    "ModelVersion": "trackstream.model_registry",
    "Run": "trackstream.run",
    "RunInfo": "trackstream.run",
    "Settings": "trackstream.settings",
    "metric_history": "trackstream.reading",
    "search_runs": "trackstream.reading",
}

__all__ = [
    "AlreadyExists",
    "Client",
    "Conflict",
    "DeliveryReport",
    "Experiment",
    "InvalidInput",
    "ModelVersion",
    "NotFound",
    "ParamConflict",
    "Rejected",
    "Run",
    "RunInfo",
    "Settings",
    "StorageFailed",
    "TrackstreamError",
    "Unavailable",
    "active_run",
    "create_experiment",
    "delete_experiment",
    "delete_run",
    "delete_tag",
    "delivery_report",
    "end_run",
    "flush",
    "get_tracking_uri",
    "last_active_run",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_text",
    "metric_history",
    "register_model",
    "search_runs",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_model_alias",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "projects":
        return import_module("trackstream.projects")
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
