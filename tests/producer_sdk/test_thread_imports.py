"""The sending thread imports nothing: a fork meanwhile would leave the child with half-imported modules."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.query_api.live_server import LiveServer

if TYPE_CHECKING:
    from pathlib import Path

_SCRIPT = """
import sys, threading

class Watch:
    seen = []
    def find_spec(self, name, path=None, target=None):
        self.seen.append((threading.current_thread().name, name))

sys.meta_path.insert(0, Watch())
import trackstream
trackstream.set_tracking_uri(sys.argv[1])
trackstream.set_experiment("x")
with trackstream.start_run(log_system_metrics=True):
    trackstream.log_param("a", 1)
    trackstream.log_metric("loss", 0.5)
    trackstream.set_tag("k", "v")
    trackstream.log_text("text", "a.txt")
    trackstream.log_input({"name": "d", "digest": "1", "source": "s"})
assert trackstream.delivery_report().complete
elsewhere = [(thread, name) for thread, name in Watch.seen if thread.startswith("trackstream")]
assert not elsewhere, elsewhere
assert Watch.seen
"""


@pytest.mark.parametrize("over", ["directory", "http"])
def test_the_sending_thread_imports_nothing(tmp_path: Path, over: str) -> None:
    server = LiveServer(tmp_path / "served") if over == "http" else None
    uri = str(tmp_path / "store") if server is None else server.url
    try:
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, uri], capture_output=True, text=True, timeout=120, check=False
        )
    finally:
        if server is not None:
            server.close()
    assert done.returncode == 0, done.stderr
