"""The proof of completeness in sentences. Pure functions of what the API answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.ui.components.values import count

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_GAPS = 20


def sentence(found: Mapping[str, Any]) -> str:
    """Return what the verdict says of the run."""
    writers = found["writers"]
    verdict = found["completeness"]
    if verdict == "complete":
        sent = {what: sum(writer["sent"][what] for writer in writers) for what in writers[0]["sent"]}
        events = sent["run_events"] + sent["artifact_events"]
        who = "its writer" if len(writers) == 1 else f"its {count(len(writers))} writers"
        return (
            f"Everything that {who} sent is here: {_many(sent['points'], 'point')} in"
            f" {_many(sent['batches'], 'batch', 'batches')}, and {_many(events, 'other event')}."
        )
    if verdict == "in flight":
        behind = found["records_behind"]
        if behind:
            return f"{_many(behind, 'record')} on the log {'is' if behind == 1 else 'are'} not read yet."
        return "The run goes on: all that has been reported so far is here, and more may come."
    if verdict == "unconfirmed" and not writers:
        return (
            "No writer has reported what it sent, so nothing can be compared. The SDK's writers report;"
            " MLflow's client and programs that log through REST do not."
        )
    return f"{found['summary'][:1].upper()}{found['summary'][1:]}."


def missing_of(writer: Mapping[str, Any]) -> list[str]:
    """Return a line for each thing of a writer that is not here."""
    name = writer["writer"] or "The writer"
    lines = [
        f"{name}: {_many(metric['sent'] - metric['projected'], 'point')} of {metric['key']}"
        for metric in writer["metrics"]
        if metric["projected"] < metric["sent"]
    ]
    gaps = writer["missing_sequences"]
    if gaps:
        shown = ", ".join(
            str(gap["first"]) if gap["first"] == gap["last"] else f"{gap['first']}–{gap['last']}"
            for gap in gaps[:_MOST_GAPS]
        )
        more = " and others" if len(gaps) > _MOST_GAPS else ""
        lines.append(f"{name}: events {shown}{more} of process {writer['producer_id']}")
    if writer["lost_points"] or writer["lost_events"]:
        points, events = _many(writer["lost_points"], "point"), _many(writer["lost_events"], "other event")
        lines.append(f"{name}: {points} and {events} that its process could not keep")
    return lines


def _many(number: int, one: str, more: str = "") -> str:
    return f"{count(number)} {one if number == 1 else more or f'{one}s'}"
