"""Docker's API as far as launches use it: images are directories, containers are processes here."""

from __future__ import annotations

import io
import json
import secrets
import signal
import struct
import tarfile
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from tests.integration.projects.api_stub import ApiStub, Asked, Reply
from tests.integration.projects.stub_process import CODE, StubProcess
from tests.published_api import Published, PublishedApi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

ENGINE = Published(
    "github.com/moby/moby/api",
    "v1.56.1",
    "swagger.yaml",
    "h1:PpWkvVPB7Fr/No8w+TfyJ/I6rWZ2YPZhT3JorIg+06c=",
)
_FRAME = struct.Struct(">BxxxL")


@dataclass(slots=True)
class Image:
    """An image that is here."""

    id: str
    place: Path
    has_code: bool = False


@dataclass(slots=True)
class Container:
    """A container, made and perhaps started."""

    id: str
    config: dict[str, Any]
    image: Image
    process: StubProcess | None = None
    removed: threading.Event = field(default_factory=threading.Event)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.exit_code is None


@cache
def engine_api() -> PublishedApi:
    """Return Docker's API as published."""
    with ENGINE.path().open("rb") as file:
        document = yaml.load(file, Loader=yaml.CSafeLoader)
    return PublishedApi(document, document["basePath"], slashes=True)


