"""Grafana's dashboards: against the published schema, and every query on a real server as Grafana asks it."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest
import yaml

from tests.infra.grafana.macros import TimeRange, expand
from tests.infra.grafana.published_schema import wrong_with
from tests.sql_server import EXPERIMENT, MODEL, STEPS, SqlServer
from trackstream_consumers.metric_defs import MetricName, PartitionMetricName

if TYPE_CHECKING:
    from collections.abc import Iterator

INFRA = Path(__file__).parents[3] / "infra"
FILES = sorted((INFRA / "grafana" / "dashboards").glob("*.json"))
DASHBOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in FILES}
CLICKHOUSE = "grafana-clickhouse-datasource"
PANELS = [
    pytest.param(name, panel, id=f"{name}: {panel['title']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row" and panel["datasource"]["type"] == CLICKHOUSE
]
NUMBER = re.compile(r"(Nullable\()?(U?Int(8|16|32|64)|Float(32|64))\)?")
TEXT = re.compile(r"(LowCardinality\()?(Nullable\()?String\)*")
TIME = re.compile(r"DateTime(64)?(\(.*\))?")
SHOWN = re.compile(rf"{NUMBER.pattern}|{TEXT.pattern}|(Nullable\()?{TIME.pattern}\)?|Nullable\(Bool\)|Bool")
"""Types that the plugin has columns for and that a person can read."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlServer]:
    live = SqlServer(tmp_path_factory.mktemp("dashboards") / "store")
    try:
        yield live.fill()
    finally:
        live.close()


@pytest.fixture(scope="module")
def today() -> TimeRange:
    now = int(time.time())
    return TimeRange(now - 86_400, now + 3_600, 600)


@pytest.fixture(scope="module")
def chosen(server: SqlServer, today: TimeRange) -> dict[str, dict[str, list[str]]]:
    """The values of each dashboard's variables, found by their own queries in the order of the variables."""
    return {name: _chosen(dashboard, server, today) for name, dashboard in DASHBOARDS.items()}


def _chosen(dashboard: dict[str, Any], server: SqlServer, today: TimeRange) -> dict[str, list[str]]:
    wanted = {"experiment": EXPERIMENT, "metric": "loss", "param": "lr", "model": MODEL}
    values: dict[str, list[str]] = {"datasource": ["trackstream"], "prometheus": ["prometheus"]}
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        if variable["type"] == "custom":
            values[name] = [variable["current"]["value"]]
        elif variable["type"] == "query":
            columns, rows = server.ask(expand(variable["query"], values, today))
            # Two columns are what is asked with and what is shown.
            assert len(columns) in (1, 2), name
            assert all(TEXT.fullmatch(kind) for _, kind in columns), name
            shown = {str(row[-1]): str(row[0]) for row in rows}
            if name in wanted:
                assert wanted[name] in shown, f"{name}: {shown}"
            several = variable["multi"] or variable["includeAll"]
            one = shown[wanted[name]] if name in wanted else next(iter(shown.values()))
            values[name] = list(shown.values()) if several else [one]
    return values


def ask(
    server: SqlServer, panel: dict[str, Any], values: dict[str, list[str]], within: TimeRange
) -> tuple[dict[str, str], list[list[Any]]]:
    """Return the columns' types and the rows of a panel's only query."""
    (target,) = panel["targets"]
    columns, rows = server.ask(expand(target["rawSql"], values, within))
    kinds = dict(columns)
    assert len(kinds) == len(columns), "two columns of one name"
    unreadable = {name: kind for name, kind in columns if not SHOWN.fullmatch(kind)}
    assert unreadable == {}
    return kinds, rows


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


@pytest.mark.parametrize(("name", "panel"), PANELS)
def test_a_panel_gets_what_its_type_needs(
    server: SqlServer,
    chosen: dict[str, dict[str, list[str]]],
    today: TimeRange,
    name: str,
    panel: dict[str, Any],
) -> None:
    kinds, rows = ask(server, panel, chosen[name], today)
    assert rows, "no rows"
    numbers = [column for column, kind in kinds.items() if NUMBER.fullmatch(kind)]
    texts = [column for column, kind in kinds.items() if TEXT.fullmatch(kind)]
    as_series = panel["targets"][0]["format"] == 0
    assert as_series == (panel["type"] == "timeseries")
    match panel["type"]:
        case "timeseries":
            first = next(iter(kinds))
            assert first == "time"
            assert TIME.fullmatch(kinds["time"])
            assert numbers
            times = [row[0] for row in rows]
            assert times == sorted(times), "Grafana makes series only of rows in the order of time"
            labelled = [(row[0], *(row[list(kinds).index(text)] for text in texts)) for row in rows]
            assert not texts or len(set(labelled)) == len(labelled), "two values of one series at one time"
        case "stat":
            assert len(rows) == 1
            fields = panel["options"]["reduceOptions"]["fields"]
            shown = (
                [column for column in kinds if re.search(fields.strip("/"), column)] if fields else numbers
            )
            assert shown
            assert fields or numbers == list(kinds)
        case "bargauge":
            assert (len(numbers), len(texts), len(kinds)) == (1, 1, 2)
        case "xychart":
            assert numbers[:2] == ["x", "y"]
        case "trend":
            x, by = panel["options"]["xField"], panel["transformations"][0]["options"]["fields"][0]
            assert (x in numbers, by in texts, "Value" in numbers) == (True, True, True)
            assert panel["transformations"][1]["options"]["byField"] == x
            points = [(row[list(kinds).index(x)], row[list(kinds).index(by)]) for row in rows]
            assert len(set(points)) == len(points), "two values of one curve at one place"
        case "table":
            for transformation in panel.get("transformations", ()):
                options = transformation["options"]
                assert {options[field] for field in ("rowField", "columnField", "valueField")} == set(kinds)
        case kind:
            raise AssertionError(f"what does {kind} need?")


