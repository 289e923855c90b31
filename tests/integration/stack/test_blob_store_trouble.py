"""A blob store that does not let us in, or is away: said at the start, at /ready and in the status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.integration.faults.composition import Composition, wait_until
from tests.integration.processes import TRACKSTREAM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration

BEGINNINGS = {"server": ["server", "--port", "0"], "consumer": ["consume", "artifacts"]}


@pytest.fixture(scope="module")
def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    made = Composition(stack, tmp_path_factory.mktemp("blobs"), "blobtrouble", consumers=(), replicas=1)
    yield made
    made.close()


@pytest.mark.parametrize("what", BEGINNINGS)
@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("TRACKSTREAM_S3_SECRET_KEY", "the store refuses the credentials"),
        ("TRACKSTREAM_S3_BUCKET", "there is no bucket 'not-there'"),
    ],
)
def test_who_is_not_let_in_does_not_start(running: Composition, what: str, variable: str, said: str) -> None:
    process = running.spawn(what, [str(TRACKSTREAM), *BEGINNINGS[what]], **{variable: "not-there"})
    assert process.wait() == 6, process.output()
    assert said in process.output()
    assert "TRACKSTREAM_S3_… name the store" in process.output()


def test_one_that_goes_away_is_named_and_the_process_goes_on(running: Composition, tmp_path: Path) -> None:
    url = running.url(0)
    wait_until(lambda: httpx.get(f"{url}/ready", timeout=60).status_code == 200, "ready")
    running.stack.kill("minio")
    try:
        wait_until(lambda: httpx.get(f"{url}/ready", timeout=60).status_code == 503, "not ready")
        body = httpx.get(f"{url}/ready", timeout=60).json()
        assert list(body["troubles"]) == ["contents"]
        assert running.stack.minio.endpoint in body["message"] or "no answer" in body["message"]
        health = httpx.get(f"{url}/health", timeout=60)
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert list(health.json()["troubles"]) == ["contents"]
        status = httpx.get(f"{url}/api/v1/status", timeout=60).json()
        assert list(status["troubles"]) == ["contents"]
    finally:
        running.stack.restart("minio")
    wait_until(lambda: httpx.get(f"{url}/ready", timeout=60).status_code == 200, "ready again")
    wait_until(lambda: httpx.get(f"{url}/health", timeout=60).json()["status"] == "ok", "health ok")
