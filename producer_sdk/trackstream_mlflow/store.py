"""MLflow's tracking store: metrics, params and tags of runs to the log, all else to the server."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mlflow.entities import RunInfo, RunStatus
from mlflow.entities.dataset_summary import _DatasetSummary
from mlflow.protos.service_pb2 import SearchDatasets
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils import validation
from mlflow.utils.proto_json_utils import message_to_json

from trackstream_mlflow.errors import as_mlflow
from trackstream_schemas import events as e
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlflow.entities import Metric, Param, Run, RunTag

    from trackstream.run import Run as Handle
    from trackstream_mlflow.connection import StoreConnection

RUN_NAME_TAG = "mlflow.runName"
_INT64 = range(-(1 << 63), 1 << 63)
_MILLISECONDS = range(9_223_372_036_855)


_P = ParamSpec("_P")
_T = TypeVar("_T")


def _as_mlflow(method: Callable[_P, _T]) -> Callable[_P, _T]:
    @wraps(method)
    def translated(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return method(*args, **kwargs)
        except TrackstreamError as error:
            raise as_mlflow(error) from error

    return translated


class TrackstreamStore(RestStore):
    """Buffers what is logged to runs and sends it to the log in the background, as the SDK does.

    A call that returned has checked its values; what the log does not take afterwards is counted and warned
    of. Every request to the server first waits until the log has what was logged before.
    """

    def __init__(self, connection: StoreConnection) -> None:
        super().__init__(connection.credentials)
        self._connection = connection
        self._known: dict[str, RunInfo] = {}
        self._names: set[str] = set()

    def log_metric(self, run_id: str, metric: Metric) -> None:
        """Buffer one point; never waits, except for the first of a run."""
        if not self._connection.buffers:
            super().log_metric(run_id, metric)
            return
        try:
            run = self._connection.run(run_id)
            self._check(metric)
            run.log_metric(metric.key, metric.value, metric.step, metric.timestamp)
        except TrackstreamError as error:
            raise as_mlflow(error) from error
        if metric.model_id:
            self._log_model_metrics(run_id, [metric])

    @_as_mlflow
    def log_param(self, run_id: str, param: Param) -> None:
        """Buffer a param. One that this process knows to have another value is refused."""
        if not self._connection.buffers:
            super().log_param(run_id, param)
            return
        checked = validation._validate_param(param.key, param.value)
        self._connection.run(run_id).log_params({checked.key: checked.value or ""})

    @_as_mlflow
    def set_tag(self, run_id: str, tag: RunTag) -> None:
        """Buffer a tag."""
        if not self._connection.buffers:
            super().set_tag(run_id, tag)
            return
        checked = validation._validate_tag(tag.key, tag.value)
        self._set_tags(self._connection.run(run_id), {checked.key: checked.value or ""})

    @_as_mlflow
    def log_batch(
        self, run_id: str, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
    ) -> None:
        """Buffer points, params and tags: all or, where one is not valid, none."""
        if not self._connection.buffers:
            super().log_batch(run_id, metrics, params, tags)
            return
        validation._validate_batch_log_limits(metrics, params, tags)
        validation._validate_param_keys_unique(params)
        _, params, tags = validation._validate_batch_log_data([], params, tags)
        run = self._connection.run(run_id)
        for index, metric in enumerate(metrics):
            self._check(metric, f"metrics[{index}]")
        if params:
            run.log_params({param.key: param.value or "" for param in params})
        for metric in metrics:
            run.log_metric(metric.key, metric.value, metric.step, metric.timestamp)
        self._set_tags(run, {tag.key: tag.value or "" for tag in tags})
        self._log_model_metrics(run_id, metrics)

    @_as_mlflow
    def update_run_info(
        self, run_id: str, run_status: int | None, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        """Change a run. Its end goes to the log like what was logged before, and is waited for."""
        status = None if run_status is None else RunStatus.to_string(run_status)
        known = self._known.get(run_id)
        ends = status in e.TERMINAL_STATUSES and end_time is not None and not run_name
        if known is None or not ends or not self._connection.buffers:
            self._known.pop(run_id, None)
            if ends:
                self._connection.let_go(run_id)
            return super().update_run_info(run_id, run_status, end_time, run_name)
        self._connection.run(run_id).set_terminated(str(status), end_time)
        self._connection.let_go(run_id)
        # What the log does not take in time stays buffered, and a finished training is none the worse for it.
        self._connection.client().flush()
        return known._copy_with_overrides(run_status, end_time)

    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: Sequence[RunTag], run_name: str
    ) -> Run:
        """Make a run at the server, which checks that the experiment is active."""
        run = super().create_run(experiment_id, user_id, start_time, tags, run_name)
        self._known[run.info.run_id] = run.info
        return run

    def delete_run(self, run_id: str) -> None:
        """Hide a run; this process asks again before it logs to it."""
        self._known.pop(run_id, None)
        self._connection.let_go(run_id)
        super().delete_run(run_id)

    def _search_datasets(self, experiment_ids: Sequence[str]) -> list[_DatasetSummary]:
        """Return the data sets of experiments: for `mlflow server`, whose UI lists them."""
        request = message_to_json(SearchDatasets(experiment_ids=experiment_ids))
        answer = self._call_endpoint(SearchDatasets, request)
        return [
            _DatasetSummary(found.experiment_id, found.name, found.digest, found.context or None)
            for found in answer.dataset_summaries
        ]

    def _check(self, metric: Metric, path: str = "") -> None:
        if (
            metric.key in self._names
            and type(metric.value) is float
            and type(metric.step) is int
            and metric.step in _INT64
            and metric.timestamp in _MILLISECONDS
        ):
            return
        validation._validate_metric(metric.key, metric.value, metric.timestamp, metric.step, path)
        validation._validate_length_limit("Metric name", validation.MAX_ENTITY_KEY_LENGTH, metric.key)
        self._names.add(metric.key)

    def _set_tags(self, run: Handle, tags: dict[str, Any]) -> None:
        if RUN_NAME_TAG in tags:
            self._known.pop(run.run_id, None)
        run.set_tags(tags)

    def _log_model_metrics(self, run_id: str, metrics: Sequence[Metric]) -> None:
        """Buffer what was measured of logged models; the server does the same with what comes by REST."""
        for model_id in dict.fromkeys(metric.model_id for metric in metrics if metric.model_id):
            points = [
                e.ModelMetric(
                    metric.key,
                    float(metric.value),
                    metric.step or 0,
                    metric.timestamp,
                    metric.dataset_name or None,
                    metric.dataset_digest or None,
                )
                for metric in metrics
                if metric.model_id == model_id
            ]
            self._connection.client().producer.emit(
                e.LoggedModelMetricsLogged(model_id, run_id, points), run_id=run_id
            )
