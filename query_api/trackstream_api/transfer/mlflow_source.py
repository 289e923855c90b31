"""An existing MLflow store, read by MLflow's own code: the only module here that imports mlflow."""

from __future__ import annotations

import json
import logging
import os
import warnings
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

from trackstream_api.transfer.errors import MlflowMissing, SourceUnreadable
from trackstream_api.transfer.mlflow_facts import History
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PAGE = 1000
_SMALL_PAGE = 100
_ROWS_AT_ONCE = 20_000
_PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"


class MlflowSource:
    """Reads a file store's directory, a database URI or a server's address. Used by one thread.

    Methods raise SourceUnreadable where MLflow cannot read the store. Entities are MLflow's own.
    """

    def __init__(self, uri: str) -> None:
        """Raises MlflowMissing, InvalidInput for a store that is not there, SourceUnreadable."""
        self.uri = _checked(uri)
        # MLflow refuses file stores unless it is told that they are meant.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        warnings.simplefilter("ignore")
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            from mlflow.tracking._model_registry import utils as registry_stores
            from mlflow.tracking._tracking_service import utils as tracking_stores
        except ImportError as error:
            raise MlflowMissing(
                f"reading an MLflow store needs the package mlflow: pip install mlflow ({error})"
            ) from error
        with _mlflow_errors(self.uri):
            # The artifact root is only for experiments that MLflow would make; a local one would be created.
            self._store: Any = _opened(tracking_stores, self.uri, "mlflow-artifacts:/")
            self._registry: Any = _opened(registry_stores, self.uri, self.uri)

    def experiments(self) -> Iterator[Any]:
        """Yield all experiments, deleted ones too."""
        from mlflow.entities import ViewType

        return self._pages(
            lambda token: self._store.search_experiments(
                view_type=ViewType.ALL, max_results=_PAGE, order_by=["experiment_id ASC"], page_token=token
            )
        )

    def runs(self, experiment_id: str) -> Iterator[Any]:
        """Yield all runs of an experiment, deleted ones too, the oldest first."""
        from mlflow.entities import ViewType

        return self._pages(
            lambda token: self._store.search_runs(
                [experiment_id], "", ViewType.ALL, _SMALL_PAGE, ["attributes.start_time ASC"], token
            )
        )

    def histories(self, run_id: str, keys: list[str]) -> Iterator[History]:
        """Yield all points of a run's metrics, key by key; a long history in several parts."""
        engine = getattr(self._store, "engine", None)
        if engine is not None:
            yield from self._rows(engine, run_id)
            return
        for key in sorted(keys):
            points = list(
                self._pages(
                    lambda token, key=key: self._store.get_metric_history(  # type: ignore[misc]
                        run_id, key, max_results=None if token is None else _ROWS_AT_ONCE, page_token=token
                    )
                )
            )
            points.sort(key=lambda point: (point.timestamp, point.step))
            yield _history(key, [(point.step, point.timestamp, point.value) for point in points])

    def _rows(self, engine: Any, run_id: str) -> Iterator[History]:
        """Read the metrics' table itself: no object a point."""
        from mlflow.store.tracking.dbmodels.models import SqlMetric
        from sqlalchemy import select

        table = SqlMetric.__table__
        columns = table.c
        query = (
            select(columns.key, columns.step, columns.timestamp, columns.value, columns.is_nan)
            .where(columns.run_uuid == run_id)
            .order_by(columns.key, columns.timestamp, columns.step, columns.value)
            .execution_options(yield_per=_ROWS_AT_ONCE)
        )
        with _mlflow_errors(self.uri), engine.connect() as connection:
            for rows in connection.execute(query).partitions():
                keys, steps, timestamps, values, nans = zip(*rows, strict=True)
                whole = [
                    np.array(steps, dtype=np.int64),
                    np.array(timestamps, dtype=np.int64),
                    np.where(np.array(nans, dtype=bool), np.nan, np.array(values, dtype=np.float64)),
                ]
                names = np.array(keys, dtype=object)
                cuts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
                for start, end in pairwise(cuts):
                    yield History(keys[start], *(column[start:end] for column in whole))

    def logged_models(self, experiment_id: str) -> Iterator[Any]:
        """Yield the logged models of an experiment."""
        return self._pages(
            lambda token: self._store.search_logged_models(
                [experiment_id], max_results=_SMALL_PAGE, page_token=token
            )
        )

    def traces(self, experiment_id: str) -> Iterator[dict[str, Any]]:
        """Yield the traces of an experiment, as the JSON of MLflow's message TraceInfo."""
        from mlflow.utils.proto_json_utils import message_to_json

        def page(token: str | None) -> Any:
            found, following = self._store.search_traces(
                locations=[experiment_id], max_results=_SMALL_PAGE, page_token=token
            )
            return _Page(found, following)

        for info in self._pages(page):
            message: dict[str, Any] = json.loads(message_to_json(info.to_proto()))
            yield message

    def spans(self, trace_id: str) -> bytes | None:
        """Return a trace's spans as the file that MLflow's client uploads, or None where there are none."""
        from mlflow.tracing.client import TracingClient

        with _mlflow_errors(self.uri):
            trace = TracingClient(self.uri).get_trace(trace_id)
        if trace is None or not trace.data.spans:
            return None
        text: str = (
            trace.data.to_json() if hasattr(trace.data, "to_json") else json.dumps(trace.data.to_dict())
        )
        return text.encode()

    def registered_models(self) -> Iterator[Any]:
        """Yield all registered models and prompts."""
        for filter_text in ("", _PROMPTS):
            yield from self._pages(
                lambda token, text=filter_text: self._registry.search_registered_models(  # type: ignore[misc]
                    text, _SMALL_PAGE, None, token
                )
            )

    def versions(self, name: str, is_prompt: bool) -> list[Any]:
        """Return all versions of a registered model, by number."""
        quoted = f'"{name}"' if "'" in name else f"'{name}'"
        filter_text = f"name = {quoted}" + (f" AND {_PROMPTS}" if is_prompt else "")
        found = self._pages(
            lambda token: self._registry.search_model_versions(filter_text, _PAGE, None, token)
        )
        return sorted((item for item in found if item.name == name), key=lambda item: int(item.version))

    def files(self, artifact_uri: str, scratch: Path) -> Iterator[tuple[str, Path]]:
        """Yield the path of each file below an artifact URI, and a local copy that the next step removes."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
        from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

        with _mlflow_errors(self.uri):
            repository: Any = get_artifact_repository(artifact_uri, tracking_uri=self.uri)
            local_store = isinstance(repository, LocalArtifactRepository)
            folders = [""]
            while folders:
                for entry in repository.list_artifacts(folders.pop() or None):
                    if entry.is_dir:
                        folders.append(entry.path)
                    elif local_store:
                        yield entry.path, Path(repository.download_artifacts(entry.path))
                    else:
                        local = Path(repository.download_artifacts(entry.path, str(scratch)))
                        yield entry.path, local
                        local.unlink(missing_ok=True)

    def _pages(self, page: Callable[[str | None], Any]) -> Iterator[Any]:
        token = None
        while True:
            with _mlflow_errors(self.uri):
                found = page(token)
            yield from found
            token = getattr(found, "token", None)
            if not token:
                return


def _opened(stores: Any, *where: str) -> Any:
    """Return MLflow's store at a URI. Its public client offers neither bulk reads nor every page."""
    return stores._get_store(*where)


