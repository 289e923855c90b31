"""Directories as archives."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from trackstream.projects.errors import EnvironmentFailed
from trackstream.projects.sources import archive, packed
from trackstream.projects.sources.source import Fetched, Source, parse_uri
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

URI = "runs:/0123/launches/4567/project.tar.gz"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "wine"
    (path / "data").mkdir(parents=True)
    (path / "data" / "wine.csv").write_bytes(b"a,b\n")
    (path / "train.sh").write_text("echo\n")
    (path / "train.sh").chmod(0o755)
    for name in (".git", "__pycache__", ".venv", "mlruns"):
        (path / name).mkdir()
        (path / name / "x").write_text("left out")
    return path


def pack(directory: Path, target: Path) -> bytes:
    packed.pack(Fetched(directory, directory, str(directory), "0" * 40, True), target)
    return target.read_bytes()


def test_what_comes_out_is_what_went_in(project: Path, tmp_path: Path) -> None:
    pack(project, tmp_path / "project.tar.gz")
    place = archive.unpack(str(tmp_path / "project.tar.gz"), tmp_path / "out")
    files = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
    assert files == ["source.json", "wine/data/wine.csv", "wine/train.sh"]
    assert (place / "wine" / "data" / "wine.csv").read_bytes() == b"a,b\n"
    assert (place / "wine" / "train.sh").stat().st_mode & 0o100
    source = json.loads((place / "source.json").read_text())
    assert source == {"source": str(project), "commit": "0" * 40, "dirty": True}


def test_equal_contents_are_equal_archives(project: Path, tmp_path: Path) -> None:
    first = pack(project, tmp_path / "one")
    (project / "train.sh").touch()
    again = pack(project, tmp_path / "two")
    assert hashlib.sha256(first).digest() == hashlib.sha256(again).digest()
    (project / "train.sh").write_text("echo more\n")
    assert pack(project, tmp_path / "three") != first


def test_links_inside_are_files_and_others_are_refused(project: Path, tmp_path: Path) -> None:
    (project / "copy.csv").symlink_to("data/wine.csv")
    pack(project, tmp_path / "project.tar.gz")
    place = archive.unpack(str(tmp_path / "project.tar.gz"), tmp_path / "out")
    assert (place / "wine" / "copy.csv").read_bytes() == b"a,b\n"
    (project / "outside").symlink_to(tmp_path)
    with pytest.raises(InvalidInput, match=r"outside.*no links"):
        pack(project, tmp_path / "project.tar.gz")


def test_too_much_is_refused_with_what_to_do(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MAX_FILES", 1)
    with pytest.raises(InvalidInput, match=r"at most 1 files.*git repository"):
        pack(project, tmp_path / "project.tar.gz")
    monkeypatch.setattr(packed, "MAX_FILES", 10)
    monkeypatch.setattr(packed, "MAX_BYTES", 5)
    with pytest.raises(InvalidInput, match="to be sent to a queue"):
        pack(project, tmp_path / "project.tar.gz")


def test_their_addresses() -> None:
    assert parse_uri(URI) == Source("packed", URI)
    assert parse_uri(f"{URI}#inner") == Source("packed", URI, "inner")


def test_without_a_server_it_is_told_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(EnvironmentFailed, match="MLFLOW_TRACKING_URI"):
        packed.fetch(URI, tmp_path, None)
