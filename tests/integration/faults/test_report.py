"""docs/faults.md is what the matrix has written: a row for each case, and no row with a loss."""

from __future__ import annotations

from tests.integration.faults.matrix import CASES
from tests.integration.faults.report import PAGE


def test_the_page_has_a_row_for_each_case_and_none_with_a_loss() -> None:
    rows = [line.split("|")[1:-1] for line in PAGE.read_text().splitlines() if line.startswith("| ")][2:]
    assert [row[0].strip() for row in rows] == [case.title for case in CASES]
    assert {(row[3].split(",")[0].strip(), row[4].strip()) for row in rows} == {("0", "0")}
