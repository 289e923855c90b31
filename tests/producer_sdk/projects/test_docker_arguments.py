"""`-A` arguments, as docker-py makes a request of them that Docker's published API allows."""

from __future__ import annotations

from typing import Any

import docker
import pytest

from tests.integration.projects.docker_engine import engine_api
from tests.native_stack import skipped_without_tools
from trackstream.projects.backends.docker_arguments import _OPTIONS, container_options
from trackstream_schemas.errors import InvalidInput

EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "add-host": ("db:10.0.0.1", {"ExtraHosts": ["db:10.0.0.1"]}),
    "cap-add": ("SYS_PTRACE", {"CapAdd": ["SYS_PTRACE"]}),
    "cap-drop": ("ALL", {"CapDrop": ["ALL"]}),
    "cpu-shares": ("512", {"CpuShares": 512}),
    "cpus": ("0.5", {"NanoCpus": 500_000_000}),
    "cpuset-cpus": ("0-1", {"CpusetCpus": "0-1"}),
    "device": (
        "/dev/fuse",
        {
            "Devices": [
                {"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rwm"}
            ]
        },
    ),
    "dns": ("10.0.0.2", {"Dns": ["10.0.0.2"]}),
    "entrypoint": ("/bin/env", {"Entrypoint": ["/bin/env"]}),
    "gpus": ("device=0,1", {"DeviceRequests": [{"DeviceIDs": ["0", "1"], "Capabilities": [["gpu"]]}]}),
    "group-add": ("video", {"GroupAdd": ["video"]}),
    "hostname": ("box", {"Hostname": "box"}),
    "init": ("", {"Init": True}),
    "ipc": ("host", {"IpcMode": "host"}),
    "label": ("team=blue", {"Labels": {"team": "blue"}}),
    "memory": ("4g", {"Memory": 4 << 30}),
    "memory-reservation": ("512m", {"MemoryReservation": 512 << 20}),
    "memory-swap": ("-1", {"MemorySwap": -1}),
    "network": ("none", {"NetworkMode": "none"}),
    "oom-kill-disable": ("true", {"OomKillDisable": True}),
    "pid": ("host", {"PidMode": "host"}),
    "pids-limit": ("100", {"PidsLimit": 100}),
    "platform": ("linux/arm64", {}),
    "privileged": ("", {"Privileged": True}),
    "read-only": ("", {"ReadonlyRootfs": True}),
    "runtime": ("nvidia", {"Runtime": "nvidia"}),
    "security-opt": ("no-new-privileges", {"SecurityOpt": ["no-new-privileges"]}),
    "shm-size": ("1gb", {"ShmSize": 1 << 30}),
    "stop-signal": ("SIGINT", {"StopSignal": "SIGINT"}),
    "tmpfs": ("/run:size=64m", {"Tmpfs": {"/run": "size=64m"}}),
    "tty": ("", {"Tty": True}),
    "ulimit": ("nofile=1024:2048", {"Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}]}),
    "user": ("1000:1000", {"User": "1000:1000"}),
    "userns": ("host", {"UsernsMode": "host"}),
    "uts": ("host", {"UTSMode": "host"}),
    "volume": ("/data:/data:ro", {"Binds": ["/data:/data:ro"]}),
    "workdir": ("/srv", {"WorkingDir": "/srv"}),
}


def test_every_argument_is_in_the_request_as_published() -> None:
    assert EXAMPLES.keys() == _OPTIONS.keys()
    with skipped_without_tools():
        api = engine_api()
    client = docker.APIClient("tcp://127.0.0.1:1", version="1.45")
    for name, (value, expected) in EXAMPLES.items():
        options = container_options({name: value})
        host = client.create_host_config(**options.host)
        container = {key: given for key, given in options.container.items() if key != "platform"}
        body = client.create_container_config("x", ["true"], host_config=host, **container)
        sent = {key: given for key, given in body.items() if given is not None}
        assert (
            api.wrong_with("ContainerConfig", {k: v for k, v in sent.items() if k != "HostConfig"}) == []
        ), name
        assert api.wrong_with("HostConfig", host) == [], name
        found = {**sent, **host}
        for key, wanted in expected.items():
            if key == "DeviceRequests":
                assert [{k: v for k, v in one.items() if v} for one in found[key]] == wanted
            else:
                assert found[key] == wanted, name
    client.close()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("nme", "x", "expected one of add-host, cap-add"),
        ("d", "", "--detach of `trackstream run`"),
        ("i", "", "no standard input"),
        ("restart", "always", "a launch runs once"),
        ("memory", "much", "a size, such as 512m"),
        ("memory", "", "a size"),
        ("cpus", "nan", "a number of processors"),
        ("cpus", "-1", "a number of processors"),
        ("gpus", "", "all, a number, or device="),
        ("gpus", "device=", "all, a number"),
        ("privileged", "perhaps", "true or false"),
        ("v", "relative", "/HOST:/CONTAINER"),
        ("ulimit", "nofile", "NAME=SOFT"),
        ("tmpfs", "run", "an absolute path"),
        ("network", " ", "a value, as in -A network=…"),
        ("pids-limit", "1e3", "a whole number"),
        ("e", "KEY=hunter2", "only a NAME"),
    ],
)
def test_what_cannot_be_is_told_with_its_name(name: str, value: str, told: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        container_options({name: value})
    assert f"-A {name}" in str(raised.value)
    assert told in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_short_names_are_those_of_docker_run() -> None:
    found = container_options({"m": "1k", "t": "", "u": "me", "e": "HOME", "rm": "", "init": "false"})
    assert found.host == {"mem_limit": 1024, "init": False}
    assert found.container == {"tty": True, "user": "me"}
    assert found.copied == ("HOME",)
