"""compose.yaml against the published Compose schema, and what the schema cannot say."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

INFRA = Path(__file__).parents[2] / "infra"
OURS = {"topics", "bucket", "api", "ui", "consumer-entities", "consumer-metrics", "consumer-artifacts"}
ONCE = {"topics", "bucket"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((INFRA / "compose.yaml").read_text())
    return loaded


def test_it_fits_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(
        files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text()
    )
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(compose)] == []
    broken = {**compose, "services": {"x": {"image": "y", "portz": []}}}
    assert not validator.is_valid(broken)


def test_all_parts_are_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == OURS | {"kafka", "clickhouse", "minio", "prometheus", "grafana"}


def test_images_are_pinned(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        image = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", service["image"])
        assert re.fullmatch(r"[\w./-]+:(RELEASE\.)?v?\d[\w.-]+", image), f"{name}: {image}"


def test_every_service_that_stays_has_a_health_check(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert ("healthcheck" in service) == (name not in ONCE), name


def test_nothing_waits_for_a_service_that_cannot_tell(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for other, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert how["condition"] == expected, f"{name} on {other}"


def test_volumes_are_declared(compose: dict[str, Any]) -> None:
    named = set()
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (INFRA / source).exists(), source
            else:
                named.add(source)
    assert named == set(compose["volumes"])


def test_ports_are_open_to_this_machine_only(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name}: {port}"


def test_no_secret_is_in_the_file(compose: dict[str, Any]) -> None:
    example = dict(
        line.split("=", 1) for line in (INFRA / ".env.example").read_text().splitlines() if "=" in line
    )
    used = set(re.findall(r"\$\{(\w+)", (INFRA / "compose.yaml").read_text()))
    assert used == set(example)
    for name in used:
        if "PASSWORD" in name:
            assert example[name] == ""
            assert f"${{{name}:?" in (INFRA / "compose.yaml").read_text(), f"{name} must be asked for"
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET", name):
                assert str(value).startswith("${"), name


def test_our_containers_are_confined(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    dockerfile = (INFRA / "docker" / "Dockerfile").read_text()
    assert "\nUSER 10001" in dockerfile
    assert dockerfile.count("\nFROM ") == 2


def test_prometheus_scrapes_every_process_of_ours(compose: dict[str, Any]) -> None:
    jobs = yaml.safe_load((INFRA / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    scraped = {name for job in jobs for found in job.get("dns_sd_configs", []) for name in found["names"]}
    # The UI has no metrics of its own.
    assert scraped == OURS - ONCE - {"ui"}


def test_one_ui_before_an_api_that_has_none(compose: dict[str, Any]) -> None:
    api, ui = compose["services"]["api"], compose["services"]["ui"]
    assert "--no-ui" in api["command"]
    assert ui["command"][ui["command"].index("--api") + 1] == f"http://api:{api['command'][-1]}"
    assert ui["environment"] == {}
