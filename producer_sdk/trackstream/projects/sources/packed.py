"""A local directory as an artifact, for launches that other machines execute.

The archive holds the directory's files and `source.json`, which says where they came from. The same files
make the same archive, which the store keeps once.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackstream.projects.errors import EnvironmentFailed
from trackstream.projects.sources import archive
from trackstream.projects.sources.download import downloader
from trackstream.projects.sources.source import Fetched
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "project.tar.gz"
MAX_BYTES = 64 << 20
MAX_FILES = 10_000
_SOURCE = "source.json"
_LEFT_OUT = frozenset(
    {
        ".git",
        "__pycache__",
        ".venv",
        "venv",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".ipynb_checkpoints",
        "node_modules",
        "mlruns",
        "trackstream-data",
    }
)
_INSTEAD = (
    "; or name a git repository or an archive that the workers can reach, or file://… for a directory that"
    " all of them share"
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def pack(found: Fetched, target: Path) -> None:
    """Write a project's files into the archive `target`.

    Left out are the files of version control, caches, environments and stores. Raises InvalidInput for more
    than MAX_FILES files or MAX_BYTES, and for links that lead outside.
    """
    name = re.sub(r"[^\w.\- ]", "_", found.directory.resolve().name) or "project"
    source = {"source": found.source, "commit": found.commit, "dirty": found.dirty}
    left = MAX_BYTES
    with (
        target.open("wb") as file,
        # Without a time and a name in its header: equal contents are equal archives.
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as out,
    ):
        _add(out, _SOURCE, json.dumps(source).encode(), 0o644)
        directory = tarfile.TarInfo(name)
        directory.type, directory.mode = tarfile.DIRTYPE, 0o755
        out.addfile(directory)
        for number, path in enumerate(_files(found.directory)):
            try:
                content = path.read_bytes()
                mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            except OSError as error:
                raise InvalidInput(
                    "project", str(path), f"files that can be read ({error.strerror})"
                ) from error
            left -= len(content)
            if left < 0 or number >= MAX_FILES:
                what = f"at most {MAX_FILES} files of {MAX_BYTES >> 20} MiB to be sent to a queue{_INSTEAD}"
                raise InvalidInput("project", str(found.directory), what)
            _add(out, f"{name}/{path.relative_to(found.directory).as_posix()}", content, mode)


def fetch(uri: str, place: Path, server: str | None) -> Fetched:
    """Bring the files that `pack` has packed, an artifact of the store at the address `server`, into `place`.

    Without `server` the one that MLFLOW_TRACKING_URI names is asked. Raises EnvironmentFailed where there is
    none or it does not answer, NotFound, and InvalidInput for what is no such archive.
    """
    known = os.environ.get("MLFLOW_TRACKING_URI", "")
    address = server or (known if known.startswith(("http://", "https://")) else None)
    if address is None:
        raise EnvironmentFailed(
            f"{uri} comes from a Trackstream server: set MLFLOW_TRACKING_URI to the address of one on the log"
        )
    brought = downloader(place.with_name("packed"), address)(uri, 0)
    archive.unpack(str(brought), place)
    brought.unlink()
    source = _source_of(place / _SOURCE)
    directories = [path for path in place.iterdir() if path.is_dir()]
    if len(directories) != 1:
        raise InvalidInput("project archive", uri, "one directory beside source.json")
    commit, dirty = source.get("commit"), source.get("dirty")
    return Fetched(
        directories[0],
        directories[0],
        str(source.get("source", uri)),
        commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else None,
        dirty if isinstance(dirty, bool) else None,
    )


def _source_of(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InvalidInput("project archive", str(path.name), "where the files came from, as JSON") from error
    if not isinstance(found, dict):
        raise InvalidInput("project archive", str(path.name), "a JSON object")
    return found


def _files(directory: Path) -> Iterator[Path]:
    root = directory.resolve()
    for place, names, files in os.walk(directory):
        linked = [name for name in names if Path(place, name).is_symlink()]
        names[:] = sorted(name for name in names if name not in _LEFT_OUT)
        for name in sorted([*files, *linked]):
            path = Path(place, name)
            if not path.is_symlink():
                yield path
            elif name in linked or not path.resolve().is_relative_to(root) or not path.is_file():
                raise InvalidInput("project", str(path), f"no links but to files of the project{_INSTEAD}")
            else:
                yield path


def _add(out: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    out.addfile(member, io.BytesIO(content))
