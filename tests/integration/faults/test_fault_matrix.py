"""Each kind of trouble under load, verified row for row against what was acknowledged."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.faults import report
from tests.integration.faults.matrix import CASES, Case, Lane
from tests.native_stack import skipped_without_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.faults.outcome import Outcome

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def lanes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Lane]]:
    """The chosen cases, begun: those on one broker beside those on three."""
    selected = {item.name for item in request.session.items}
    test = test_nothing_is_lost_and_nothing_doubled.__name__
    chosen = [case for case in CASES if f"{test}[{case.name}]" in selected]
    begun = [
        Lane(tmp_path_factory.mktemp(f"faults-{brokers}"), brokers, of_lane)
        for brokers in (1, 3)
        if (of_lane := [case for case in chosen if case.brokers == brokers])
    ]
    yield begun
    for lane in begun:
        lane.close()
    outcomes: dict[str, Outcome] = {
        name: future.result()
        for lane in begun
        for name, future in lane.outcomes.items()
        if future.done() and not future.exception()
    }
    if os.environ.get("TRACKSTREAM_WRITE_FAULTS") == "1" and len(outcomes) == len(CASES):
        report.PAGE.write_text(report.page(outcomes, CASES))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_is_lost_and_nothing_doubled(case: Case, lanes: list[Lane]) -> None:
    future = next(lane.outcomes[case.name] for lane in lanes if case.name in lane.outcomes)
    with skipped_without_tools():
        outcome = future.result()
    tally = outcome.tally
    assert tally.points > 0
    assert tally.others > 0
    assert (tally.lost, tally.doubled, tally.wrong) == (0, 0, [])
