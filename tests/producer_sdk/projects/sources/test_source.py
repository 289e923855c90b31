"""Which URIs there are, and how the files of each come here."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from trackstream.projects.environments.tools import Tools
from trackstream.projects.errors import ProjectNotFound
from trackstream.projects.sources import archive
from trackstream.projects.sources.source import Fetched, Source, fetch, parse_uri
from trackstream_schemas.errors import InvalidInput, TrackstreamError


def git(*command: str, cwd: Path) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *command], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits; the first is tagged v1, a branch `other` has a third."""
    path = tmp_path_factory.mktemp("repository")
    git("init", "--quiet", cwd=path)
    for number, message in enumerate(("first", "second")):
        (path / "inner").mkdir(exist_ok=True)
        (path / "inner" / "main.py").write_text(f"print({number})\n")
        git("add", ".", cwd=path)
        git("commit", "--quiet", "-m", message, cwd=path)
        if number == 0:
            git("tag", "-a", "v1", "-m", "one", cwd=path)
            git("branch", "other", cwd=path)
    return path


def fetched(uri: str, tmp_path: Path, version: str | None = None) -> Fetched:
    return fetch(parse_uri(uri), version, tmp_path / "place", tmp_path / "cache", Tools())


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("https://host/a/b.git", Source("git", "https://host/a/b.git")),
        ("https://host/a/b#x/y", Source("git", "https://host/a/b", "x/y")),
        ("ssh://git@host:22/a.git", Source("git", "ssh://git@host:22/a.git")),
        ("git@github.com:owner/repo.git", Source("git", "git@github.com:owner/repo.git")),
        ("github:owner/repo", Source("git", "https://github.com/owner/repo.git")),
        ("gh:owner/repo.git#sub", Source("git", "https://github.com/owner/repo.git", "sub")),
        ("github.com/owner/repo", Source("git", "https://github.com/owner/repo.git")),
        ("https://host/p.tar.gz#sub", Source("archive", "https://host/p.tar.gz", "sub")),
    ],
)
def test_uris(uri: str, source: Source) -> None:
    assert parse_uri(uri) == source


@pytest.mark.parametrize(
    "uri",
    [
        "",
        " ",
        "-oProxyCommand=touch pwned",
        "--upload-pack=touch pwned",
        "-",
        "ssh://-oProxyCommand=touch/x",
        "https://-x/y",
        "ext::sh -c 'touch pwned'",
        "ext://x",
        "fd::17",
        "https://host/a#../../etc",
        "https://host/a#/etc",
        "https://host/a#-x",
        "a\nb",
        "https:///nowhere",
        "https://[bad/x",
    ],
)
def test_hostile_uris_are_refused(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput):
        parse_uri(uri)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["-x", "--upload-pack=touch pwned", "a..b", "a b", "$(x)", ""])
def test_hostile_versions_are_refused(version: str, repository: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="version"):
        fetched(repository.as_uri(), tmp_path, version)