class _Page(list[Any]):
    def __init__(self, items: list[Any], token: str | None) -> None:
        super().__init__(items)
        self.token = token


def _history(key: str, points: list[tuple[int, int, float]]) -> History:
    steps, timestamps, values = zip(*points, strict=True) if points else ((), (), ())
    return History(
        key,
        np.array(steps, dtype=np.int64),
        np.array(timestamps, dtype=np.int64),
        np.array(values, dtype=np.float64),
    )


def _checked(uri: str) -> str:
    """Return the URI as MLflow wants it. MLflow would make a store where there is none."""
    if uri.startswith("sqlite:///"):
        path = Path(unquote(urlsplit(uri).path)[1:])
        if not path.is_file():
            raise InvalidInput("URI", uri, f"a database that exists; {path} is no file")
        return uri
    if "://" in uri and not uri.startswith("file:"):
        return uri
    path = Path(unquote(urlsplit(uri).path)) if uri.startswith("file:") else Path(uri).expanduser()
    if not path.is_dir():
        raise InvalidInput(
            "URI",
            uri,
            "an MLflow store: a directory (./mlruns), a database (sqlite:///mlflow.db) or a server (http://…)",
        )
    if not any(path.glob("*/meta.yaml")) and not any(path.glob("models/*/meta.yaml")):
        raise InvalidInput("URI", uri, "a directory that MLflow has written to (such as ./mlruns)")
    return path.absolute().as_uri()


@contextmanager
def _mlflow_errors(uri: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    kinds: tuple[type[Exception], ...] = (MlflowException, OSError)
    try:
        from sqlalchemy.exc import SQLAlchemyError

        kinds = (*kinds, SQLAlchemyError)
    except ImportError:
        pass
    try:
        yield
    except kinds as error:
        raise SourceUnreadable(f"{uri}: {error}") from error
