"""Prometheus's alerts and the page on operating name metrics that exist, and the runbook what to do."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from trackstream_api import request_metrics
from trackstream_consumers.metric_defs import MetricName, PartitionMetricName

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"trackstream_[a-z_]+")


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((ROOT / "infra" / "prometheus" / "alerts.yml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def exposed() -> set[str]:
    """What servers and consumers expose; of a histogram its plain name."""
    served = set(re.findall(r'"(trackstream_[a-z_]+)"', inspect.getsource(request_metrics)))
    assert "trackstream_requests" in served
    served = (served - {"trackstream_requests"}) | {"trackstream_requests_total"}
    return served | set(get_args(MetricName)) | set(get_args(PartitionMetricName))


def test_alerts_ask_for_metrics_that_exist(rules: list[dict[str, Any]], exposed: set[str]) -> None:
    asked = {name for rule in rules for name in NAME.findall(rule["expr"])}
    assert len(asked) > 5
    assert asked - exposed == set()


def test_every_alert_has_its_place_in_the_runbook(rules: list[dict[str, Any]]) -> None:
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    places = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    assert {rule["annotations"]["runbook"] for rule in rules} <= places


def test_prometheus_loads_them() -> None:
    configuration = yaml.safe_load((ROOT / "infra" / "prometheus" / "prometheus.yml").read_text())
    assert configuration["rule_files"] == ["alerts.yml"]
    compose = yaml.safe_load((ROOT / "infra" / "compose.yaml").read_text())
    mounted = [volume.split(":")[0] for volume in compose["services"]["prometheus"]["volumes"]]
    assert "./prometheus/alerts.yml" in mounted


def test_the_page_on_operating_names_every_metric_and_no_other(exposed: set[str]) -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(trackstream_[a-z_]+)`", text)) == exposed
