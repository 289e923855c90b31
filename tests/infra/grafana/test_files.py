"""Grafana's dashboards as files: against the published schema, their layout, links and provisioning."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.grafana.published_schema import wrong_with
from tests.infra.grafana.shown import ASKING, CLICKHOUSE, DASHBOARDS, INFRA


def test_all_are_there() -> None:
    titles = {name: dashboard["uid"] for name, dashboard in DASHBOARDS.items()}
    assert titles == {
        "training-overview": "trackstream-training",
        "run-detail": "trackstream-run",
        "compare-runs": "trackstream-compare",
        "fleet": "trackstream-fleet",
        "registry-activity": "trackstream-registry",
    }


def test_the_files_are_what_their_source_makes() -> None:
    command = [sys.executable, str(INFRA / "grafana" / "source" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run infra/grafana/source/generate.py\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_it_fits_the_published_schema(name: str) -> None:
    assert wrong_with(DASHBOARDS[name]) == []


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        ("timeseries", ("fieldConfig", "defaults", "custom", "drawStyle"), "wiggly"),
        ("timeseries", ("fieldConfig", "defaults", "custom", "linewidth"), 2),
        ("timeseries", ("fieldConfig", "defaults", "units"), "s"),
        ("stat", ("options", "reduceOptions", "calc"), ["last"]),
        ("stat", ("options", "graphMode"), 3),
        ("trend", ("options", "xfield"), "step"),
        ("table", ("gridPos", "h"), "tall"),
        ("xychart", ("options", "mapping"), "semi"),
        ("table", ("transformation",), []),
        ("table", ("fieldConfig", "overrides", 0, "properties", 0, "id"), "custom.hiden"),
    ],
)
def test_the_schema_finds_what_is_wrong(kind: str, place: tuple[Any, ...], value: Any) -> None:
    for dashboard in DASHBOARDS.values():
        broken = copy.deepcopy(dashboard)
        for panel in broken["panels"]:
            if panel["type"] == kind and (kind != "table" or panel["fieldConfig"]["overrides"]):
                at = panel
                for step in place[:-1]:
                    at = at[step]
                at[place[-1]] = value
                found = wrong_with(broken)
                assert len(found) == 1
                assert str(place[-1]) in found[0] or str(value) in found[0]
                return
    raise AssertionError(f"no panel of type {kind}")


def test_every_query_is_bounded() -> None:
    """At a million runs a panel that reads all of them, or returns as many rows as there are, is none."""
    for name, panel in ASKING:
        sql = panel["targets"][0]["rawSql"]
        bounded = re.search(
            r"\$__timeFilter|(run|entity)_id = \$\{run|run_id IN \(\$\{runs|"
            r"v_models|v_model_versions|v_positions|v_dead_letters",
            sql,
        )
        assert bounded, f"{name}: {panel['title']}"


def test_links_lead_to_dashboards_and_set_their_variables() -> None:
    known = {
        dashboard["uid"]: {variable["name"] for variable in dashboard["templating"]["list"]}
        for dashboard in DASHBOARDS.values()
    }
    links = [
        found
        for dashboard in DASHBOARDS.values()
        for found in re.findall(r'"url": "/d/([\w-]+)\?([^"]*)"', json.dumps(dashboard))
    ]
    assert len(links) > 3
    for uid, query in links:
        assert set(re.findall(r"var-(\w+)=", query)) <= known[uid]


def test_every_panel_says_what_it_is() -> None:
    for dashboard in DASHBOARDS.values():
        for panel in dashboard["panels"]:
            assert panel["title"]
            assert panel["type"] == "row" or panel["description"].endswith(".")


def test_panels_lie_side_by_side() -> None:
    for name, dashboard in DASHBOARDS.items():
        taken: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
            }
            assert not cells & taken, f"{name}: {panel['title']}"
            assert at["x"] + at["w"] <= 24
            taken |= cells


def test_grafana_finds_the_dashboards_and_the_data_sources() -> None:
    provisioning = INFRA / "grafana" / "provisioning"
    found = [
        source
        for path in (provisioning / "datasources").glob("*.yaml")
        for source in yaml.safe_load(path.read_text())["datasources"]
    ]
    assert {source["type"] for source in found} == {"prometheus", CLICKHOUSE}
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "trackstream.yaml").read_text())["providers"]
    grafana = yaml.safe_load((INFRA / "compose.yaml").read_text())["services"]["grafana"]
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in grafana["volumes"]}
    assert (INFRA / mounted[provider["options"]["path"]]).resolve() == INFRA / "grafana" / "dashboards"
    versions = {
        target["pluginVersion"]
        for dashboard in DASHBOARDS.values()
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        if "pluginVersion" in target
    }
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (str(home.parent), home.stem in DASHBOARDS) == (provider["options"]["path"], True)
    assert {grafana["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]} == {
        f"{CLICKHOUSE}@{one}" for one in versions
    }
    (clickhouse,) = (source for source in found if source["type"] == CLICKHOUSE)
    named = clickhouse["secureJsonData"]["password"].strip("$")
    assert named in grafana["environment"]
