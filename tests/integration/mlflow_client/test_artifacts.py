"""Artifacts up and down through the proxy: trees, large files, deletion, parts."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import psutil
    import pytest
    from mlflow import MlflowClient

    from tests.integration.processes import Server

MEBIBYTE = 1 << 20
BIG = 200 * MEBIBYTE
GROWTH_LIMIT = 120 * MEBIBYTE
"""More than what buffers, threads and the allocator take; less than the file."""


def tree(root: Path) -> dict[str, str]:
    """Return the digest of each file below a directory, by relative path."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_a_directory_tree_comes_back(client: MlflowClient, experiment_id: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name, size in {"a.txt": 3, "empty": 0, "deep/er/é☃ ü.bin": 3 * MEBIBYTE, "deep/c.json": 10}.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
    run_id = client.create_run(experiment_id).info.run_id
    client.log_artifacts(run_id, str(source), "model")
    client.log_artifact(run_id, str(source / "a.txt"))

    listed = [(entry.path, entry.is_dir, entry.file_size) for entry in client.list_artifacts(run_id)]
    assert listed == [("a.txt", False, 3), ("model", True, None)]
    inner = [(entry.path, entry.is_dir) for entry in client.list_artifacts(run_id, "model/deep")]
    assert inner == [("model/deep/c.json", False), ("model/deep/er", True)]
    back = client.download_artifacts(run_id, "model", str(tmp_path))
    assert tree(tmp_path / "model") == tree(source)
    assert back.endswith("model")


def test_deleting_a_directory_of_artifacts(client: MlflowClient, experiment_id: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    run = client.create_run(experiment_id)
    client.log_text(run.info.run_id, "one", "dir/one.txt")
    client.log_text(run.info.run_id, "two", "dir/two.txt")
    client.log_text(run.info.run_id, "three", "directory.txt")
    get_artifact_repository(run.info.artifact_uri).delete_artifacts("dir")
    assert [entry.path for entry in client.list_artifacts(run.info.run_id)] == ["directory.txt"]


def peak_growth(process: psutil.Process, act: Callable[[], None]) -> int:
    """Return by how many bytes the resident memory of a process rose above its start while `act` ran."""
    before = peak = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        act()
    finally:
        done.set()
        watcher.join()
    return peak - before


_COPY = """
import resource, sys
import mlflow
from mlflow import MlflowClient

url, run_id, source, target = sys.argv[1:]
client = MlflowClient(url)
mlflow.set_tracking_uri(url)
client.log_text(run_id, "warm", "warm.txt")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
client.log_artifact(run_id, source, "big")
client.download_artifacts(run_id, "big", target)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_large_file_takes_little_memory_on_both_sides(
    client: MlflowClient, experiment_id: str, tracking_server: Server, tmp_path: Path
) -> None:
    source = tmp_path / "big.bin"
    digest = hashlib.sha256()
    with source.open("wb") as file:
        for _ in range(BIG // MEBIBYTE):
            piece = os.urandom(MEBIBYTE)
            digest.update(piece)
            file.write(piece)
    run_id = client.create_run(experiment_id).info.run_id
    printed = ""

    def copy() -> None:
        nonlocal printed
        command = [sys.executable, "-W", "ignore", "-c", _COPY, tracking_server.url, run_id]
        printed = subprocess.run(
            [*command, str(source), str(tmp_path)], check=True, capture_output=True, text=True, timeout=600
        ).stdout

    grown = peak_growth(tracking_server.process, copy)
    downloaded = tmp_path / "big" / "big.bin"
    with downloaded.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest.hexdigest()
    assert grown < GROWTH_LIMIT
    assert int(printed.split()[-1]) * 1024 < GROWTH_LIMIT


def test_an_upload_in_parts(
    client: MlflowClient, experiment_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(5 * MEBIBYTE))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * MEBIBYTE))
    source = tmp_path / "parts.bin"
    source.write_bytes(os.urandom(12 * MEBIBYTE + 7))
    run_id = client.create_run(experiment_id).info.run_id
    client.log_artifact(run_id, str(source), "in")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    target = tmp_path / "target"
    target.mkdir()
    client.download_artifacts(run_id, "in/parts.bin", str(target))
    assert tree(target) == {"parts.bin": hashlib.sha256(source.read_bytes()).hexdigest()}


def test_a_file_for_a_browser(
    tracked: Any, client: MlflowClient, experiment_id: str, tracking_server: Server
) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.log_text(run_id, "<script>alert(1)</script>", "page.html")
    answer = tracking_server.client.get("/get-artifact", params={"path": "page.html", "run_uuid": run_id})
    assert answer.text == "<script>alert(1)</script>"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    missing = tracking_server.client.get("/get-artifact", params={"path": "none", "run_uuid": run_id})
    assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
