"""What the history of a model says of promotions, and of the way back."""

from __future__ import annotations

from typing import Any

from trackstream_api.ui.model_history import promotions, version_before


def entry(kind: str, *changes: tuple[str, object, object], at: int = 1) -> dict[str, Any]:
    named = [{"field": field, "before": before, "after": after} for field, before, after in changes]
    return {
        "type": kind,
        "occurred_at": at,
        "actor": "ada",
        "position": f"trackstream.registry:0:{at}",
        "changes": named,
    }


HISTORY = [
    entry("RegisteredModelCreated", ("name", None, "iris"), ("created_at", None, 5), at=1),
    entry("ModelVersionCreated", ("versions.1.source", None, "runs:/x/m"), ("stages.1", None, "None"), at=2),
    entry("ModelAliasSet", ("aliases.champion", None, 1), at=3),
    entry("ModelAliasSet", ("aliases.champion", 1, 3), at=4),
    entry("ModelAliasSet", at=5),
    entry("ModelVersionStageSet", ("stages.3", "None", "Production"), at=6),
    entry("ModelAliasSet", ("aliases.other", None, 2), at=7),
]


def test_acts_are_told_newest_first_and_repeats_are_not() -> None:
    told = promotions(HISTORY)
    assert [act.at for act in told] == [7, 6, 4, 3, 2, 1]
    assert told[1].changes == (("stage of version 3", "None", "Production"),)
    assert told[2].changes == (("alias champion", "version 1", "version 3"),)
    assert told[-1].changes == (("name", "–", "iris"),)


def test_of_one_version() -> None:
    assert [act.at for act in promotions(HISTORY, 1)] == [4, 3, 2]
    assert [act.at for act in promotions(HISTORY, 3)] == [6, 4]


def test_the_way_back() -> None:
    assert version_before(HISTORY, "champion", [1, 2, 3]) == 1
    assert version_before(HISTORY, "champion", [2, 3]) is None
    assert version_before(HISTORY, "other", [1, 2, 3]) is None
    back = [*HISTORY, entry("ModelAliasSet", ("aliases.champion", 3, 1), at=8)]
    assert version_before(back, "champion", [1, 2, 3]) == 3
    gone = [*HISTORY, entry("ModelAliasDeleted", ("aliases.champion", 3, None), at=8)]
    assert version_before(gone, "champion", [1, 3]) == 1
