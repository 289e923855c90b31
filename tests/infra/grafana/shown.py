"""The dashboards as they are provisioned, and their panels that ask ClickHouse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

INFRA = Path(__file__).parents[3] / "infra"
CLICKHOUSE = "grafana-clickhouse-datasource"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((INFRA / "grafana" / "dashboards").glob("*.json"))
}
ASKING: list[tuple[str, dict[str, Any]]] = [
    (name, panel)
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row" and panel["datasource"]["type"] == CLICKHOUSE
]
"""Each with the name of its dashboard."""
