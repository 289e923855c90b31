"""Traces and assessments through the real mlflow package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient


@pytest.fixture
def tracing(tracked: Any, experiment_id: str) -> Iterator[Any]:
    """The `mlflow` module with an experiment of the test's own, spans exported in the calling thread."""
    tracked.config.enable_async_logging(False)
    tracked.set_experiment(experiment_id=experiment_id)
    yield tracked
    tracked.flush_trace_async_logging()


def traced(tracing: Any, name: str = "answer", **tags: str) -> str:
    """Log a trace of two spans and return its id."""

    @tracing.trace(name=name, span_type="CHAIN")
    def answer(question: str) -> str:
        with tracing.start_span("look up", span_type="RETRIEVER") as span:
            span.set_inputs({"question": question, "depth": 3, "deep": {"list": [1, 2.5, None, True]}})
            span.set_attribute("weight", 0.25)
            tracing.update_current_trace(tags=tags)
        return question.upper()

    answer("what?")
    tracing.flush_trace_async_logging()
    return str(tracing.get_last_active_trace_id())


def test_a_trace_comes_back_with_its_spans(tracing: Any, experiment_id: str) -> None:
    trace = tracing.get_trace(traced(tracing, kind="test"))
    info = trace.info
    assert (info.experiment_id, info.state.value, info.tags["kind"]) == (experiment_id, "OK", "test")
    assert info.execution_duration >= 0
    assert (info.request_preview, info.response_preview) == ('{"question": "what?"}', '"WHAT?"')
    root, inner = trace.data.spans
    assert (root.name, root.span_type, root.parent_id) == ("answer", "CHAIN", None)
    assert (inner.name, inner.parent_id, inner.get_attribute("weight")) == ("look up", root.span_id, 0.25)
    assert inner.inputs == {"question": "what?", "depth": 3, "deep": {"list": [1, 2.5, None, True]}}


def test_the_server_gives_spans_as_open_telemetry_does(tracing: Any) -> None:
    """What the client asks of a server that keeps spans itself."""
    from mlflow.tracking._tracking_service.utils import _get_store

    trace_id = traced(tracing)
    wanted = tracing.get_trace(trace_id)
    store = _get_store()
    for found in (store.get_trace(trace_id), *store.batch_get_traces([trace_id, "tr-missing"])):
        assert found.info.to_dict() == wanted.info.to_dict()
        assert [span.to_dict() for span in found.data.spans] == [span.to_dict() for span in wanted.data.spans]
    (info,) = store.batch_get_trace_infos([trace_id])
    assert info.to_dict() == wanted.info.to_dict()


def test_a_failed_trace(tracing: Any, client: MlflowClient) -> None:
    @tracing.trace
    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    tracing.flush_trace_async_logging()
    trace = client.get_trace(tracing.get_last_active_trace_id())
    assert trace.info.state.value == "ERROR"
    assert trace.data.spans[0].events[0].name == "exception"


def test_tags(tracing: Any, client: MlflowClient) -> None:
    from mlflow.exceptions import MlflowException

    trace_id = traced(tracing, kept="1")
    client.set_trace_tag(trace_id, "note", "ein Wörtchen")
    assert client.get_trace(trace_id).info.tags["note"] == "ein Wörtchen"
    client.delete_trace_tag(trace_id, "note")
    tags = client.get_trace(trace_id).info.tags
    assert (tags["kept"], "note" in tags) == ("1", False)
    with pytest.raises(MlflowException, match="No trace tag with key 'note'") as raised:
        client.delete_trace_tag(trace_id, "note")
    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(MlflowException, match="not found"):
        client.set_trace_tag("tr-missing", "a", "b")


def test_feedback_and_expectations(tracing: Any) -> None:
    from mlflow.entities import AssessmentSource, Expectation, Feedback
    from mlflow.exceptions import MlflowException

    trace_id = traced(tracing)
    person = AssessmentSource("HUMAN", "ann")
    first = tracing.log_feedback(
        trace_id=trace_id, name="correct", value=True, source=person, rationale="so", metadata={"a": "b"}
    )
    wanted = tracing.log_expectation(
        trace_id=trace_id, name="answer", value={"text": ["WHAT?"]}, source=person
    )
    failed = tracing.log_feedback(trace_id=trace_id, name="judged", error=ValueError("broken"))
    found = {item.assessment_id: item for item in tracing.get_trace(trace_id).info.assessments}
    assert found.keys() == {first.assessment_id, wanted.assessment_id, failed.assessment_id}
    kept = found[first.assessment_id]
    assert (kept.value, kept.rationale, kept.metadata, kept.source.source_id, kept.valid) == (
        True,
        "so",
        {"a": "b"},
        "ann",
        True,
    )
    assert found[wanted.assessment_id].value == {"text": ["WHAT?"]}
    assert found[failed.assessment_id].error.error_message == "broken"

    tracing.update_assessment(
        trace_id=trace_id,
        assessment_id=first.assessment_id,
        assessment=Feedback(name="correct", value=0.5, metadata={"c": "d"}),
    )
    changed = tracing.get_assessment(trace_id, first.assessment_id)
    assert (changed.value, changed.rationale, changed.metadata) == (0.5, "so", {"a": "b", "c": "d"})
    with pytest.raises(MlflowException, match="Cannot update expectation value"):
        tracing.update_assessment(
            trace_id=trace_id,
            assessment_id=first.assessment_id,
            assessment=Expectation(name="correct", value="x"),
        )
    second = tracing.override_feedback(trace_id=trace_id, assessment_id=first.assessment_id, value="better")
    assert tracing.get_assessment(trace_id, first.assessment_id).valid is False
    tracing.delete_assessment(trace_id, second.assessment_id)
    assert tracing.get_assessment(trace_id, first.assessment_id).valid is True
    with pytest.raises(MlflowException, match=f"Assessment with ID '{second.assessment_id}' not found"):
        tracing.get_assessment(trace_id, second.assessment_id)


