"""The fluent functions: MLflow's names and meanings, over one implied client and the thread's active run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream import destination, sessions
from trackstream_schemas.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from trackstream.client import Client, Experiment
    from trackstream.delivery import DeliveryReport
    from trackstream.model_registry import ModelVersion
    from trackstream.run import Run

_active = sessions.active


def set_tracking_uri(uri: str | os.PathLike[str]) -> None:
    """Log to a directory (made where it does not exist), a server (http://host:port) or a Kafka cluster
    (kafka://host:port); `offline:DIR` keeps everything in DIR for `trackstream sync`.

    The default is TRACKSTREAM_URI, else ./trackstream-data. Runs that are active stay where they are.
    """
    destination.set_tracking_uri(uri)


def get_tracking_uri() -> str:
    """Return where is logged: an absolute directory, or a server's address."""
    return destination.tracking_uri()


def create_experiment(
    name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
) -> str:
    """Make an experiment and return its id. Raises AlreadyExists where the name is taken."""
    return sessions.client().create_experiment(name, artifact_location, tags)


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Make an experiment the one of later runs: by name (made where there is none) or by id.

    Raises NotFound for an id that does not exist and Conflict for a deleted experiment.
    """
    if (experiment_name is None) == (experiment_id is None):
        given = (experiment_name, experiment_id)
        raise InvalidInput("experiment_name and experiment_id", given, "exactly one of the two")
    client = sessions.client()
    if experiment_id is not None:
        experiment = client.get_experiment(experiment_id)
        sessions.set_experiment(sessions.ActiveExperiment(experiment_id=experiment_id))
    else:
        assert experiment_name is not None
        experiment = client.get_or_create_experiment(experiment_name)
        sessions.set_experiment(sessions.ActiveExperiment(name=experiment_name))
    return experiment


def register_model(
    model_uri: str, name: str, *, tags: Mapping[str, Any] | None = None, description: str = ""
) -> ModelVersion:
    """Register a version of a model, and the model itself where there is none of that name.

    `model_uri` is where its files are, such as runs:/RUN_ID/model. The log's order gives the number, so it
    is known only where a server could be asked, and None else; see `Client.register_model`.
    """
    return sessions.client().register_model(model_uri, name, tags=tags, description=description)


def set_model_alias(name: str, alias: str, version: int) -> None:
    """Point an alias, such as champion, at a version of a registered model."""
    sessions.client().set_model_alias(name, alias, version)


def delete_experiment(experiment_id: str) -> None:
    """Hide an experiment, until it is restored or garbage collection removes it."""
    sessions.client().delete_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the experiment of later runs."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the experiment of later runs; all of them or, where one is not valid, none."""
    client = sessions.client()
    client.set_experiment_tags(_experiment_id(client), tags)


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
    rewind_to_step: int | None = None,
) -> Run:
    """Start a run, or resume the one with `run_id`, and make it this thread's active run.

    As a context manager the run ends with the block: FINISHED, or FAILED after an exception (sys.exit(0)
    is none). `nested` lets it start inside the active run, whose id becomes the tag mlflow.parentRunId.
    `log_system_metrics` samples the machine (default: the setting). Raises Conflict where a run is active
    and `nested` is not set, or run or experiment are deleted; NotFound where they do not exist. In a forked
    child the parent process's runs are in nobody's way: bare calls log into them, and this leaves them.

    Ranks of one job attach to one run with TRACKSTREAM_RUN_ID and TRACKSTREAM_WRITER (rank0, rank7). The end
    of such a process, of its block or `end_run` ends the run only where it started the run or its writer is
    number 0; any other only closes its writer, and `Client.set_terminated` ends the run in any case.
    `rewind_to_step` resumes from a checkpoint: what the run has logged at greater steps is superseded.
    """
    if rewind_to_step is not None:
        from trackstream_schemas import validate

        validate.step(rewind_to_step, "rewind_to_step")
    if not nested:
        sessions.leave_inherited()
    parent = _active.top
    if parent is not None and not nested:
        raise Conflict(
            f"run {parent.run_id} is active already; end it with trackstream.end_run(), "
            "or start a nested run with start_run(nested=True)"
        )
    client = sessions.client()
    settings = client.settings
    if run_id is None and parent is None:
        run_id = sessions.run_id_to_resume()
    if run_id is None and rewind_to_step is not None:
        raise InvalidInput("rewind_to_step", rewind_to_step, "a run_id beside it: the run to go back in")
    if run_id is None:
        run = _create_run(client, experiment_id, run_name, tags, description, parent)
    else:
        run = _resume_run(client, run_id, experiment_id, run_name, tags, description)
        if rewind_to_step is not None:
            run.rewind(rewind_to_step)
    sampler = None
    if settings.system_metrics if log_system_metrics is None else log_system_metrics:
        from trackstream.system_metrics import SystemMetrics

        sampler = SystemMetrics(run.log_metrics, settings.system_metrics_interval_s)
    sessions.push(run, sampler)
    return run


def _create_run(
    client: Client,
    experiment_id: str | None,
    run_name: str | None,
    tags: Mapping[str, Any] | None,
    description: str | None,
    parent: Run | None,
) -> Run:
    from trackstream import context_tags
    from trackstream.run import checked_tags

    all_tags = context_tags.context_tags()
    if parent is not None:
        all_tags[context_tags.PARENT_RUN_ID] = parent.run_id
    if description is not None:
        all_tags[context_tags.DESCRIPTION] = description
    all_tags.update(checked_tags(tags))
    chosen = _experiment_id(client) if experiment_id is None else experiment_id
    return client.create_run(chosen, run_name=run_name, tags=all_tags)


def _resume_run(
    client: Client,
    run_id: str,
    experiment_id: str | None,
    run_name: str | None,
    tags: Mapping[str, Any] | None,
    description: str | None,
) -> Run:
    from trackstream import context_tags
    from trackstream.run import checked_tags

    if any(run.run_id == run_id for run in _active.stack):
        raise Conflict(f"run {run_id} is active already in this thread")
    new_tags = checked_tags(tags)
    if description is not None:
        new_tags.update(checked_tags({context_tags.DESCRIPTION: description}))
    if run_name is not None:
        from trackstream_schemas import validate

        validate.run_name(run_name)
    run = client.resume_run(run_id, experiment_id)
    if run_name is not None:
        run.rename(run_name)
    run.set_tags(new_tags)
    return run


def _experiment_id(client: Client) -> str:
    from trackstream_schemas.ids import DEFAULT_EXPERIMENT_ID

    chosen = sessions.experiment
    if chosen.experiment_id is None and chosen.name is None:
        chosen = sessions.ActiveExperiment(client.settings.experiment_id, client.settings.experiment_name)
    if chosen.experiment_id is not None:
        return chosen.experiment_id
    if chosen.name is not None:
        return client.get_or_create_experiment(chosen.name).experiment_id
    return DEFAULT_EXPERIMENT_ID


def end_run(status: str = "FINISHED") -> None:
    """End this thread's active run with FINISHED, FAILED or KILLED; without one, do nothing.

    A rank that only takes part in the run ends its part: see `start_run`.

    Returns when the log has everything of it, or flush_timeout_s is over.
    """
    run = _active.top
    if run is None:
        return
    from trackstream.run import terminal_status_of

    sessions.end(run, terminal_status_of(status))


def active_run() -> Run | None:
    """Return this thread's active run."""
    return _active.top


def last_active_run() -> Run | None:
    """Return this thread's active run, or else the one that was active last."""
    return _active.top or _active.last


def delete_run(run_id: str) -> None:
    """Hide a run, until it is restored or garbage collection removes it."""
    sessions.client().delete_run(run_id)


def _run(run_id: str | None) -> Run:
    """Return the run meant: by id, or the active one, started where there is none."""
    if run_id is not None:
        return sessions.client().run(run_id)
    return _active.top or start_run()


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    *,
    timestamp: int | None = None,
    run_id: str | None = None,
) -> None:
    """Log one value of a metric at a step (0 where not given); never waits.

    `value` is a number, or anything with one element and `item()`; NaN and infinities are kept.
    `timestamp` is in milliseconds since the epoch, now where not given.
    """
    run = _active.top
    if run is None or run_id is not None:
        run = _run(run_id)
    run.log_metric(key, value, step, timestamp)


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    *,
    timestamp: int | None = None,
    run_id: str | None = None,
) -> None:
    """Log one value of each metric; all of them or, where one is not valid, none. Never waits."""
    _run(run_id).log_metrics(metrics, step, timestamp)