@pytest.mark.parametrize(("name", "panel"), PANELS)
def test_what_is_said_about_columns_is_about_columns_that_are_there(
    server: SqlServer,
    chosen: dict[str, dict[str, list[str]]],
    today: TimeRange,
    name: str,
    panel: dict[str, Any],
) -> None:
    kinds, _ = ask(server, panel, chosen[name], today)
    statuses = {"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"}
    about = {rule["matcher"]["options"] for rule in panel["fieldConfig"]["overrides"]}
    assert about - set(kinds) - (statuses if "status" in kinds else set()) == set()
    read = set(re.findall(r"__data\.fields\.(\w+)", json.dumps(panel)))
    assert read <= set(kinds)


def test_every_query_is_bounded() -> None:
    """At a million runs a panel that reads all of them, or returns as many rows as there are, is none."""
    for name, panel in ((value.values[0], value.values[1]) for value in PANELS):
        assert isinstance(panel, dict)
        sql = panel["targets"][0]["rawSql"]
        bounded = re.search(
            r"\$__timeFilter|(run|entity)_id = \$\{run|run_id IN \(\$\{runs|"
            r"v_models|v_model_versions|v_positions|v_dead_letters",
            sql,
        )
        assert bounded, f"{name}: {panel['title']}"


def test_variables_without_values_are_no_error(server: SqlServer, today: TimeRange) -> None:
    """As they are on an empty store: nothing, or an empty list where several may be chosen."""
    for dashboard in DASHBOARDS.values():
        values: dict[str, list[str]] = {}
        for variable in dashboard["templating"]["list"]:
            values[variable["name"]] = (
                [variable["current"]["value"]]
                if variable["type"] == "custom"
                else []
                if variable["multi"]
                else [""]
            )
            if variable["type"] == "query":
                server.ask(expand(variable["query"], values, today))
        for panel in dashboard["panels"]:
            if panel["type"] != "row" and panel["datasource"]["type"] == CLICKHOUSE:
                ask(server, panel, values, today)


def test_curves_are_thinned_on_the_server(
    server: SqlServer, chosen: dict[str, dict[str, list[str]]], today: TimeRange
) -> None:
    panel = next(panel for panel in DASHBOARDS["compare-runs"]["panels"] if panel["title"] == "By step")
    kinds, rows = ask(server, panel, chosen["compare-runs"], today)
    of_one = [row for row in rows if row[list(kinds).index("run")] == rows[0][list(kinds).index("run")]]
    assert STEPS / 3 < len(of_one) <= 1250
    assert len(rows) == 4 * len(of_one)


def test_params_that_are_the_same_in_all_runs_are_left_out(
    server: SqlServer, chosen: dict[str, dict[str, list[str]]], today: TimeRange
) -> None:
    panel = next(
        panel for panel in DASHBOARDS["compare-runs"]["panels"] if panel["title"] == "Params that differ"
    )
    _, rows = ask(server, panel, chosen["compare-runs"], today)
    # `seed` has one value, but one run lacks it; `depth` is the same in all.
    assert {row[0] for row in rows} == {"lr", "seed"}


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


def test_prometheus_is_asked_for_what_servers_and_consumers_expose(server: SqlServer) -> None:
    exposed = {*get_args(MetricName), *get_args(PartitionMetricName)}
    exposed |= set(re.findall(r"^(trackstream_\w+)", httpx.get(f"{server.api}/metrics").text, re.MULTILINE))
    asked = {
        found
        for dashboard in DASHBOARDS.values()
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        for found in re.findall(r"trackstream_\w+", target.get("expr", ""))
    }
    assert len(asked) > 5
    assert asked - exposed == set()


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
