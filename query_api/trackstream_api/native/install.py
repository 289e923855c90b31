"""Installs what the native stack runs into a cache, once: Kafka's jars by Maven, MinIO by Go.

Each goes into a directory of its own that appears complete or not at all (built aside, then renamed);
processes that want the same thing at the same time wait for one of them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream_api.native.errors import InstallFailed, ToolMissing
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MINIO_VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
"""The Go module version of MinIO; it has no tags that Go understands. This is the one place that pins it."""

_GO_MAJOR = re.compile(r"v\d+")


def cache_directory() -> Path:
    """Return where installed parts are kept: TRACKSTREAM_CACHE, else ~/.cache/trackstream."""
    return Path(os.environ.get("TRACKSTREAM_CACHE") or "~/.cache/trackstream").expanduser().resolve()


def infra_directory() -> Path:
    """Return the repository's infra/native; raises NotFound outside a checkout."""
    found = Path(__file__).resolve().parents[3] / "infra" / "native"
    if not found.is_dir():
        raise NotFound(f"the native stack needs a checkout of Trackstream's repository: there is no {found}")
    return found


def kafka_version() -> str:
    """Return the version of Kafka that infra/native/kafka/pom.xml pins."""
    root = ElementTree.parse(_pom()).getroot()
    version = root.findtext("{*}properties/{*}kafka.version")
    assert version is not None, "pom.xml has the property kafka.version"
    return version


def kafka_jars(say: Callable[[str], None]) -> Path:
    """Return the directory with a broker's jars, fetching them where they are not yet there.

    Raises ToolMissing without Maven or Java, InstallFailed where Maven fails.
    """
    tool("java", "Kafka")
    pom = _pom()
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:8]

    def build(into: Path) -> None:
        maven = tool("mvn", "fetching Kafka")
        say(f"fetching Kafka {kafka_version()} with Maven")
        command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
        command += [f"-DoutputDirectory={into / 'lib'}", "-DincludeScope=runtime"]
        _run("Kafka", command)

    return _installed(f"kafka-{kafka_version()}-{digest}", build) / "lib"


def minio_binary(say: Callable[[str], None]) -> Path:
    """Return MinIO's server, building it where it is not yet there (minutes, the first time).

    Raises ToolMissing without Go, InstallFailed where the build fails.
    """
    return go_program("github.com/minio/minio", MINIO_VERSION, say)


def go_program(module: str, version: str, say: Callable[[str], None]) -> Path:
    """Return the program of a Go module, building it where it is not yet there; raises as `minio_binary`."""
    name = next(part for part in reversed(module.split("/")) if not _GO_MAJOR.fullmatch(part))

    def build(into: Path) -> None:
        go = tool("go", f"building {name}")
        say(f"building {name} {version} with Go; the first time this takes some minutes")
        environment = {**os.environ, "GOBIN": str(into), "CGO_ENABLED": "0"}
        _run(name, [go, "install", f"{module}@{version}"], environment)

    return _installed(f"{name}-{version}", build) / name


def tool(program: str, needed_for: str) -> str:
    """Return the path of a program; raises ToolMissing."""
    found = shutil.which(program)
    if found is None:
        raise ToolMissing(program, needed_for)
    return found


def _pom() -> Path:
    return infra_directory() / "kafka" / "pom.xml"


def _installed(name: str, build: Callable[[Path], None]) -> Path:
    cache = cache_directory()
    target = cache / name
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / f".{name}.lock"):
        if target.is_dir():
            return target
        aside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache))
        try:
            build(aside)
            aside.rename(target)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(what: str, command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InstallFailed(what, done.stdout + done.stderr)
