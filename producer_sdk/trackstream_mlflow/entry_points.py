"""What MLflow loads by name while it is itself being imported; so nothing is imported here before a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository
    from mlflow.store.model_registry.rest_store import RestStore

    from trackstream_mlflow.store import TrackstreamStore


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> TrackstreamStore:
    """Return the tracking store at `store_uri`. Where artifacts go is for Trackstream's server to say."""
    from trackstream_mlflow.connection import connection_to
    from trackstream_mlflow.store import TrackstreamStore

    return TrackstreamStore(connection_to(store_uri))


def registry_store(store_uri: str, tracking_uri: str | None = None) -> RestStore:
    """Return the model registry at `store_uri`."""
    from mlflow.store.model_registry.rest_store import RestStore

    from trackstream_mlflow.connection import connection_to

    return RestStore(connection_to(store_uri).credentials)


def artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> ArtifactRepository:
    """Return all artifacts of the store at `artifact_uri`, for `mlflow server --artifacts-destination`."""
    from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository

    from trackstream_mlflow.connection import connection_to

    return MlflowArtifactsRepository("mlflow-artifacts:/", connection_to(artifact_uri).api(), registry_uri)


def proxied_artifacts(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> ArtifactRepository:
    """Return the artifacts at an `mlflow-artifacts:` URI.

    Stands in for MLflow's own class, which only knows servers at http addresses; for those nothing changes.
    """
    from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
    from mlflow.tracking._tracking_service.utils import get_tracking_uri

    from trackstream_mlflow.address import is_ours
    from trackstream_mlflow.connection import connection_to

    where = tracking_uri or get_tracking_uri()
    if is_ours(where):
        where = connection_to(where).api()
    return MlflowArtifactsRepository(artifact_uri, where, registry_uri)
