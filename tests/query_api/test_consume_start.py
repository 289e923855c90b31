"""A consumer that is asked to stop before it has begun."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

TRACKSTREAM = Path(sys.executable).parent / "trackstream"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_that_is_asked_to_stop_while_it_starts_ends_well(number: signal.Signals) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(60)
        port = listener.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKSTREAM_")}
        process = subprocess.Popen(
            [TRACKSTREAM, "consume", "entities"],
            env=kept
            | {
                "TRACKSTREAM_KAFKA": "127.0.0.1:1",
                "TRACKSTREAM_CLICKHOUSE": f"http://default:@127.0.0.1:{port}",
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            # It waits for the analytical store's first answer, which does not come.
            connection, _ = listener.accept()
            process.send_signal(number)
            listener.close()
            connection.close()
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    assert "Error" not in errors
    assert "Traceback" not in errors
