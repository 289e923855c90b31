"""Directories as archives."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from trackstream.projects.environments.tools import Tools
from trackstream.projects.errors import EnvironmentFailed
from trackstream.projects.sources import archive, packed, packed_files
from trackstream.projects.sources.packed_files import Chosen, chosen_files
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
    for name in ("__pycache__", ".venv", "mlruns"):
        (path / name).mkdir()
        (path / name / "x").write_text("left out")
    return path


def pack(directory: Path, target: Path) -> bytes:
    packed.pack(Fetched(directory, directory, str(directory), "0" * 40, True), target, Tools())
    return target.read_bytes()


def names(chosen: Chosen) -> list[str]:
    return [file.name for file in chosen.files]


def git(directory: Path, *command: str) -> None:
    subprocess.run(["git", "-C", str(directory), *command], check=True, capture_output=True)


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


def test_too_much_is_refused_with_what_to_do_before_it_is_read(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_files, "MAX_FILES", 1)
    with pytest.raises(InvalidInput, match=r"at most 1 files.*git repository"):
        pack(project, tmp_path / "project.tar.gz")
    monkeypatch.setattr(packed_files, "MAX_FILES", 10)
    with (project / "model.bin").open("wb") as file:
        file.truncate(1 << 50)
    with pytest.raises(InvalidInput, match="to be sent to a queue"):
        chosen_files(project, Tools())


def test_a_store_is_left_out_under_whatever_name(project: Path) -> None:
    for name in ("store", "data/mine"):
        (project / name / "engine").mkdir(parents=True)
        (project / name / "log.db").write_text("the log")
    # Nobody has read this one yet; it is the one in use.
    (project / "new").mkdir()
    (project / "new" / "log.db").write_text("the log")
    (project / "linked").symlink_to("store")
    assert names(chosen_files(project, Tools(), project / "new")) == ["data/wine.csv", "train.sh"]
    with pytest.raises(InvalidInput, match="not itself a store"):
        chosen_files(project / "store", Tools())


def test_secrets_are_left_out_and_named(project: Path) -> None:
    (project / ".ssh").mkdir()
    (project / ".aws").mkdir()
    for name in (".env", "data/server.PEM", "id_rsa", "id_rsa.pub", ".netrc", ".git-credentials"):
        (project / name).write_text("secret")
    for name in (".ssh/config", ".aws/credentials", ".env.example"):
        (project / name).write_text("secret")
    found = chosen_files(project, Tools())
    assert names(found) == [".env.example", "data/wine.csv", "id_rsa.pub", "train.sh"]
    assert found.secrets == [
        ".aws/",
        ".env",
        ".git-credentials",
        ".netrc",
        ".ssh/",
        "data/server.PEM",
        "id_rsa",
    ]


@pytest.mark.parametrize("target", [".env", "mlruns/x", "__pycache__/x", "gone", "self", "data"])
def test_links_to_what_is_not_sent_are_refused(project: Path, target: str) -> None:
    (project / ".env").write_text("secret")
    (project / "self").symlink_to(target)
    with pytest.raises(InvalidInput, match=r"self.*no links but to files"):
        chosen_files(project, Tools())


def test_what_is_no_file_is_refused(project: Path) -> None:
    os.mkfifo(project / "pipe")
    with pytest.raises(InvalidInput, match=r"pipe.*nothing but files"):
        chosen_files(project, Tools())


def test_in_a_git_tree_it_is_what_git_does_not_ignore(project: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text("*.local\nignored/\n")
    (project / "settings.local").write_text("a password")
    (project / "ä b.txt").write_text("new")
    (project / "deleted").write_text("once")
    (project / ".env").write_text("tracked")
    git(tmp_path, "add", "wine/data", "wine/deleted", "wine/.env")
    (project / "deleted").unlink()
    nested = project / "nested"
    nested.mkdir()
    git(nested, "init", "--quiet")
    (nested / ".gitignore").write_text("*.bin\n")
    (nested / "model.bin").write_text("")
    (nested / "part.py").write_text("")
    found = chosen_files(project, Tools())
    assert names(found) == ["data/wine.csv", "nested/.gitignore", "nested/part.py", "train.sh", "ä b.txt"]
    assert found.secrets == [".env"]
    # A link into what is ignored would bring it along.
    (project / "link").symlink_to("settings.local")
    with pytest.raises(InvalidInput, match=r"link.*no links"):
        chosen_files(project, Tools())
    # And of a project that is ignored itself git has nothing to say.
    (tmp_path / "ignored").mkdir()
    (tmp_path / "ignored" / "x.py").write_text("")
    assert names(chosen_files(tmp_path / "ignored", Tools())) == ["x.py"]


def test_their_addresses() -> None:
    assert parse_uri(URI) == Source("packed", URI)
    assert parse_uri(f"{URI}#inner") == Source("packed", URI, "inner")


def test_without_a_server_it_is_told_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(EnvironmentFailed, match="MLFLOW_TRACKING_URI"):
        packed.fetch(URI, tmp_path, None)
