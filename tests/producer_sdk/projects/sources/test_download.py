"""Contents of URIs, brought here from real servers."""

from __future__ import annotations

import io
import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, cast

import pytest

from trackstream.projects.environments.tools import Tools
from trackstream.projects.errors import EnvironmentFailed, LaunchCancelled, ProjectNotFound
from trackstream.projects.sources.download import downloader
from trackstream.projects.sources.source import fetch, parse_uri
from trackstream_schemas.errors import InvalidInput, NotFound
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_api.native.minio import MinioAddress


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A directory and the address of a web server on it."""
    (tmp_path / "web").mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield tmp_path / "web", f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_of_the_web(web: tuple[Path, str], tmp_path: Path) -> None:
    directory, address = web
    (directory / "data.csv").write_text("1,2\n")
    download = downloader(tmp_path / "storage", None)
    found = download(f"{address}/data.csv", 3)
    assert found == tmp_path / "storage" / "param_3" / "data.csv"
    assert found.read_text() == "1,2\n"
    with pytest.raises(NotFound):
        download(f"{address}/missing.csv", 0)


def test_an_archive_of_the_web(web: tuple[Path, str], tmp_path: Path) -> None:
    import zipfile

    directory, address = web
    with zipfile.ZipFile(directory / "p.zip", "w") as out:
        out.writestr("p-1/main.py", "print(1)\n")
    place = tmp_path / "place"
    found = fetch(parse_uri(f"{address}/p.zip"), None, place, tmp_path / "cache", Tools())
    assert (found.directory, found.source) == (place / "p-1", f"{address}/p.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place", "web"]
    with pytest.raises(ProjectNotFound):
        fetch(parse_uri(f"{address}/q.zip"), None, place, tmp_path / "cache", Tools())


class Dripping(Quiet):
    """Sends a byte now and then, and never all that it has promised."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        server = cast("DrippingServer", self.server)
        with suppress(OSError):
            while not server.over.wait(0.05):
                self.wfile.write(b"x")
                self.wfile.flush()
                server.begun.set()


class DrippingServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Dripping)
        self.begun, self.over = threading.Event(), threading.Event()


@pytest.mark.parametrize("what", ["file", "archive"])
def test_what_hardly_moves_can_be_cancelled(what: str, tmp_path: Path) -> None:
    server = DrippingServer()
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    address = f"http://127.0.0.1:{server.server_port}"
    tools = Tools(stop=(stop := threading.Event()))

    def cancel() -> None:
        server.begun.wait()
        stop.set()

    cancelling = threading.Thread(target=cancel)
    cancelling.start()

    def bring() -> object:
        if what == "file":
            return downloader(tmp_path, None, tools)(f"{address}/data.csv", 0)
        return fetch(parse_uri(f"{address}/p.zip"), None, tmp_path / "place", tmp_path / "cache", tools)

    try:
        with pytest.raises(LaunchCancelled):
            bring()
    finally:
        server.over.set()
        cancelling.join()
        server.shutdown()
        server.server_close()
        serving.join()


def test_objects_of_s3(minio_address: MinioAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from minio import Minio

    keys = minio_address.access_key, minio_address.secret_key
    client = Minio(minio_address.endpoint, *keys, secure=False)
    bucket = f"bucket-{new_id()[-12:]}"
    client.make_bucket(bucket)
    for key in ("set/data.csv", "set/inner/more.csv", "settle/other.csv"):
        client.put_object(bucket, key, io.BytesIO(key.encode()), len(key))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{minio_address.endpoint}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", minio_address.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", minio_address.secret_key)
    download = downloader(tmp_path, None)
    assert download(f"s3://{bucket}/set/data.csv", 0).read_text() == "set/data.csv"
    folder = download(f"s3://{bucket}/set", 1)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == ["data.csv", "inner/more.csv"]
    with pytest.raises(NotFound):
        download(f"s3://{bucket}/missing", 2)
    with pytest.raises(EnvironmentFailed):
        download(f"s3://nowhere-{new_id()[-12:]}/x", 3)


@pytest.mark.parametrize("uri", ["ftp://host/x", "s3://", "s3://bucket", "models:/", "runs:/../x"])
def test_what_cannot_be_brought_here(uri: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        downloader(tmp_path, None)(uri, 0)


def test_files_of_a_store_need_its_server(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match="needs a Trackstream server"):
        downloader(tmp_path, None)("runs:/abc/model", 0)
