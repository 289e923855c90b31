"""Which owner's file a proxied path is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.mlflow.artifact_places import (
    Place,
    model_root,
    place_of,
    place_of_uri,
    run_root,
    trace_root,
)
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.ids import new_id

RUN = "0199a5c2f1e07c3e8f6a2b1d4c5e6f70"
NAMES = st.text("abcXYZ019._-", min_size=1, max_size=8).filter(lambda name: name not in (".", ".."))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (f"0/{RUN}/artifacts/a/b.txt", Place(RUN, "a/b.txt")),
        (f"0/{RUN}/artifacts", Place(RUN, "")),
        (f"0/{RUN}/artifacts/", Place(RUN, "")),
        (f"0/{RUN}/artifacts/artifacts/x", Place(RUN, "artifacts/x")),
        (f"custom/artifacts/{RUN}/artifacts/x", Place(RUN, "x")),
        (f"7/models/m-{RUN}/artifacts/MLmodel", Place(f"m-{RUN}", "MLmodel")),
        (f"7/traces/tr-{RUN}/artifacts/traces.json", Place(f"tr-{RUN}", "traces.json")),
        ("0/my-run/artifacts/x", Place("my-run", "x")),
        ("some/where.txt", Place("mlflow-artifacts-root", "some/where.txt")),
        ("", Place("mlflow-artifacts-root", "")),
    ],
)
def test_places(path: str, place: Place) -> None:
    assert place_of(path) == place


@pytest.mark.parametrize(
    "path", ["../x", "0/../../etc", "a/%2e%2e/b", "/abs/x/artifacts/../y", "a//b", "C:/x"]
)
def test_paths_that_leave_the_root_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        place_of(path)


@given(
    NAMES, st.lists(NAMES, min_size=1, max_size=4), st.sampled_from([None, "mlflow-artifacts:/shared/dir/"])
)
def test_what_is_given_out_is_found_again(experiment: str, names: list[str], location: str | None) -> None:
    file = "/".join(names)
    for root, owner in (
        (run_root(experiment, RUN, location), RUN),
        (model_root(experiment, f"m-{RUN}", location), f"m-{RUN}"),
        (trace_root(experiment, f"tr-{RUN}", location), f"tr-{RUN}"),
    ):
        assert place_of_uri(f"{root}/{file}") == Place(owner, file)


def test_other_roots_are_not_kept_here() -> None:
    assert place_of_uri(run_root("0", new_id(), "s3://bucket")) is None