def log_param(key: str, value: Any, *, run_id: str | None = None) -> Any:
    """Log a param and return its value. Raises ParamConflict where it has another value already."""
    return _run(run_id).log_param(key, value)


def log_params(params: Mapping[str, Any], *, run_id: str | None = None) -> None:
    """Log params; all of them or, where one is not valid or conflicts, none."""
    _run(run_id).log_params(params)


def set_tag(key: str, value: Any, *, run_id: str | None = None) -> None:
    """Set a tag; the last value stands."""
    _run(run_id).set_tag(key, value)


def set_tags(tags: Mapping[str, Any], *, run_id: str | None = None) -> None:
    """Set tags; all of them or, where one is not valid, none."""
    _run(run_id).set_tags(tags)


def delete_tag(key: str, *, run_id: str | None = None) -> None:
    """Remove a tag."""
    _run(run_id).delete_tag(key)


def log_input(
    dataset: Any,
    context: str | None = None,
    tags: Mapping[str, Any] | None = None,
    *,
    run_id: str | None = None,
) -> None:
    """Log a data set that the run reads: anything with `name`, `digest` and `source`."""
    _run(run_id).log_inputs([dataset], [context], [tags])


def log_inputs(
    datasets: Sequence[Any],
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, Any] | None] | None = None,
    *,
    run_id: str | None = None,
) -> None:
    """Log several data sets, each with its context and tags."""
    _run(run_id).log_inputs(datasets, contexts, tags_list)


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, *, run_id: str | None = None
) -> None:
    """Upload a file (or a directory under its name) into the run's folder `artifact_path`."""
    _run(run_id).log_artifact(local_path, artifact_path)


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, *, run_id: str | None = None
) -> None:
    """Upload what is in a directory into the run's folder `artifact_path`."""
    _run(run_id).log_artifacts(local_dir, artifact_path)


