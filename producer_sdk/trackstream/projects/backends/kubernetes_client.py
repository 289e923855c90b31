"""The connection to a cluster, and its errors as ours."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackstream.projects.backends.docker_client import check_installed
from trackstream.projects.errors import EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DEFAULT_NAMESPACE = "default"
CONNECT_SECONDS = 10.0
REQUEST_TIMEOUT = (CONNECT_SECONDS, 60.0)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that answers to this user."""

    api: Any
    """An ApiClient."""
    namespace: str
    """Where things are made if nobody says otherwise."""

    @property
    def batch(self) -> Any:
        """Jobs."""
        from kubernetes import client

        return client.BatchV1Api(self.api)

    @property
    def core(self) -> Any:
        """Pods."""
        from kubernetes import client

        return client.CoreV1Api(self.api)


def connect(context: str | None, kubeconfig: str | None = None) -> Cluster:
    """Return the cluster of a context of the kubeconfig, else the one that this process itself runs in.

    Raises EnvironmentFailed, and says what to do.
    """
    check_installed("kubernetes")
    from kubernetes import client, config
    from kubernetes.config.config_exception import ConfigException

    settings = client.Configuration()
    try:
        config.load_kube_config(kubeconfig, context, client_configuration=settings)
        contexts, active = config.list_kube_config_contexts(kubeconfig)
        chosen = next((one for one in contexts if one["name"] == context), active)
        namespace = chosen["context"].get("namespace") or _DEFAULT_NAMESPACE
    except (ConfigException, OSError, ValueError, KeyError, TypeError) as error:
        if context is not None or not _OWN_NAMESPACE.exists():
            raise EnvironmentFailed(
                f"there is no cluster{f' of the context {context}' if context else ''} ({error}): name the"
                " file in KUBECONFIG and, in the backend config, a kube-context that `kubectl config"
                " get-contexts` lists"
            ) from error
        with told("the cluster that this runs in does not let itself be used"):
            config.load_incluster_config(client_configuration=settings)
        namespace = _OWN_NAMESPACE.read_text().strip() or _DEFAULT_NAMESPACE
    return Cluster(client.ApiClient(settings), namespace)


def kubeconfig_path() -> str | None:
    """Return the file that names the clusters, where it is not the usual one."""
    return os.environ.get("KUBECONFIG") or None


def cluster_errors() -> tuple[type[Exception], ...]:
    """Return the classes of errors that the client raises."""
    import urllib3
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException

    return (ApiException, ConfigException, urllib3.exceptions.HTTPError)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Raise errors of the cluster within the block as EnvironmentFailed, beginning with `what`."""
    try:
        yield
    except cluster_errors() as error:
        raise EnvironmentFailed(f"{what}: {said(error)}") from error


def said(error: Exception) -> str:
    """Return what the cluster says, without its headers."""
    try:
        return str(json.loads(str(getattr(error, "body", "")))["message"])
    except (ValueError, KeyError, TypeError):
        return str(getattr(error, "reason", None) or error)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status of an error, if it has one."""
    found: int | None = getattr(error, "status", None)
    return found