def test_a_directory_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "my #1"
    (project / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    found = fetched("my #1", tmp_path)
    assert (found.directory, found.commit, found.dirty) == (project, None, None)
    assert fetched(f"{project}#inner", tmp_path).directory == project / "inner"
    assert fetched((tmp_path / "my #1").as_uri(), tmp_path).directory == project
    with pytest.raises(ProjectNotFound):
        fetched("nowhere", tmp_path)
    with pytest.raises(ProjectNotFound):
        fetched(f"{project}#missing", tmp_path)
    with pytest.raises(InvalidInput, match="only git repositories"):
        fetched(str(project), tmp_path, "v1")


def test_a_subdirectory_does_not_lead_out_by_a_link(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "out").symlink_to(tmp_path)
    with pytest.raises(InvalidInput, match="inside the project"):
        fetched(f"{project}#out", tmp_path)


def test_a_tree_in_git_tells_its_commit_and_changes(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git("clone", "--quiet", str(repository), str(clone), cwd=tmp_path)
    commit = git("rev-parse", "HEAD", cwd=repository)
    found = fetched(f"{clone}/inner", tmp_path)
    assert (found.directory, found.root, found.commit, found.dirty) == (clone / "inner", clone, commit, False)
    (clone / "inner" / "main.py").write_text("print('changed')\n")
    assert fetched(f"{clone}/inner", tmp_path).dirty is True
    # Another version is taken from the repository, not checked out in somebody's tree.
    first = fetched(f"{clone}/inner", tmp_path, "v1")
    assert (first.directory / "main.py").read_text() == "print(0)\n"
    assert first.commit == git("rev-parse", "v1^{commit}", cwd=repository)
    assert (clone / "inner" / "main.py").read_text() == "print('changed')\n"


@pytest.mark.parametrize(
    ("version", "wanted", "content"),
    [(None, "main", 1), ("main", "main", 1), ("v1", "v1^{commit}", 0), ("other", "other", 0)],
)
def test_a_repository(
    repository: Path, tmp_path: Path, version: str | None, wanted: str, content: int
) -> None:
    found = fetched(f"{repository.as_uri()}#inner", tmp_path, version)
    assert (found.commit, found.dirty) == (git("rev-parse", wanted, cwd=repository), False)
    assert (found.directory / "main.py").read_text() == f"print({content})\n"


def test_a_commit_in_full_and_in_part(repository: Path, tmp_path: Path) -> None:
    commit = git("rev-parse", "main~1", cwd=repository)
    assert fetched(repository.as_uri(), tmp_path / "1", commit).commit == commit
    assert fetched(repository.as_uri(), tmp_path / "2", commit[:10]).commit == commit


def test_a_commit_is_fetched_once(repository: Path, tmp_path: Path) -> None:
    commit = git("rev-parse", "HEAD", cwd=repository)
    moved = tmp_path / "moved"
    git("clone", "--quiet", "--bare", str(repository), str(moved), cwd=tmp_path)
    fetched(moved.as_uri(), tmp_path, commit)
    (tmp_path / "place" / "inner" / "main.py").write_text("print('written by a program')\n")
    moved.rename(tmp_path / "gone")
    again = fetch(Source("git", moved.as_uri()), commit, tmp_path / "again", tmp_path / "cache", Tools())
    assert (again.directory / "inner" / "main.py").read_text() == "print(1)\n"


@pytest.mark.parametrize("version", ["v9", "0123456789", "f" * 40])
def test_versions_that_are_not_there(repository: Path, tmp_path: Path, version: str) -> None:
    with pytest.raises(ProjectNotFound, match=version):
        fetched(repository.as_uri(), tmp_path, version)


def test_hooks_of_a_repository_are_not_run(repository: Path, tmp_path: Path) -> None:
    home = tmp_path / "templates" / "hooks"
    home.mkdir(parents=True)
    hook = home / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/pwned\n")
    hook.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_TEMPLATE_DIR", str(home.parent))
        fetched(repository.as_uri(), tmp_path)
    assert not (tmp_path / "pwned").exists()


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, content in members.items():
            out.writestr(name.replace("__", "/"), content)
    return path


def tarred(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as out:
        for member in members:
            content = b"print(1)\n" if member.isreg() else b""
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


def test_archives(tmp_path: Path) -> None:
    flat = zipped(tmp_path / "flat.zip", MLproject="name: flat\n", inner__main="x")
    found = fetched(f"{flat}#inner", tmp_path / "1")
    assert (found.directory / "main").read_text() == "x"
    wrapped = tarred(tmp_path / "wrapped.tar.gz", member("repo-1/main.py"), member("repo-1/b.py"))
    found = fetched(wrapped.as_uri(), tmp_path / "2")
    assert sorted(path.name for path in found.directory.iterdir()) == ["b.py", "main.py"]


@pytest.mark.parametrize(
    "hostile",
    [
        member("../pwned"),
        member("a/../../pwned"),
        member("/tmp/pwned"),
        member("a\\..\\pwned"),
        member("link", tarfile.SYMTYPE, "../.."),
        member("link", tarfile.LNKTYPE, "../../pwned"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda found: found.name,
)
def test_hostile_members_of_a_tar(hostile: tarfile.TarInfo, tmp_path: Path) -> None:
    path = tarred(tmp_path / "p.tar.gz", member("main.py"), hostile)
    with pytest.raises(InvalidInput, match="project archive member"):
        fetched(str(path), tmp_path / "unpacked")
    outside = [found for found in tmp_path.rglob("*") if not found.is_relative_to(tmp_path / "unpacked")]
    assert outside == [path]
    assert not Path("/tmp/pwned").exists()


@pytest.mark.parametrize("name", ["../pwned", "/pwned", "a/../../pwned", "c:/pwned"])
def test_hostile_members_of_a_zip(name: str, tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(name, "x")
    with pytest.raises(InvalidInput, match="project archive member"):
        fetched(str(path), tmp_path / "unpacked")
    assert not list(tmp_path.rglob("pwned"))


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(link, "../..")
    with pytest.raises(InvalidInput, match="no link"):
        fetched(str(path), tmp_path / "unpacked")


def test_an_archive_that_grows_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_CONTENT_BYTES", 1000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("zeros", b"\0" * 10_000)
    with pytest.raises(InvalidInput, match="at most 1000"):
        fetched(str(path), tmp_path / "unpacked")


@pytest.mark.parametrize("name", ["p.zip", "p.tar.gz"])
def test_a_damaged_archive(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04 nothing of the kind")
    with pytest.raises(InvalidInput, match="an archive that can be read"):
        fetched(str(path), tmp_path / "unpacked")


def test_credentials_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(TrackstreamError) as caught:
        fetched("https://ann:hunter2@127.0.0.1:1/x.git", tmp_path)
    assert "hunter2" not in str(caught.value)