def log_text(text: str, artifact_file: str, *, run_id: str | None = None) -> None:
    """Upload a text, in UTF-8, as the artifact `artifact_file`."""
    _run(run_id).log_text(text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, *, run_id: str | None = None) -> None:
    """Upload a dict or list as JSON, or as YAML where `artifact_file` ends with .yaml or .yml."""
    _run(run_id).log_dict(dictionary, artifact_file)


def log_figure(
    figure: Any,
    artifact_file: str,
    *,
    save_kwargs: dict[str, Any] | None = None,
    run_id: str | None = None,
) -> None:
    """Upload a matplotlib or plotly figure; the ending of `artifact_file` says as what."""
    _run(run_id).log_figure(figure, artifact_file, save_kwargs=save_kwargs)


def log_image(image: Any, artifact_file: str, *, run_id: str | None = None) -> None:
    """Upload a PIL image, or an array of shape (H, W[, 1, 3 or 4]) of 0..255 or of floats 0..1."""
    _run(run_id).log_image(image, artifact_file)


def flush(timeout: float | None = None) -> bool:
    """Wait until everything logged before is on the log; False where that took longer (seconds)."""
    done = [client.flush(timeout) for client in sessions.clients()]
    return all(done)


def delivery_report() -> DeliveryReport:
    """Return what became of everything logged to the current tracking URI."""
    return sessions.client().delivery_report()
