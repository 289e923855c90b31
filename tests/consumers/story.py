"""A log that has a bit of everything, for tests of the whole way."""

from __future__ import annotations

import hashlib
from typing import Any

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


def points(run_id: str, key: str, *steps: int, writer: str = "rank0") -> e.MetricsLogged:
    """A batch of one key, the values being the steps."""
    at = np.array(steps, dtype=np.int64)
    return e.MetricsLogged(
        run_id, writer, (key,), np.zeros(len(at), np.int32), at, 1_700_000_000_000 + at, at.astype(np.float64)
    )


def report(run_id: str, state: e.WriterState = "closed", **fields: Any) -> e.WriterReported:
    """What a writer says of itself."""
    said = {"started_at": 1_700_000_000_000, "heartbeat_s": 30.0} | fields
    return e.WriterReported(run_id, said.pop("writer", "rank0"), state, **said)


def rewinding(run_id: str) -> list[e.Body]:
    """A run that goes back twice, the second time joined by another rank, and loses a metric by that."""
    return [
        report(run_id, "attached"),
        points(run_id, "late", 20, 21),
        e.RunRewound(run_id, "rank0", 15),
        points(run_id, "loss", 12, 16, 17),
        points(run_id, "later", 30),
        e.RunRewound(run_id, "rank0", 13),
        e.RunRewound(run_id, "rank1", 13),
        points(run_id, "loss", 14),
        report(run_id, batches=6, points={"loss": 24, "acc": 20, "late": 2, "later": 1}, last_sequence=40),
    ]


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def chunks(upload_id: str, content: bytes, size: int = 2000) -> list[e.ArtifactChunk]:
    """A content as an upload."""
    return [
        e.ArtifactChunk(upload_id, at, len(content), digest(content), content[at : at + size])
        for at in range(0, len(content), size)
    ]


def registry() -> list[e.RegistryBody]:
    """What happened to some registered models; "guard" and "watch" are after the same names."""
    created = [
        e.ModelVersionCreated("11", f"creation-{n}", f"runs:/run-a/{n}", run_id="run-a") for n in range(4)
    ]
    return [
        e.ModelVersionCreated("11", "too early", "runs:/run-a/m"),
        e.RegisteredModelCreated("11", "guard", "creation-a", "finds faults", {"team": "a", "gone": "1"}),
        e.RegisteredModelCreated("11", "guard", "creation-b"),
        e.RegisteredModelCreated("22", "watch", "creation-c"),
        *created,
        e.ModelVersionTagsSet("11", 2, {"a": "1", "gone": "1"}),
        e.ModelVersionTagsDeleted("11", 2, ["gone"]),
        e.ModelVersionUpdated("11", 1, "first of all"),
        e.ModelVersionStageSet("11", 1, "Production", False),
        e.ModelVersionStageSet("11", 2, "Production", True),
        e.ModelAliasSet("11", "champion", 2),
        e.ModelAliasSet("11", "last", 3),
        e.ModelVersionDeleted("11", 3),
        e.ModelAliasSet("11", "late", 3),
        e.ModelVersionCreated("11", "creation-4", "runs:/run-b/m", tags={"b": "2"}),
        e.RegisteredModelRenamed("22", "guard"),
        e.RegisteredModelRenamed("11", "guardian"),
        e.RegisteredModelRenamed("22", "guard"),
        e.RegisteredModelCreated("33", "guard", "creation-d"),
        e.RegisteredModelTagsSet("11", {"team": "b"}),
        e.RegisteredModelTagsDeleted("11", ["gone"]),
        e.RegisteredModelUpdated("11", "finds them all"),
        e.ModelVersionCreated("22", "creation-5", "s3://bucket/x"),
        e.ModelAliasSet("22", "only", 1),
        e.ModelAliasDeleted("22", "only"),
        e.RegisteredModelDeleted("22"),
        e.RegisteredModelCreated("22", "watch", "creation-e"),
        e.ModelVersionCreated("22", "creation-6", "s3://bucket/y"),
        e.RegisteredModelCreated("33", "guard", "creation-f"),
    ]


