"""What `import trackstream` offers."""

from __future__ import annotations

import inspect

import pytest

import trackstream
from trackstream import errors, fluent
from trackstream.run_names import random_run_name
from trackstream.settings import Settings

_PUBLIC = """
    AlreadyExists Client Conflict DeliveryReport Experiment InvalidInput ModelVersion NotFound
    ParamConflict Rejected Run RunInfo Settings StorageFailed TrackstreamError Unavailable active_run
    create_experiment delete_experiment delete_run delete_tag delivery_report end_run flush
    get_tracking_uri last_active_run log_artifact log_artifacts log_dict log_figure log_image log_input
    log_inputs log_metric log_metrics log_param log_params log_text metric_history register_model
    search_runs set_experiment set_experiment_tag set_experiment_tags set_model_alias set_tag set_tags
    set_tracking_uri start_run
"""
PUBLIC = _PUBLIC.split()


def test_the_public_list() -> None:
    assert sorted(trackstream.__all__) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(trackstream, name).__doc__, name
    assert dir(trackstream) == sorted(PUBLIC)
    with pytest.raises(AttributeError, match="nothing"):
        trackstream.nothing  # noqa: B018


def test_every_fluent_function_is_public() -> None:
    functions = {
        name
        for name, value in vars(fluent).items()
        if inspect.isfunction(value) and value.__module__ == fluent.__name__ and not name.startswith("_")
    }
    assert functions == {name for name in PUBLIC if name[0].islower()} - {"metric_history", "search_runs"}


def test_every_error_is_of_the_one_tree() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.TrackstreamError)
        assert name in PUBLIC


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKSTREAM_URI", "http://host:1")
    monkeypatch.setenv("TRACKSTREAM_BATCH_POINTS", "7")
    monkeypatch.setenv("TRACKSTREAM_RUN_ID", "")
    settings = Settings()
    assert (settings.uri, settings.batch_points, settings.run_id) == ("http://host:1", 7, None)


@pytest.mark.parametrize("name", ["batch_points", "linger_ms", "max_buffered_points", "flush_timeout_s"])
def test_a_bound_of_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"TRACKSTREAM_{name.upper()}", "0")
    with pytest.raises(ValueError, match=name):
        Settings()


def test_random_run_names_are_run_names_and_differ() -> None:
    names = {random_run_name() for _ in range(200)}
    assert all(len(name.split("-")) == 3 for name in names)
    assert len(names) > 150
