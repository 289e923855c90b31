"""MLflow's own tracking server, in this process over a SQLite file: what answers are compared with."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Answer(NamedTuple):
    """Status and JSON body of an answer; the body is the text where it is no JSON."""

    status: int
    body: Any


class ReferenceServer:
    """Answers requests as `mlflow server` does."""

    def __init__(self, directory: Path) -> None:
        database = f"sqlite:///{directory / 'mlflow.db'}"
        os.environ.update(
            {
                "_MLFLOW_SERVER_FILE_STORE": database,
                "_MLFLOW_SERVER_REGISTRY_STORE": database,
                "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
                "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(directory / "artifacts"),
                "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            }
        )
        from mlflow.server import app
        from mlflow.server.handlers import initialize_backend_stores

        initialize_backend_stores(database, database, "mlflow-artifacts:/")
        self._client = app.test_client()

    def ask(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Answer:
        """Return the answer to a request; bytes as body go as they are."""
        options: dict[str, Any] = {"query_string": dict(query or {})}
        if isinstance(body, bytes):
            options |= {"data": body, "content_type": "application/json"}
        elif body is not None:
            options["json"] = body
        found = self._client.open(path, method=method, **options)
        try:
            return Answer(found.status_code, json.loads(found.get_data(as_text=True)))
        except ValueError:
            return Answer(found.status_code, found.get_data(as_text=True))
