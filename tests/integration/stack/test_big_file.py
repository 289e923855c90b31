"""A big file through the whole path: trainer, object store, event, projection, download; in bounded memory.

TRACKSTREAM_TEST_BIG_FILE_MB says how big it is (default 300; `-s` shows the numbers).
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.integration.faults.composition import Composition
from tests.integration.processes import environment, finish, trainer
from tests.integration.stack.peak_memory import peak_mb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration

SIZE_MB = int(os.environ.get("TRACKSTREAM_TEST_BIG_FILE_MB", "300"))
MOST_MB = 200.0
PATIENCE_S = 240.0 + SIZE_MB


@pytest.fixture(scope="module")
def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    made = Composition(stack, tmp_path_factory.mktemp("big"), "big", consumers=("all",), replicas=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file of which no two megabytes are the same."""
    folder = tmp_path_factory.mktemp("file")
    block = random.Random(1).randbytes(1_000_000 - 8)
    with (folder / "weights.bin").open("wb") as out:
        for number in range(SIZE_MB):
            out.write(number.to_bytes(8, "big") + block)
    yield folder / "weights.bin"
    shutil.rmtree(folder)


@pytest.mark.parametrize("way", ["kafka with credentials", "http with signed addresses"])
def test_a_big_file_arrives_whole_and_nobody_holds_it_in_memory(
    running: Composition, big_file: Path, tmp_path: Path, way: str
) -> None:
    with big_file.open("ab") as out:
        # Not what the store has already.
        out.write(way.encode())
    with big_file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    url = running.url(0)
    if way.startswith("kafka"):
        uri = running.kafka_uri
        secrets = {name: value for name, value in running.stack.environment().items() if "_S3_" in name}
    else:
        uri, secrets = url, {}
    logged = finish(trainer("stack.big_file_trainer", uri, big_file, way, **secrets), PATIENCE_S).split()
    run_id, numbers = logged[0], {"trainer": float(logged[1])}
    [file] = httpx.get(f"{url}/api/v1/runs/{run_id}/artifacts?path=model", timeout=60).json()["artifacts"]
    assert (file["sha256"], file["size"]) == (digest, big_file.stat().st_size)

    began = time.monotonic()
    came = hashlib.sha256()
    address = f"{url}/api/v1/runs/{run_id}/artifacts/content?path=model/weights.bin"
    with httpx.stream("GET", address, timeout=60) as answer:
        for piece in answer.iter_bytes(1 << 20):
            came.update(piece)
    assert came.hexdigest() == digest
    taken = {"logged s": float(logged[2]), "downloaded s": time.monotonic() - began}

    command = [sys.executable, "-m", "tests.integration.stack.peak_memory", "artifacts", "download", run_id]
    ended = subprocess.run(
        [*command, "model/weights.bin", "--to", str(tmp_path)],
        cwd=Path(__file__).parents[3],
        env=environment(TRACKSTREAM_URI=url),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    copied = tmp_path / "model" / "weights.bin"
    with copied.open("rb") as content:
        assert hashlib.file_digest(content, "sha256").hexdigest() == digest
    copied.unlink()
    numbers["command line"] = float(ended.stderr.split()[-1])
    numbers["server"] = peak_mb(running.replicas[0].pid)
    numbers["consumer"] = peak_mb(running.consumers["all"].pid)
    print(json.dumps({"way": way, "bytes": file["size"], "peak MB": numbers, **taken}))
    assert max(numbers.values()) < MOST_MB, numbers
    # The bytes went past the server on their way in.
    assert "/api/v1/blobs" not in httpx.get(f"{url}/metrics", timeout=60).text
