"""`-A NAME=VALUE`: options of `docker run` as the client takes them.

Source: the options of https://docs.docker.com/reference/cli/docker/container/run/, and the arguments of
docker-py's APIClient.create_host_config and create_container.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SIZE = re.compile(r"(\d+)([bkmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_ULIMIT = re.compile(r"([a-z]+)=(-?\d+)(?::(-?\d+))?")


@dataclass(frozen=True, slots=True)
class ContainerOptions:
    """Arguments of docker-py."""

    host: Mapping[str, Any] = field(default_factory=dict)
    """Of create_host_config."""
    container: Mapping[str, Any] = field(default_factory=dict)
    """Of create_container."""
    copied: tuple[str, ...] = ()
    """Variables to copy from the launcher's environment."""

    @property
    def network(self) -> str | None:
        """The network that was asked for."""
        found: str | None = self.host.get("network_mode")
        return found


def container_options(given: Mapping[str, str]) -> ContainerOptions:
    """Return what `-A` arguments mean. Raises InvalidInput for one that is not known, or not possible."""
    host: dict[str, Any] = {}
    container: dict[str, Any] = {}
    copied: tuple[str, ...] = ()
    for written, value in given.items():
        name = _SHORT.get(written, written)
        where = f"-A {written}"
        if name == "env":
            copied = (*copied, _variable(where, value))
            continue
        if name == "rm":
            # What MLflow always does, and so do we.
            continue
        if name in _REFUSED:
            raise InvalidInput(where, value, f"nothing: {_REFUSED[name]}")
        if name not in _OPTIONS:
            raise InvalidInput(where, value, f"one of {', '.join(sorted([*_OPTIONS, 'env']))}")
        place, key, read = _OPTIONS[name]
        (host if place == "host" else container)[key] = read(where, value)
    return ContainerOptions(host, container, copied)


def _text(where: str, value: str) -> str:
    if not value.strip():
        raise InvalidInput(where, value, f"a value, as in {where}=…")
    return value


def _flag(where: str, value: str) -> bool:
    if value.lower() not in ("", "true", "false"):
        raise InvalidInput(where, value, "true or false, or nothing for true")
    return value.lower() != "false"


def _number(where: str, value: str) -> int:
    if not re.fullmatch(r"-?\d+", value, re.ASCII):
        raise InvalidInput(where, value, "a whole number")
    return int(value)


def _cpus(where: str, value: str) -> int:
    try:
        count = float(value)
        nano = int(count * 1e9)
    except (ValueError, OverflowError):
        nano = 0
    if nano <= 0:
        raise InvalidInput(where, value, "a number of processors, such as 1.5")
    return nano


def _size(where: str, value: str) -> int:
    found = _SIZE.fullmatch(value)
    if found is None:
        raise InvalidInput(where, value, "a size, such as 512m or 4g")
    return int(found[1]) * _UNITS[found[2].lower()]


def _size_or_none(where: str, value: str) -> int:
    return -1 if value == "-1" else _size(where, value)


def _one(where: str, value: str) -> list[str]:
    return [_text(where, value)]


def _label(where: str, value: str) -> dict[str, str]:
    name, _, text = _text(where, value).partition("=")
    return {name: text}


def _tmpfs(where: str, value: str) -> dict[str, str]:
    path, _, options = value.partition(":")
    if not path.startswith("/"):
        raise InvalidInput(where, value, "an absolute path, perhaps with :OPTIONS")
    return {path: options}


def _ulimit(where: str, value: str) -> list[dict[str, Any]]:
    found = _ULIMIT.fullmatch(value)
    if found is None:
        raise InvalidInput(where, value, "NAME=SOFT or NAME=SOFT:HARD, such as nofile=1024:2048")
    return [{"name": found[1], "soft": int(found[2]), "hard": int(found[3] or found[2])}]


def _gpus(where: str, value: str) -> list[dict[str, Any]]:
    request: dict[str, Any] = {"capabilities": [["gpu"]]}
    plain = value.strip("\"'")
    if plain == "all":
        request["count"] = -1
    elif plain.isdecimal() and int(plain) > 0:
        request["count"] = int(plain)
    elif plain.startswith("device=") and plain != "device=":
        request["device_ids"] = plain.removeprefix("device=").split(",")
    else:
        raise InvalidInput(where, value, "all, a number, or device=ID,ID")
    return [request]


def _volume(where: str, value: str) -> list[str]:
    source, _, target = value.partition(":")
    if not source or not target.startswith("/"):
        raise InvalidInput(where, value, "/HOST:/CONTAINER or NAME:/CONTAINER, perhaps with :ro")
    return [value]


def _variable(where: str, value: str) -> str:
    if not value or "=" in value:
        right = "only a NAME, copied from the launcher's environment, since arguments are recorded"
        raise InvalidInput(where, f"{value.partition('=')[0]}=…" if "=" in value else value, right)
    return value


_SHORT = {
    "c": "cpu-shares",
    "d": "detach",
    "e": "env",
    "h": "hostname",
    "i": "interactive",
    "l": "label",
    "m": "memory",
    "net": "network",
    "p": "publish",
    "t": "tty",
    "u": "user",
    "v": "volume",
    "w": "workdir",
}
_REFUSED = {
    "detach": "--detach of `trackstream run` does not wait",
    "interactive": "a launch has no standard input",
    "name": "a container is named for its launch",
    "restart": "a launch runs once; ask for it again with `trackstream launches retry`",
}
_OPTIONS: dict[str, tuple[Literal["host", "container"], str, Callable[[str, str], Any]]] = {
    "add-host": ("host", "extra_hosts", _one),
    "cap-add": ("host", "cap_add", _one),
    "cap-drop": ("host", "cap_drop", _one),
    "cpu-shares": ("host", "cpu_shares", _number),
    "cpus": ("host", "nano_cpus", _cpus),
    "cpuset-cpus": ("host", "cpuset_cpus", _text),
    "device": ("host", "devices", _one),
    "dns": ("host", "dns", _one),
    "entrypoint": ("container", "entrypoint", _one),
    "gpus": ("host", "device_requests", _gpus),
    "group-add": ("host", "group_add", _one),
    "hostname": ("container", "hostname", _text),
    "init": ("host", "init", _flag),
    "ipc": ("host", "ipc_mode", _text),
    "label": ("container", "labels", _label),
    "memory": ("host", "mem_limit", _size),
    "memory-reservation": ("host", "mem_reservation", _size),
    "memory-swap": ("host", "memswap_limit", _size_or_none),
    "network": ("host", "network_mode", _text),
    "oom-kill-disable": ("host", "oom_kill_disable", _flag),
    "pid": ("host", "pid_mode", _text),
    "pids-limit": ("host", "pids_limit", _number),
    "platform": ("container", "platform", _text),
    "privileged": ("host", "privileged", _flag),
    "read-only": ("host", "read_only", _flag),
    "runtime": ("host", "runtime", _text),
    "security-opt": ("host", "security_opt", _one),
    "shm-size": ("host", "shm_size", _size),
    "stop-signal": ("container", "stop_signal", _text),
    "tmpfs": ("host", "tmpfs", _tmpfs),
    "tty": ("container", "tty", _flag),
    "ulimit": ("host", "ulimits", _ulimit),
    "user": ("container", "user", _text),
    "userns": ("host", "userns_mode", _text),
    "uts": ("host", "uts_mode", _text),
    "volume": ("host", "binds", _volume),
    "workdir": ("container", "working_dir", _text),
}