def models_and_traces() -> list[e.Body]:
    """Logged models and traces of the runs, with a model and a trace that go again."""
    measured = [
        e.ModelMetric("acc", float("nan"), 1, 1000, "digits", "abc"),
        e.ModelMetric("acc", 0.5, 1, 1000),
    ]
    judged = e.Assessment("a-1", "correct", "feedback", "true", "HUMAN", "ann", 5, 5, metadata={"k": "v"})
    again = e.Assessment(
        "a-2", "correct", "feedback", "false", "LLM_JUDGE", "judge", 6, 6, overrides="a-1", rationale="no"
    )
    found: list[e.Body] = []
    for run_id in RUNS:
        model_id, trace_id = f"m-{run_id}", f"tr-{run_id}"
        found += [
            e.LoggedModelMetricsLogged(model_id, run_id, measured),
            e.LoggedModelCreated(model_id, "1", "forest", run_id, "", {"depth": "3"}, {"stage": "new"}),
            e.LoggedModelCreated(model_id, "1", "tree", run_id),
            e.LoggedModelParamsLogged(model_id, {"depth": "4", "leaves": "9"}),
            e.LoggedModelTagsSet(model_id, {"stage": "old", "note": "x"}),
            e.LoggedModelTagsDeleted(model_id, ["note"]),
            e.LoggedModelMetricsLogged(model_id, run_id, measured),
            e.LoggedModelFinalized(model_id, "READY"),
            e.ModelsLinked(run_id, ["m-other"], [e.ModelOutput(model_id, 3)]),
            e.TraceTagsSet(trace_id, {"note": "early"}),
            e.TraceLogged(
                trace_id, "1", 1000, "IN_PROGRESS", None, "c", '{"q": 1}', None, {"a": "b"}, {"t": "u"}
            ),
            e.AssessmentLogged(trace_id, judged),
            e.AssessmentLogged(trace_id, again),
            e.AssessmentUpdated(trace_id, "a-2", 7, None, "null", '{"error_code": "E"}', None, {"m": "n"}),
            e.TraceLogged(
                trace_id, "1", 1000, "OK", 12, "c", None, '"yes"', {"c": "d"}, {"t": "v"}, [judged]
            ),
            e.TraceLinked(trace_id, [run_id], [e.PromptVersion("greeting", "2")]),
            e.TraceTagsDeleted(trace_id, ["t"]),
            e.AssessmentDeleted(trace_id, "a-1"),
        ]
    return [
        *found,
        e.LoggedModelDeleted("m-run-b"),
        e.LoggedModelPurged("m-run-b"),
        e.LoggedModelMetricsLogged("m-run-b", "run-a", measured),
        e.LoggedModelTagsSet("m-run-b", {"too": "late"}),
        e.ArtifactLogged("m-run-b", "model/MLmodel", 5, "1" * 64),
        e.TraceDeleted("tr-run-b"),
        e.ArtifactLogged("tr-run-b", "traces.json", 5, "2" * 64),
    ]


def launches() -> list[e.LaunchBody]:
    """Launches of projects: one that finishes, one that two want, one that is lost, one that is cancelled."""

    def requested(launch_id: str, **fields: Any) -> e.LaunchRequested:
        return e.LaunchRequested(
            launch_id, "run-a", "1", "./digits", "main", "local", None, {"alpha": "0.5"}, **fields
        )

    return [
        requested("launch-a"),
        e.LaunchClaimed("launch-a", "claim-a", "node1", 4711, 20.0),
        e.LaunchPrepared("launch-a", "claim-a", "digits", "virtualenv", "./digits", "c" * 40, True, "d" * 64),
        e.LaunchStarted("launch-a", "claim-a", "process 12 on node1", "python train.py"),
        e.LaunchHeartbeat("launch-a", "claim-a"),
        e.LaunchEnded("launch-a", "claim-a", "finished", 0),
        requested("launch-b", queue="gpu", max_attempts=2),
        e.LaunchClaimed("launch-b", "claim-b", "node1", 1, 20.0),
        e.LaunchClaimed("launch-b", "claim-c", "node2", 2, 20.0),
        e.LaunchStarted("launch-b", "claim-c", "process 13 on node2", "python train.py"),
        e.LaunchLost("launch-b", "claim-b", "launcher lost", True),
        e.LaunchClaimed("launch-b", "claim-c", "node2", 2, 20.0),
        e.LaunchLost("launch-b", "claim-c", "launcher lost", True),
        requested("launch-c"),
        e.LaunchCancelRequested("launch-c", "not needed"),
        e.LaunchClaimed("launch-c", "claim-d", "node1", 3, 20.0),
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
        # Enough of them to be rolled up twice.
        points("run-b", "dense", *range(-100, 200)),
        *rewinding("run-a"),
        *models_and_traces(),
        e.RunDeleted("run-b"),
        e.RunDeleted("run-c"),
        e.RunPurged("run-c"),
        e.ExperimentRenamed("2", "sound"),
        e.ExperimentCreated("2", "audio"),
        e.ExperimentDeleted("2"),
        *registry(),
        *launches(),
        e.DeadLettered("entities", "trackstream.runs", 0, 77, "run-a", b"\xff\x00", "MalformedEvent", "bad"),
        e.DeadLetterResolved("trackstream.runs", 0, 77, "retried"),
        e.DeadLetterResolved("trackstream.runs", 0, 77, "dropped", "sent by a broken client"),
    ]
    return found