class DockerEngine(ApiStub):
    """A Docker that has `local` images and gets those of `registry` when they are pulled."""

    def __init__(self, place: Path, local: tuple[str, ...] = (), registry: tuple[str, ...] = ()) -> None:
        super().__init__(engine_api())
        self._place = place
        self.images = {name: self._new_image() for name in local}
        self.registry = set(registry)
        self.containers: dict[str, Container] = {}
        self.away = False
        """Whether it answers with errors only."""
        self.before_start: Callable[[str], object] = lambda _: None
        """Called with the name of a container that is about to be started."""
        self.pushed: dict[str, Image] = {}
        """By name and digest."""
        self.routes |= {
            ("GET", "/version"): self._version,
            ("GET", "/images/{name}/json"): self._inspect_image,
            ("POST", "/images/create"): self._pull,
            ("POST", "/images/{name}/push"): self._push,
            ("POST", "/build"): self._build,
            ("POST", "/containers/create"): self._create,
            ("POST", "/containers/{id}/start"): self._start,
            ("POST", "/containers/{id}/wait"): self._wait,
            ("POST", "/containers/{id}/kill"): self._kill,
            ("GET", "/containers/{id}/json"): self._inspect,
            ("GET", "/containers/{id}/logs"): self._logs,
            ("DELETE", "/containers/{id}"): self._remove,
        }

    @property
    def url(self) -> str:
        """What DOCKER_HOST is to be."""
        return f"tcp://{self.address}"

    def __exit__(self, *_: object) -> None:
        for container in self.containers.values():
            if container.process is not None:
                container.process.kill()
        super().__exit__()

    def answer(self, method: str, target: str, headers: Mapping[str, str], data: bytes) -> Reply:
        if self.away:
            return self.refusal(503, "Docker is away")
        return super().answer(method, target, headers, data)

    def _new_image(self) -> Image:
        name = secrets.token_hex(32)
        place = self._place / "images" / name[:12]
        place.mkdir(parents=True)
        return Image(f"sha256:{name}", place)

    def _version(self, _: Asked) -> Reply:
        return Reply(200, {"ApiVersion": "1.56", "MinAPIVersion": "1.44", "Version": "stub", "Os": "linux"})

    def _inspect_image(self, asked: Asked) -> Reply:
        name = asked.values["name"]
        image = self.images.get(name)
        if image is None:
            return self.refusal(404, f"No such image: {name}")
        return Reply(200, {"Id": image.id, "RepoTags": [name]})

    def _pull(self, asked: Asked) -> Reply:
        name = f"{asked.query['fromImage']}:{asked.query['tag']}"
        if name not in self.registry:
            text = f"pull access denied for {name}, repository does not exist or may require 'docker login'"
            return self.refusal(404, text)
        self.images[name] = self._new_image()
        return _lines({"status": f"Pulling from {name}"}, {"status": "Status: Downloaded newer image"})

    def _push(self, asked: Asked) -> Reply:
        name = f"{asked.values['name']}:{asked.query['tag']}"
        if "refused" in name:
            return _lines({"errorDetail": {"message": "denied"}, "error": "denied: no access to it"})
        image = self.images[name]
        self.pushed[f"{name}@{image.id}"] = image
        facts = {"Tag": asked.query["tag"], "Digest": image.id, "Size": 1}
        return _lines({"status": "Pushed"}, {"progressDetail": {}, "aux": facts})

    def _build(self, asked: Asked) -> Reply:
        """Do what FROM, COPY and RUN say; the build is one of the time before it had steps at once."""
        image = self._new_image()
        context = self._place / "contexts" / image.place.name
        with tarfile.open(fileobj=io.BytesIO(asked.body)) as archive:
            archive.extractall(context, filter="tar")
        said: list[dict[str, Any]] = []
        for line in (context / asked.query["dockerfile"]).read_text().splitlines():
            word, _, rest = line.strip().partition(" ")
            said.append({"stream": f"Step : {line}\n"})
            if word == "FROM" and not any(rest in (name, one.id) for name, one in self.images.items()):
                said.append({"error": f"no image {rest}"})
                return _lines(*said)
            if word == "RUN" and rest == "false":
                said.append({"error": "The command 'false' returned a non-zero code: 1"})
                return _lines(*said)
            if word == "COPY" and rest.endswith(f" {CODE}/"):
                _copy(context / rest.split()[0], image.place)
                image.has_code = True
        self.images[asked.query["t"]] = image
        return _lines(*said, {"aux": {"ID": image.id}})

    def _create(self, asked: Asked) -> Reply:
        image = next((one for one in self.images.values() if one.id == asked.body["Image"]), None)
        if image is None:
            return self.refusal(404, f"No such image: {asked.body['Image']}")
        name = asked.query["name"]
        if name in self.containers:
            return self.refusal(409, f"Conflict. The container name {name} is already in use")
        self.containers[name] = Container(secrets.token_hex(32), asked.body, image)
        return Reply(201, {"Id": self.containers[name].id, "Warnings": ["Your kernel does not support swap"]})

    def _start(self, asked: Asked) -> Reply:
        container = self._known(asked)
        if container is None:
            return self._unknown(asked)
        devices = container.config["HostConfig"].get("DeviceRequests") or ()
        if any(request.get("Count") == 99 for request in devices):
            return self.refusal(500, "could not select device driver with capabilities: [[gpu]]")
        self.before_start(asked.values["id"])
        command = [*(container.config.get("Entrypoint") or ()), *container.config["Cmd"]]
        variables = dict(text.partition("=")[::2] for text in container.config["Env"])
        container.process = StubProcess(command, variables, container.image.place)
        return Reply(204)

    def _wait(self, asked: Asked) -> Reply:
        container = self._known(asked)
        if container is None or container.process is None:
            return self._unknown(asked)

        def wait() -> Iterator[bytes]:
            # Docker's head of the answer comes at once, and the rest at the end.
            yield b" "
            assert container.process is not None
            yield json.dumps({"StatusCode": container.process.wait()}).encode()

        return Reply(200, stream=wait())

    def _kill(self, asked: Asked) -> Reply:
        container = self._known(asked)
        if container is None:
            return self._unknown(asked)
        if not container.is_running or container.process is None:
            return self.refusal(409, f"Container {container.id} is not running")
        container.process.signal(signal.Signals[asked.query["signal"]])
        return Reply(204)

    def _inspect(self, asked: Asked) -> Reply:
        container = self._known(asked)
        if container is None:
            return self._unknown(asked)
        code = container.process.exit_code if container.process is not None else 0
        state = {
            "Running": container.is_running,
            "ExitCode": code or 0,
            "OOMKilled": code == 137,
            "Error": "",
        }
        config = {"Tty": bool(container.config.get("Tty")), "Labels": container.config["Labels"]}
        return Reply(200, {"Id": container.id, "State": state, "Config": config})

    def _logs(self, asked: Asked) -> Reply:
        container = self._known(asked)
        if container is None or container.process is None:
            return self._unknown(asked)
        pieces = container.process.follow(asked.query["follow"] == "1")
        if container.config.get("Tty"):
            return Reply(200, stream=(piece for _, piece in pieces), content_type=_STREAM)
        framed = (_FRAME.pack(number, len(piece)) + piece for number, piece in pieces)
        return Reply(200, stream=framed, content_type=_STREAM)

    def _remove(self, asked: Asked) -> Reply:
        container = self._known(asked)
        if container is None:
            return self._unknown(asked)
        if container.is_running and container.process is not None:
            if asked.query.get("force") not in ("1", "True", "true"):
                return self.refusal(409, "cannot remove a running container")
            container.process.kill()
            container.process.wait()
        self.containers = {name: one for name, one in self.containers.items() if one is not container}
        container.removed.set()
        return Reply(204)

    def _known(self, asked: Asked) -> Container | None:
        key = asked.values["id"]
        return next((one for name, one in self.containers.items() if key in (name, one.id)), None)

    def _unknown(self, asked: Asked) -> Reply:
        return self.refusal(404, f"No such container: {asked.values['id']}")


_STREAM = "application/vnd.docker.multiplexed-stream"


def _lines(*lines: dict[str, Any]) -> Reply:
    return Reply(200, stream=(json.dumps(line).encode() + b"\r\n" for line in lines))


def _copy(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        to = target / path.relative_to(source)
        if path.is_dir():
            to.mkdir(exist_ok=True)
        else:
            to.write_bytes(path.read_bytes())
            to.chmod(path.stat().st_mode)
