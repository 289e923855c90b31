"""Every query of Grafana's dashboards on a real server, as Grafana asks it."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest

from tests.infra.grafana.macros import TimeRange, expand
from tests.infra.grafana.shown import ASKING, CLICKHOUSE, DASHBOARDS
from tests.sql_server import EXPERIMENT, MODEL, STEPS, SqlServer
from trackstream_consumers.metric_defs import MetricName, PartitionMetricName

if TYPE_CHECKING:
    from collections.abc import Iterator

PANELS = [pytest.param(name, panel, id=f"{name}: {panel['title']}") for name, panel in ASKING]
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
