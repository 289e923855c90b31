"""Golden bytes: every published schema version stays readable for ever.

`golden/NAME.vN.hex` holds one message of each published version. A new version adds a file; a file is
never changed. To add the file of a new schema: `python -m tests.schemas.test_golden`.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from trackstream_schemas import codec
from trackstream_schemas import events as e
from trackstream_schemas.schema_files import SchemaFile, newest, published

GOLDEN = Path(__file__).parent / "golden"
EVENT_FILES = [file for file in published() if file.event_name != "IngestRequest"]
ENVELOPE = e.Envelope(
    "018f0000000070008000000000000001", 1_790_000_000_123, "018f0000000070008000000000000002", 42, "ada"
)
JUDGED = e.Assessment(
    "a-1",
    "correct",
    "feedback",
    "true",
    "HUMAN",
    "ada",
    1_790_000_000_001,
    1_790_000_000_002,
    '{"error_code": "E"}',
    "why",
    None,
    "s1",
    None,
    {"m": "n"},
)
EXAMPLES: dict[str, e.Body] = {
    type(body).__name__: body
    for body in (
        e.ExperimentCreated("123", "vision", "s3://bucket/x", {"team": "vision"}),
        e.ExperimentRenamed("123", "Blick über den Zaun"),
        e.ExperimentDeleted("123"),
        e.ExperimentRestored("123"),
        e.ExperimentPurged("123"),
        e.ExperimentTagsSet("123", {"a": "1"}),
        e.ExperimentTagsDeleted("123", ["a", "b"]),
        e.RunStarted("run1", "123", "brisk-owl-7", 1_790_000_000_000, "ada", {"mlflow.user": "ada"}),
        e.RunUpdated("run1", "FINISHED", 1_790_000_001_000, None),
        e.RunDeleted("run1"),
        e.RunRestored("run1"),
        e.RunPurged("run1"),
        e.ParamsLogged("run1", {"lr": "0.01"}),
        e.TagsSet("run1", {"note": "first"}),
        e.TagsDeleted("run1", ["note"]),
        e.InputsLogged(
            "run1", [e.DatasetInput("iris", "abc", "code", "{}", None, '{"rows":150}', {"x": "y"})]
        ),
        e.MetricsLogged(
            "run1",
            "rank0",
            ("loss", "acc"),
            np.array([0, 1, 0], np.int32),
            np.array([-1, 0, 2**40]),
            np.array([1_790_000_000_000, 1_790_000_000_001, 1_790_000_000_500]),
            np.array([0.5, float("-inf"), -0.0]),
        ),
        e.ArtifactLogged("run1", "plots/loss.png", 1234, "a" * 64, "image/png", "upload1"),
        e.ArtifactDeleted("run1", "plots"),
        e.ArtifactChunk("upload1", 0, 3, "b" * 64, b"\x00\x01\x02"),
        e.ModelsLinked("run1", ["m-1"], [e.ModelOutput("m-2", 7)]),
        e.LoggedModelCreated("m-1", "123", "forest", "run1", None, {"depth": "3"}, {"team": "vision"}),
        e.LoggedModelFinalized("m-1", "READY"),
        e.LoggedModelDeleted("m-1"),
        e.LoggedModelPurged("m-1"),
        e.LoggedModelTagsSet("m-1", {"note": "first"}),
        e.LoggedModelTagsDeleted("m-1", ["note"]),
        e.LoggedModelParamsLogged("m-1", {"depth": "3"}),
        e.LoggedModelMetricsLogged(
            "m-1", "run1", [e.ModelMetric("acc", 0.5, -1, 1_790_000_000_000, "iris", None)]
        ),
        e.TraceLogged(
            "tr-1",
            "123",
            1_790_000_000_000,
            "OK",
            17,
            "c1",
            '{"q": 1}',
            None,
            {"k": "v"},
            {"t": "u"},
            [JUDGED],
        ),
        e.TraceDeleted("tr-1"),
        e.TraceTagsSet("tr-1", {"t": "u"}),
        e.TraceTagsDeleted("tr-1", ["t"]),
        e.TraceLinked("tr-1", ["run1"], [e.PromptVersion("greeting", "2")]),
        e.AssessmentLogged("tr-1", JUDGED),
        e.AssessmentUpdated("tr-1", "a-1", 1_790_000_000_003, None, "false", None, "why not", {"m": "n"}),
        e.AssessmentDeleted("tr-1", "a-1"),
        e.RegisteredModelCreated("77", "Wächter", "018f01", "finds faults", {"team": "vision"}),
        e.RegisteredModelUpdated("77", "finds them all"),
        e.RegisteredModelRenamed("77", "guard"),
        e.RegisteredModelDeleted("77"),
        e.RegisteredModelTagsSet("77", {"a": "1"}),
        e.RegisteredModelTagsDeleted("77", ["a", "b"]),
        e.ModelVersionCreated(
            "77",
            "018f02",
            "models:/m-1",
            "mlflow-artifacts:/0/models/m-1/artifacts",
            "run1",
            "m-1",
            None,
            "first",
            "ada",
            {"x": "y"},
        ),
        e.ModelVersionUpdated("77", 3, "better"),
        e.ModelVersionStageSet("77", 3, "Production", True),
        e.ModelVersionDeleted("77", 3),
        e.ModelVersionTagsSet("77", 3, {"a": "1"}),
        e.ModelVersionTagsDeleted("77", 3, ["a"]),
        e.ModelAliasSet("77", "champion", 3),
        e.ModelAliasDeleted("77", "champion"),
        e.LaunchRequested(
            "launch1",
            "run1",
            "123",
            "https://host/digits.git#examples",
            "main",
            "local",
            "v1.2",
            {"alpha": "0.5"},
            '{"cpus": 2}',
            "uv",
            {"gpus": "all", "tty": ""},
            "/scratch",
            "gpu",
            3,
            "launch0",
            "launch-parent",
            "ada",
        ),
        e.LaunchClaimed("launch1", "claim1", "node7", 4711, 20.0),
        e.LaunchPrepared(
            "launch1",
            "claim1",
            "digits",
            "virtualenv",
            "https://host/digits.git",
            "c" * 40,
            False,
            "d" * 64,
            None,
        ),
        e.LaunchStarted("launch1", "claim1", "process 4712 on node7", "python train.py --alpha 0.5"),
        e.LaunchHeartbeat("launch1", "claim1"),
        e.LaunchCancelRequested("launch1", "too expensive"),
        e.LaunchEnded("launch1", "claim1", "failed", -9, "the program was ended by SIGKILL"),
        e.LaunchLost("launch1", "claim1", "launcher lost", True),
        e.WriterReported(
            "run1", "rank7", "alive", 1_790_000_000_000, 30.0, 2, {"loss": 5}, 3, 1, 0, 41, 7, 1
        ),
        e.RunRewound("run1", "rank7", -3),
        e.DeadLettered("metrics", "trackstream.metrics", 0, 17, "run1", b"\xff", "MalformedEvent", "bad"),
        e.DeadLetterResolved("trackstream.metrics", 0, 17, "dropped", "sent by a broken client"),
    )
}


def golden_file(file: SchemaFile) -> Path:
    return GOLDEN / f"{file.event_name}.v{file.version}.hex"


@pytest.mark.parametrize("file", EVENT_FILES, ids=lambda file: f"{file.event_name}.v{file.version}")
def test_golden_bytes_decode_to_the_event_they_were_made_of(file: SchemaFile) -> None:
    message = bytes.fromhex(golden_file(file).read_text())
    assert message[2:10] == file.fingerprint, "a published .avsc was edited: add a new version instead"
    assert codec.decode(message) == e.Event(ENVELOPE, EXAMPLES[file.event_name])


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_golden_bytes_of_the_newest_version_are_what_we_write(name: str) -> None:
    message = bytes.fromhex(golden_file(newest()[name]).read_text())
    assert codec.encode(e.Event(ENVELOPE, EXAMPLES[name])) == message


def test_there_is_a_golden_file_for_each_schema_and_none_besides() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {golden_file(file).name for file in EVENT_FILES}


@pytest.mark.parametrize("file", EVENT_FILES, ids=lambda file: file.event_name)
def test_event_class_and_schema_have_the_same_fields(file: SchemaFile) -> None:
    in_class = [field.name for field in dataclasses.fields(EXAMPLES[file.event_name])]
    in_schema = [field["name"].replace("_deltas", "s") for field in json.loads(file.text)["fields"]]
    assert ["envelope", *in_class] == in_schema


@pytest.mark.parametrize("file", published(), ids=lambda file: file.event_name)
def test_every_field_is_documented(file: SchemaFile) -> None:
    schema = json.loads(file.text)
    assert schema["doc"]
    assert all(field["doc"] for field in schema["fields"])


if __name__ == "__main__":
    for missing in EVENT_FILES:
        if not golden_file(missing).exists():
            event = e.Event(ENVELOPE, EXAMPLES[missing.event_name])
            golden_file(missing).write_text(codec.encode(event).hex() + "\n")
