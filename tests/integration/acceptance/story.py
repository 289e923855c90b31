"""A trainer's story, the same whatever it is logged to.

`python -m tests.integration.acceptance.story URI PART` tells it. Every run has a name of its own, by which
the tests know it.
"""

from __future__ import annotations

import hashlib
import math
import sys

import trackstream

CHUNKED = bytes(range(256)) * 6000
"""Travels on the log in three chunks."""
LARGE = hashlib.sha256(b"seed").digest() * (9 << 15)
"""9 MiB: more than travels on the log, so it goes to the blob store first."""
STEPS = 200


def search() -> None:
    """A small search: three runs of which `lr-0.1` is the best."""
    trackstream.set_experiment("search")
    trackstream.set_experiment_tags({"team": "vision"})
    for rate in (0.001, 0.01, 0.1):
        with trackstream.start_run(run_name=f"lr-{rate}", tags={"kind": "sweep"}):
            trackstream.log_params({"lr": rate, "layers": 3})
            for step in range(STEPS):
                loss = math.exp(-rate * step)
                trackstream.log_metrics(
                    {"loss": loss, "accuracy": 1 - loss}, step=step, timestamp=1000 + step
                )
            trackstream.log_metric("odd", math.nan, step=1, timestamp=1)
            trackstream.log_metric("odd", math.inf, step=2, timestamp=2)
            trackstream.log_text(f"rate {rate}", "notes/readme.txt")


def artifacts() -> None:
    """Files of all sizes, a failed run and an experiment's default."""
    import tempfile
    from pathlib import Path

    trackstream.set_experiment("files")
    with tempfile.TemporaryDirectory() as directory, trackstream.start_run(run_name="files"):
        for name, content in (("chunked.bin", CHUNKED), ("large.bin", LARGE), ("empty", b"")):
            path = Path(directory) / name
            path.write_bytes(content)
            trackstream.log_artifact(str(path), "model")
        trackstream.log_dict({"a": [1, 2]}, "config.json")
    run = trackstream.start_run(run_name="broken")
    trackstream.set_tags({"gone": "soon", "kept": "yes"})
    trackstream.delete_tag("gone")
    trackstream.end_run("FAILED")
    assert run is not None


if __name__ == "__main__":
    trackstream.set_tracking_uri(sys.argv[1])
    {"search": search, "artifacts": artifacts}[sys.argv[2]]()
