"""The log over HTTP: how a server's answers and silences come out. Its contract is tested with the others."""

from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.producer_sdk.log.test_log_writer_contract import encoded, tags
from tests.query_api.live_server import LiveServer
from trackstream.errors import Rejected
from trackstream.log.http import HttpBlobUpload, HttpLogWriter
from trackstream_schemas import topics
from trackstream_schemas.errors import StorageFailed, TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def answering(status: int, text: str) -> HttpLogWriter:
    return HttpLogWriter(
        "http://server", httpx.MockTransport(lambda request: httpx.Response(status, text=text))
    )


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, '{"error_code": "INVALID_PARAMETER_VALUE", "message": "event 0"}', Rejected),
        (404, "no such route", Rejected),
        (413, "too large", Rejected),
        (429, "slow down", Unavailable),
        (500, "oops", Unavailable),
        (503, "away", Unavailable),
        (507, "disk full", StorageFailed),
        (200, "<html>", Unavailable),
        (200, "{}", Unavailable),
        (200, '{"positions": []}', Unavailable),
    ],
)
def test_an_answer_that_is_no_acknowledgement(status: int, text: str, kind: type[TrackstreamError]) -> None:
    error = answering(status, text).append([encoded(tags("r", 0))]).exception()
    assert type(error) is kind


def test_nobody_there_is_unavailable() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        writer = HttpLogWriter(f"http://127.0.0.1:{bound.getsockname()[1]}")
        assert isinstance(writer.append([encoded(tags("r", 0))]).exception(), Unavailable)
        with pytest.raises(Unavailable, match="no answer from"):
            writer.history(topics.RUNS, "r")
        writer.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("served"))
    yield live
    live.close()


def test_blobs_are_stored_by_the_server(server: LiveServer) -> None:
    content = bytes(range(256)) * 10_000
    blob = HttpBlobUpload(server.url).put(io.BytesIO(content))
    stored: Path = server.directory / "blobs" / blob.sha256[:2] / blob.sha256
    assert stored.read_bytes() == content
    assert blob.size == len(content)


def test_a_client_over_http_is_like_one_on_a_directory(server: LiveServer, tmp_path: Path) -> None:
    from trackstream import Client, NotFound, Settings

    client = Client(server.url, settings=Settings(artifact_inline_limit=100, artifact_chunk_bytes=30))
    experiment = client.get_or_create_experiment("over http")
    with pytest.raises(NotFound):
        client.create_run("404404")
    with client.create_run(experiment.experiment_id, run_name="far") as run:
        run.log_param("lr", 1)
        for step in range(1000):
            run.log_metric("loss", 1 / (step + 1), step)
        run.log_text("small", "small.txt")
        run.log_text("large" * 100, "large.txt")
    assert client.close(20).complete
    found = server.call("GET", f"/api/v1/runs/{run.run_id}")
    assert (found["name"], found["status"], found["params"]) == ("far", "FINISHED", {"lr": "1"})
    assert found["metrics"]["loss"]["step"] == 999
    for path, text in (("small.txt", "small"), ("large.txt", "large" * 100)):
        url = f"/api/v1/runs/{run.run_id}/artifacts/content"
        assert server.client.get(url, params={"path": path}).text == text
