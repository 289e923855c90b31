"""Events of logged models and traces through the ingest route: what is taken, and what is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trackstream.log.http import ingest_request
from trackstream.log.port import EncodedEvent
from trackstream_api.ingest.events import EventRefused, encoded_events
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

METRIC = e.ModelMetric("acc", 0.5, 0, 5, "iris", "abc")
JUDGED = e.Assessment("a-1", "correct", "feedback", "true", "HUMAN", "ann", 5, 6, error="{}")
TRACE = e.TraceLogged("tr-1", "0", 5, "OK", 7, "c", "a", "b", {"m": "1"}, {"t": "1"}, [JUDGED])
CREATED = e.LoggedModelCreated("m-1", "0", "forest", "r", "Agent", {"p": "1"}, {"t": "1"})


def taken(body: e.Body) -> EncodedEvent:
    envelope = e.Envelope(new_id(), 1_700_000_000_000, new_id(), 0)
    sent = codec.encode(e.Event(envelope, body))
    (found,) = encoded_events(ingest_request([EncodedEvent("", "", sent)]))
    assert found.value == sent
    return found


@pytest.mark.parametrize(
    ("body", "topic", "key"),
    [
        (CREATED, topics.LOGGED_MODELS, "m-1"),
        (replace(CREATED, source_run_id=None, model_type=None), topics.LOGGED_MODELS, "m-1"),
        (e.LoggedModelFinalized("m-1", "READY"), topics.LOGGED_MODELS, "m-1"),
        (e.LoggedModelTagsSet("m-1", {"t": "1"}), topics.LOGGED_MODELS, "m-1"),
        (e.LoggedModelTagsDeleted("m-1", ["t"]), topics.LOGGED_MODELS, "m-1"),
        (e.LoggedModelParamsLogged("m-1", {"p": "1"}), topics.LOGGED_MODELS, "m-1"),
        (e.LoggedModelMetricsLogged("m-1", "r", [METRIC]), topics.LOGGED_MODELS, "m-1"),
        (e.LoggedModelDeleted("m-1"), topics.LOGGED_MODELS, "m-1"),
        (e.ModelsLinked("r", ["m-1"], [e.ModelOutput("m-2", 3)]), topics.RUNS, "r"),
        (TRACE, topics.TRACES, "tr-1"),
        (e.TraceTagsSet("tr-1", {"t": "1"}), topics.TRACES, "tr-1"),
        (e.TraceTagsDeleted("tr-1", ["t"]), topics.TRACES, "tr-1"),
        (e.TraceLinked("tr-1", ["r"], [e.PromptVersion("p", "1")]), topics.TRACES, "tr-1"),
        (e.AssessmentLogged("tr-1", JUDGED), topics.TRACES, "tr-1"),
        (e.AssessmentUpdated("tr-1", "a-1", 7, value="null"), topics.TRACES, "tr-1"),
        (e.AssessmentDeleted("tr-1", "a-1"), topics.TRACES, "tr-1"),
        (e.TraceDeleted("tr-1"), topics.TRACES, "tr-1"),
    ],
)
def test_what_producers_may_send_is_taken(body: e.Body, topic: str, key: str) -> None:
    found = taken(body)
    assert (found.topic, found.key) == (topic, key)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (e.LoggedModelDeleted("../m"), "model_id"),
        (replace(CREATED, experiment_id=""), "experiment_id"),
        (replace(CREATED, name="n" * 501), "name"),
        (replace(CREATED, source_run_id="a b"), "source_run_id"),
        (replace(CREATED, params={"p" * 256: ""}), "params key"),
        (e.LoggedModelTagsSet("m-1", {"t": "\x00"}), "tags 't'"),
        (e.LoggedModelTagsDeleted("m-1", ["\x00"]), "tag key"),
        (e.LoggedModelMetricsLogged("m-1", "../r", [METRIC]), "run_id"),
        (e.LoggedModelMetricsLogged("m-1", "r", [replace(METRIC, key="a//b")]), "metric key"),
        (e.LoggedModelMetricsLogged("m-1", "r", [replace(METRIC, timestamp=-1)]), "metric timestamp"),
        (e.ModelsLinked("r", ["../m"]), "model_id"),
        (e.TraceDeleted(""), "trace_id"),
        (replace(TRACE, request_time=-1), "request_time"),
        (replace(TRACE, client_request_id="c" * 256), "client_request_id"),
        (replace(TRACE, assessments=[replace(JUDGED, value="{")]), "value"),
        (e.AssessmentLogged("tr-1", replace(JUDGED, error="no JSON")), "error"),
        (e.AssessmentLogged("tr-1", replace(JUDGED, created_at=-1)), "created_at"),
        (e.AssessmentUpdated("tr-1", "a-1", 7, value="]"), "value"),
        (e.AssessmentDeleted("tr-1", "a/1"), "assessment_id"),
        (e.TraceLinked("tr-1", ["../r"]), "run_ids"),
    ],
)
def test_what_is_wrong_is_named(body: e.Body, told: str) -> None:
    with pytest.raises(EventRefused) as refused:
        taken(body)
    assert told in str(refused.value)
