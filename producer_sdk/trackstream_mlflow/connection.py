"""What the stores at one tracking URI share: the producer, and the address of the server."""

from __future__ import annotations

import logging
import os
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from mlflow.utils.credentials import get_default_host_creds

from trackstream import destination, directory_server, exit_hooks
from trackstream.client import Client
from trackstream_mlflow.address import Address, address_of, is_ours
from trackstream_mlflow.errors import as_mlflow
from trackstream_schemas.errors import TrackstreamError, Unavailable

if TYPE_CHECKING:
    from mlflow.utils.rest_utils import MlflowHostCreds

    from trackstream.run import Run

logger = logging.getLogger("trackstream")

_SERVED_STORE = "_MLFLOW_SERVER_FILE_STORE"
"""The environment variable in which `mlflow server` tells its workers their store."""


class StoreConnection:
    """The connection to one store. Thread-safe; made by `connection_to`."""

    def __init__(self, uri: str, address: Address) -> None:
        self._address = address
        self._server: str | None = None
        self._lock = threading.RLock()
        self._client: Client | None = None
        self._runs: dict[str, Run] = {}
        self.buffers = os.environ.get(_SERVED_STORE) != uri
        """Whether what is logged to runs goes through a producer of this process.

        Not in a worker of `mlflow server`, since the next request may come to another worker; and not once
        the process has ended what it buffered.
        """

    def api(self) -> str:
        """Return the http address of the server. Raises MlflowException where none holds the directory."""
        if self._address.api is not None:
            return self._address.api
        directory = Path(self._address.log)
        announced = directory_server.announced(directory)
        if announced is None or announced != self._server:
            self._server = directory_server.address_of(directory)
        if self._server is None:
            raise as_mlflow(
                Unavailable(
                    f"no Trackstream server holds {directory}, and MLflow needs one to read: start it with"
                    f" `trackstream server --dir {directory}`"
                )
            )
        return self._server

    def credentials(self) -> MlflowHostCreds:
        """Return how to reach the server, once all that was logged here is on the log.

        MLflow asks for this before every request, so that every answer knows what was logged before.
        """
        self.flush()
        return get_default_host_creds(self.api())

    def flush(self) -> None:
        """Wait until all that was logged is on the log. Raises MlflowException where it takes too long."""
        client = self._client
        if client is not None and self.buffers and not client.flush():
            raise as_mlflow(
                Unavailable(f"the log at {self._address.log} did not take what was logged before")
            )

    def client(self) -> Client:
        """Return the SDK's client, opened on first use."""
        with self._lock:
            if self._client is None:
                self._client = Client(self._address.log, settings=destination.settings())
            return self._client

    def run(self, run_id: str) -> Run:
        """Return a handle on a run; the first time, the log is asked whether there is such a run."""
        known = self._runs.get(run_id)
        if known is not None:
            return known
        client = self.client()
        run = client.run(run_id)
        with self._lock:
            if run_id not in self._runs:
                client.producer.attach(run_id, client.settings.writer)
            return self._runs.setdefault(run_id, run)

    def let_go(self, run_id: str) -> None:
        """Say that this process logs no more to a run, and forget what is known of it."""
        run = self._runs.pop(run_id, None)
        if run is not None:
            run.close_writer()
            run.release()

    def end(self) -> None:
        """Send what is buffered and buffer nothing more."""
        with self._lock:
            self.buffers = False
            if self._client is not None:
                self._client.close()


def connection_to(uri: str) -> StoreConnection:
    """Return the process's connection to a store. Raises MlflowException for a URI that is not understood."""
    with _making:
        return _connection_to(uri)


@cache
def _connection_to(uri: str) -> StoreConnection:
    try:
        connection = StoreConnection(uri, address_of(uri))
    except TrackstreamError as error:
        raise as_mlflow(error) from error
    if connection.buffers:
        # Before MLflow's own queues register at the exit: what they still hold is then sent before ours ends.
        exit_hooks.install(_finish)
        _buffering.append(connection)
    return connection


_making = threading.Lock()
_buffering: list[StoreConnection] = []
_STATUS_AT: dict[exit_hooks.Ending, str] = {
    "exit": "FINISHED",
    "exception": "FAILED",
    "terminated": "KILLED",
}
_pid = os.getpid()


def _finish(ending: exit_hooks.Ending) -> None:
    """End the active runs, which MLflow would do when we have ended already, and send what is buffered."""
    status = _STATUS_AT.get(ending)
    if status is None:
        for each in _buffering:
            each.flush()
        return
    # A forked child remembers its parent's runs.
    while os.getpid() == _pid and is_ours(mlflow.get_tracking_uri()) and mlflow.active_run() is not None:
        try:
            mlflow.end_run(status)
        except mlflow.MlflowException:
            logger.exception("a run could not be ended")
    for each in _buffering:
        each.end()
