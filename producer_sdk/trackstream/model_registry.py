"""Registering models: through a server where there is one, else as events on the log.

Nobody who registers a version chooses its number: the log's order gives it. A server tells it, since it
reads what the log has been folded to. A directory that no server holds and a Kafka cluster only take the
events: the version is as good as registered, but its number is not known here (`ModelVersion.version` is
None), and `trackstream models versions NAME` shows it.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from trackstream.entity_history import registered_model_facts
from trackstream.errors import Rejected
from trackstream_schemas import events as e
from trackstream_schemas import model_uris, topics, validate
from trackstream_schemas.errors import Conflict, InvalidInput, NotFound, Unavailable
from trackstream_schemas.ids import new_id, registered_model_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trackstream.emitter import Emitter
    from trackstream.log.http import ServerConnection
    from trackstream_schemas.events import Body, Event

_ID_ATTEMPTS = 64
_ANSWER_S = 60.0


class ModelVersion(NamedTuple):
    """A version that was registered."""

    name: str
    version: int | None
    """None where no server was there to tell the number."""
    source: str


class ModelRegistry:
    """The registry of the log at `uri`, for one client."""

    def __init__(
        self, uri: str, producer: Emitter, history: Callable[[str, str], list[Event] | None]
    ) -> None:
        """`history` returns an entity's events, or None where the log cannot tell."""
        self._uri = uri
        self._producer = producer
        self._history = history

    def register(self, uri: str, name: str, tags: Mapping[str, Any], description: str) -> ModelVersion:
        """Register a version, and the model where there is none of that name. See `Client.register_model`."""
        name, checked = validate.model_name(name), checked_tags(tags)
        validate.text(description, "description", validate.MAX_MODEL_TEXT)
        run_id, model_id = _ids(uri)
        # What the version is made of must be on the log before it.
        self._flush()
        server = self._server()
        if server is not None:
            with contextlib.closing(server):
                return _registered(server, name, uri, checked, description)
        if model_uris.is_model_uri(uri) and run_id is None and model_id is None:
            right = "runs:/RUN_ID/PATH or models:/MODEL_ID: only a server knows the versions of models"
            raise InvalidInput("model URI", uri, right)
        registered_model_id, is_there = self._find(name)
        bodies: list[Body] = []
        if not is_there:
            bodies.append(e.RegisteredModelCreated(registered_model_id, name, new_id()))
        bodies.append(
            e.ModelVersionCreated(
                registered_model_id,
                new_id(),
                uri,
                run_id=run_id,
                model_id=model_id,
                description=description or None,
                tags=checked,
            )
        )
        self._producer.emit_and_wait(bodies)
        return ModelVersion(name, None, uri)

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Point an alias at a version. See `Client.set_model_alias`."""
        name, alias = validate.model_name(name), validate.new_model_alias(alias)
        version = validate.model_version(version)
        self._flush()
        server = self._server()
        if server is not None:
            with contextlib.closing(server):
                path = f"/api/v1/models/{quote(name, safe='')}/aliases/{quote(alias, safe='')}"
                _send(server, "PUT", path, {"version": version})
            return
        registered_model_id, is_there = self._find(name)
        if not is_there and self._history(topics.REGISTRY, registered_model_id) is not None:
            raise NotFound(f"no registered model named {name!r}")
        self._producer.emit_and_wait([e.ModelAliasSet(registered_model_id, alias, version)])

    def _flush(self) -> None:
        if not self._producer.flush():
            raise Unavailable(f"the log at {self._uri} did not take what was logged before")

    def _find(self, name: str) -> tuple[str, bool]:
        """Return the id of the model of a name, and whether the log shows it; else the id that it will get.

        The log cannot tell of a model that was created under another name: a second one of its name is
        refused when the events are folded.
        """
        free: str | None = None
        for attempt in range(_ID_ATTEMPTS):
            registered_model_id = registered_model_id_of(name, attempt)
            history = self._history(topics.REGISTRY, registered_model_id)
            if history is None:
                return registered_model_id, False
            facts = registered_model_facts(history)
            if facts.stage == "active" and facts.name == name:
                return registered_model_id, True
            if facts.stage != "active":
                free = free or registered_model_id
            if not history:
                break
        if free is None:
            raise Conflict(f"the name {name!r} has been given away by renaming too often; choose another")
        return free, False

    def _server(self) -> ServerConnection | None:
        """Return a connection to the server of the log, if there is one: the URI's, or the directory's."""
        if "://" in self._uri and not self._uri.startswith(("http://", "https://")):
            return None
        from trackstream import directory_server
        from trackstream.log.http import ServerConnection

        if "://" in self._uri:
            return ServerConnection(self._uri, timeout=_ANSWER_S)
        return directory_server.connect(Path(self._uri), _ANSWER_S)


def checked_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Return tags of a version as they may go on the log, or raise InvalidInput."""
    longest = validate.MAX_MODEL_TAG_VALUE
    return {
        validate.key(key, "tag key"): validate.tag_value(value, key, longest) for key, value in tags.items()
    }


def _ids(uri: str) -> tuple[str | None, str | None]:
    """Return the run and the logged model that a URI names. Raises InvalidInput for what is no URI."""
    if model_uris.is_model_uri(uri):
        match model_uris.parse(uri):
            case model_uris.RunFiles(run_id=run_id):
                return run_id, None
            case model_uris.LoggedModel(model_id=model_id):
                return None, model_id
            case _:
                return None, None
    text = validate.text(uri, "model URI", validate.MAX_MODEL_LOCATION)
    if "://" not in text and ":/" not in text:
        raise InvalidInput("model URI", uri, "a URI, such as runs:/RUN_ID/PATH")
    return None, None


def _registered(
    server: ServerConnection, name: str, uri: str, tags: Mapping[str, str], description: str
) -> ModelVersion:
    path = f"/api/v1/models/{quote(name, safe='')}"
    if not server.request("GET", path, missing=False):
        try:
            _send(server, "POST", "/api/v1/models", {"name": name})
        except Rejected:
            # Somebody else may have made it meanwhile; if not, what was wrong is still to be said.
            if not server.request("GET", path, missing=False):
                raise
    request = {"source": uri, "tags": dict(tags), "description": description}
    answer = _send(server, "POST", f"{path}/versions", request)
    return ModelVersion(str(answer["name"]), int(answer["version"]), uri)


def _send(server: ServerConnection, method: str, path: str, body: Mapping[str, Any]) -> Any:
    return server.request(method, path, json.dumps(body).encode(), content_type="application/json")
