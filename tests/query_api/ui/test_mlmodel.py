"""A model's own file, as far as it can be trusted: read as data, with limits."""

from __future__ import annotations

import pytest

from trackstream_api.ui.mlmodel import Column, read_mlmodel


def test_what_it_says() -> None:
    found = read_mlmodel(
        """
        flavors: {sklearn: {}, python_function: {}}
        model_size_bytes: 12
        mlflow_version: 2.20.0
        utc_time_created: '2026-01-02 03:04:05.678901'
        signature:
          inputs: '[{"name": "a", "type": "double", "required": false}]'
          outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1, 2]}}]'
        """
    )
    assert found is not None
    assert found.flavors == ("python_function", "sklearn")
    assert (found.size, found.made_at, found.mlflow_version) == (12, "2026-01-02 03:04:05", "2.20.0")
    assert found.inputs == (Column("a", "double", False),)
    assert found.outputs == (Column("", "int64[-1, 2]", True),)


@pytest.mark.parametrize(
    "content", ["", "[1, 2]", "a: [", "!!python/object/apply:os.system ['true']", "x" * (2 << 20)]
)
def test_what_is_no_such_file(content: str) -> None:
    assert read_mlmodel(content) is None


def test_odd_values_are_left_out() -> None:
    # Each alias doubles what the one before it names.
    doubled = "\n".join(
        ["a0: &a0 x", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)), "mlflow_version: *a59"]
    )
    found = read_mlmodel(doubled)
    assert found is not None
    assert found.mlflow_version == ""
    odd = read_mlmodel("flavors: 3\nsignature: {inputs: '{', outputs: '[1]'}\nmodel_size_bytes: many")
    assert odd is not None
    assert (odd.flavors, odd.inputs, odd.outputs, odd.size) == ((), (), (), None)
