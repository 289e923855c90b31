"""Identity without a coordinator."""

from __future__ import annotations

import time
import uuid

from hypothesis import given
from hypothesis import strategies as st

from trackstream_schemas.ids import experiment_id_of, new_id


def test_ids_are_uuids_of_version_7_and_carry_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_do_not_repeat() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


@given(st.text(), st.integers(0, 3))
def test_an_experiment_id_is_the_same_everywhere_and_fits_63_bits(name: str, attempt: int) -> None:
    made = experiment_id_of(name, attempt)
    assert made == experiment_id_of(name, attempt)
    assert 0 <= int(made) < 2**63


def test_known_experiment_ids_never_change() -> None:
    assert experiment_id_of("Default") == "0"
    assert experiment_id_of("vision") == "3216229026119286926"
    assert experiment_id_of("vision", 1) != experiment_id_of("vision")