def test_searches(tracing: Any, client: MlflowClient, experiment_id: str) -> None:
    from mlflow.exceptions import MlflowException

    with tracing.start_run() as run:
        within = traced(tracing, "one", kind="a")
    other = traced(tracing, "two", kind="b")
    last = traced(tracing, "three")
    tracing.log_feedback(trace_id=other, name="score", value=0.75)
    tracing.log_feedback(trace_id=last, name="label", value="good")

    def found(filter_string: str | None = None, **options: Any) -> list[str]:
        traces = tracing.search_traces(
            locations=[experiment_id],
            filter_string=filter_string,
            return_type="list",
            include_spans=False,
            **options,
        )
        return [trace.info.trace_id for trace in traces]

    assert set(found()) == {within, other, last}
    assert found(order_by=["timestamp_ms ASC"]) == [within, other, last]
    assert found("tags.kind = 'a'") == [within]
    assert found("tags.kind IS NULL") == [last]
    assert found("trace.name LIKE 't%'", order_by=["timestamp ASC"]) == [other, last]
    assert found("name RLIKE '^t.o$'") == [other]
    assert found("attributes.status = 'ERROR'") == []
    assert found("status = 'OK' AND timestamp_ms > 0 AND execution_time_ms >= 0", max_results=2) != []
    assert found(f"request_metadata.`mlflow.sourceRun` = '{run.info.run_id}'") == [within]
    assert found(run_id=run.info.run_id) == [within]
    assert found("feedback.score > 0.5") == [other]
    assert found("feedback.label = 'good'") == [last]
    assert found("feedback.label IS NOT NULL") == [last]
    assert found(order_by=["name DESC"]) == [other, last, within]
    client.link_traces_to_run([last], run.info.run_id)
    assert set(found(run_id=run.info.run_id)) == {within, last}

    pages, token = [], None
    for _ in range(3):
        page = client.search_traces(
            locations=[experiment_id], max_results=1, order_by=["timestamp ASC"], page_token=token
        )
        pages += [trace.info.trace_id for trace in page]
        token = page.token
    assert (pages, token) == ([within, other, last], None)
    assert [len(trace.data.spans) for trace in client.search_traces(locations=[experiment_id])] == [2, 2, 2]
    for wrong in ("tags.kind ~ 'a'", "status = 1", "name RLIKE '('", "name RLIKE '(?=x)'"):
        with pytest.raises(MlflowException) as raised:
            found(wrong)
        assert raised.value.error_code == "INVALID_PARAMETER_VALUE", wrong


def test_deletion(tracing: Any, client: MlflowClient, experiment_id: str) -> None:
    from mlflow.exceptions import MlflowException

    ids = [traced(tracing) for _ in range(4)]
    assert client.delete_traces(experiment_id, trace_ids=[ids[3], "tr-missing"]) == 1
    assert client.delete_traces(experiment_id, max_timestamp_millis=2**60, max_traces=1) == 1
    with pytest.raises(MlflowException) as raised:
        client.get_trace(ids[0])
    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    left = client.search_traces(locations=[experiment_id])
    assert {trace.info.trace_id for trace in left} == set(ids[1:3])
    assert client.delete_traces(experiment_id, max_timestamp_millis=2**60) == 2
    assert client.delete_traces(experiment_id, max_timestamp_millis=2**60) == 0


def test_the_old_calls(client: MlflowClient, experiment_id: str) -> None:
    """What clients before 3.0 ask: a trace is begun, and ended by a later call."""
    from mlflow.entities.trace_status import TraceStatus
    from mlflow.tracking._tracking_service.utils import _get_store

    store = _get_store()
    begun = store.deprecated_start_trace_v2(experiment_id, 1000, {"m": "1"}, {"t": "1"})
    assert begun.status == TraceStatus.IN_PROGRESS
    ended = store.deprecated_end_trace_v2(begun.request_id, 1250, TraceStatus.ERROR, {"n": "2"}, {"t": "2"})
    assert (ended.execution_time_ms, ended.status) == (250, TraceStatus.ERROR)
    assert ended.request_metadata == {"m": "1", "n": "2"}
    assert ended.tags["t"] == "2"
    assert store.get_trace_info(begun.request_id).state.value == "ERROR"
