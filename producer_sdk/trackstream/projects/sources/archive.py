"""Projects in archives. Nothing is written outside the directory that one is unpacked into."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from trackstream.projects.errors import EnvironmentFailed, ProjectNotFound
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.secret_texts import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ARCHIVE_BYTES = 1 << 30
MAX_CONTENT_BYTES = 4 << 30
MAX_MEMBERS = 100_000
_PIECE = 1 << 20
_TIMEOUT_S = 60.0


def unpack(location: str, place: Path) -> Path:
    """Unpack a .zip or .tar.gz, a file or at an http address, into `place`; returns the project's directory.

    That is `place`, or the one directory that everything in the archive lies in. Raises InvalidInput for a
    member that would lead outside, a link, a device or a content that is too large; ProjectNotFound.
    """
    place.mkdir(parents=True, exist_ok=True)
    path = Path(location)
    if "://" in location:
        path = place.with_name(
            f"{place.name}.{'zip' if location.partition('?')[0].endswith('.zip') else 'tar.gz'}"
        )
        _download(location, path)
    try:
        if path.name.endswith(".zip"):
            _unpack_zip(path, place)
        else:
            _unpack_tar(path, place)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        # RuntimeError: encrypted.
        raise InvalidInput(
            "project archive", without_credentials(location), f"an archive that can be read ({error})"
        ) from error
    finally:
        if "://" in location:
            path.unlink(missing_ok=True)
    entries = list(place.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else place


def _unpack_zip(path: Path, place: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check_size(len(members), sum(member.file_size for member in members))
        targets = [(member, _target(place, member.filename)) for member in members]
        for member, _ in targets:
            if stat.S_ISLNK(member.external_attr >> 16):
                raise InvalidInput("project archive member", member.filename, "a file or directory, no link")
        budget = _Budget()
        for member, target in targets:
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            with archive.open(member) as content:
                budget.write(content, target)
            if (member.external_attr >> 16) & 0o111:
                target.chmod(0o755)


def _unpack_tar(path: Path, place: Path) -> None:
    budget = _Budget()
    with tarfile.open(path, "r:gz") as archive:
        for number, member in enumerate(archive):
            _check_size(number + 1, member.size)
            target = _target(place, member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isreg():
                content = archive.extractfile(member)
                assert content is not None
                with content:
                    budget.write(content, target)
                if member.mode & 0o111:
                    target.chmod(0o755)
            else:
                raise InvalidInput(
                    "project archive member", member.name, "a file or directory, no link or device"
                )


def _target(place: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or "\x00" in name or ".." in parts or ":" in name.split("/")[0]:
        raise InvalidInput("project archive member", name, "a path inside the archive, without '..'")
    return place.joinpath(*parts)


def _check_size(members: int, content: int) -> None:
    if members > MAX_MEMBERS:
        raise InvalidInput("project archive", f"{members} members", f"at most {MAX_MEMBERS}")
    if content > MAX_CONTENT_BYTES:
        raise InvalidInput("project archive", f"{content} bytes", f"at most {MAX_CONTENT_BYTES} unpacked")


class _Budget:
    """Counts what is really written: a header may lie."""

    def __init__(self) -> None:
        self._left = MAX_CONTENT_BYTES

    def write(self, content: IO[bytes], target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            while piece := content.read(_PIECE):
                self._left -= len(piece)
                if self._left < 0:
                    raise InvalidInput(
                        "project archive", "more", f"at most {MAX_CONTENT_BYTES} bytes unpacked"
                    )
                out.write(piece)


def _download(url: str, path: Path) -> None:
    import httpx

    shown = without_credentials(url)
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=_TIMEOUT_S) as answer:
            if answer.status_code in (404, 410):
                raise ProjectNotFound(f"there is no archive at {shown}")
            if answer.is_error:
                raise EnvironmentFailed(f"{shown} answered {answer.status_code}")
            _keep(answer.iter_bytes(_PIECE), path)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EnvironmentFailed(f"{shown} cannot be downloaded: {error}") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _keep(pieces: Iterator[bytes], path: Path) -> None:
    left = MAX_ARCHIVE_BYTES
    with path.open("wb") as out:
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise InvalidInput("project archive", "more", f"at most {MAX_ARCHIVE_BYTES} bytes")
            out.write(piece)
