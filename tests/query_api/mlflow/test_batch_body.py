"""The quick reader of `log-batch` bodies takes nothing that the thorough one reads otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.mlflow.batch_body import usual_batch
from trackstream_api.mlflow.logging_calls import LogBatchMessage
from trackstream_api.mlflow.messages import parse

_INTEGERS = st.integers(-(2**66), 2**66) | st.integers(-5, 5)
_NUMBERS = _INTEGERS | st.floats(allow_nan=False) | st.just(1e400)
_ODD = st.none() | st.booleans() | st.text(max_size=3) | st.just("NaN") | st.just("17") | st.just([])
_TEXT = st.text(max_size=4) | st.just("\ud800") | st.sampled_from(("loss", "acc/top 1"))


def _mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, usual, _ODD)


_POINTS = st.fixed_dictionaries(
    {"key": _mostly(_TEXT), "value": _mostly(_NUMBERS), "timestamp": _mostly(_INTEGERS)},
    optional={
        "step": _mostly(_NUMBERS),
        "model_id": _mostly(_TEXT),
        "modelId": _TEXT,
        "dataset_name": _TEXT,
        "other": _ODD,
    },
)
_PAIRS = st.fixed_dictionaries({"key": _mostly(_TEXT)}, optional={"value": _mostly(_TEXT), "Value": _TEXT})
_BATCHES = st.fixed_dictionaries(
    {"run_id": _mostly(_TEXT)},
    optional={
        "metrics": _mostly(st.lists(_POINTS, max_size=3)),
        "params": _mostly(st.lists(_PAIRS, max_size=2)),
        "tags": _mostly(st.lists(_PAIRS, max_size=2)),
        "runId": _TEXT,
        "run_uuid": _TEXT,
    },
)


@given(_BATCHES)
def test_what_it_takes_the_thorough_reader_reads_the_same(content: dict[str, Any]) -> None:
    body = json.dumps(content).encode()
    quick = usual_batch(body)
    if quick is None:
        return
    thorough = parse(LogBatchMessage, body)
    assert quick.run_id == thorough.run_id
    fields = ("key", "value", "timestamp", "step", "model_id", "dataset_name", "dataset_digest")
    assert _columns(quick.metrics, fields) == _columns(thorough.metrics, fields)
    for ours, theirs in ((quick.params, thorough.params), (quick.tags, thorough.tags)):
        assert _columns(ours, ("key", "value")) == _columns(theirs, ("key", "value"))


def _columns(items: Any, fields: tuple[str, ...]) -> list[list[str]]:
    return [[repr(getattr(item, field)) for field in fields] for item in items]


def test_it_takes_what_mlflows_client_sends() -> None:
    point = {"key": "loss", "value": 0.5, "timestamp": 1_700_000_000_000, "step": 3}
    body = {
        "run_id": "r",
        "metrics": [point],
        "params": [{"key": "lr", "value": "1"}],
        "tags": [{"key": "a"}],
    }
    batch = usual_batch(json.dumps(body).encode())
    assert batch is not None
    assert (batch.metrics[0].key, batch.metrics[0].step) == ("loss", 3)
    assert (batch.params[0].value, batch.tags[0].value) == ("1", None)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"runId": "r"}', b'{"run_id": ""}'])
def test_it_leaves_the_rest_to_the_thorough_reader(body: bytes) -> None:
    assert usual_batch(body) is None
