"""A log that has a bit of everything, for tests of the whole way."""

from __future__ import annotations

import hashlib

import numpy as np

from trackstream_schemas import events as e

RUNS = ("run-a", "run-b", "run-c")
CONTENTS = tuple(run_id.encode() + bytes(range(256)) * 20 for run_id in RUNS)


def metrics(run_id: str, first_step: int, count: int = 20) -> e.MetricsLogged:
    """A batch of two keys with values that are hard to keep: NaN, infinities, negative zero."""
    steps = first_step + np.arange(count)
    values = np.sin(steps.astype(np.float64))
    values[:4] = [np.nan, np.inf, -np.inf, -0.0]
    return e.MetricsLogged(
        run_id,
        "rank0",
        ("loss", "acc"),
        (steps % 2).astype(np.int32),
        steps,
        1_700_000_000_000 + steps,
        values,
    )


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def chunks(upload_id: str, content: bytes, size: int = 2000) -> list[e.ArtifactChunk]:
    """A content as an upload."""
    return [
        e.ArtifactChunk(upload_id, at, len(content), digest(content), content[at : at + size])
        for at in range(0, len(content), size)
    ]


def bodies() -> list[e.Body]:
    """What happened, in one order in which it may have."""
    found: list[e.Body] = [
        e.ExperimentCreated("1", "vision", None, {"team": "a"}),
        e.ExperimentTagsSet("1", {"team": "b"}),
        e.ExperimentCreated("2", "audio"),
    ]
    for number, (run_id, content) in enumerate(zip(RUNS, CONTENTS, strict=True)):
        found += [
            metrics(run_id, -10),
            e.RunStarted(run_id, "1", f"name-{number}", 1000 + number, "ann", {"kind": "test", "gone": "1"}),
            e.ParamsLogged(run_id, {"lr": "0.1", "seed": str(number)}),
            e.ParamsLogged(run_id, {"lr": "0.2"}),
            metrics(run_id, 10),
            *chunks(f"upload-{number}", content),
            e.ArtifactLogged(run_id, "model.bin", len(content), digest(content), None, f"upload-{number}"),
            e.ArtifactLogged(run_id, "notes.txt", 5, "0" * 64, "text/plain"),
            e.TagsDeleted(run_id, ["gone"]),
            e.TagsSet(run_id, {"mlflow.runName": f"renamed-{number}"}),
            e.ArtifactDeleted(run_id, "notes.txt"),
            e.InputsLogged(run_id, [e.DatasetInput("digits", "abc", "sklearn", "load_digits")]),
            e.RunUpdated(run_id, "FINISHED", 2000 + number),
        ]
    found += [
        e.RunDeleted("run-b"),
        e.RunDeleted("run-c"),
        e.RunPurged("run-c"),
        e.ExperimentRenamed("2", "sound"),
        e.ExperimentCreated("2", "audio"),
        e.ExperimentDeleted("2"),
        e.DeadLettered("entities", "trackstream.runs", 0, 77, "run-a", b"\xff\x00", "MalformedEvent", "bad"),
    ]
    return found
