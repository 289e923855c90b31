"""The notebook on SQL, and the SQL of the page on dashboards, on a real server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.sql_server import EXPERIMENT, SqlServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlServer]:
    live = SqlServer(tmp_path_factory.mktemp("notebook") / "store")
    try:
        yield live.fill()
    finally:
        live.close()


def test_the_notebook(server: SqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    notebook = json.loads(
        (ROOT / "examples" / "notebooks" / "sql_dashboard.ipynb").read_text(encoding="utf-8")
    )
    nbformat.validate(notebook)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] for cell in cells)
    monkeypatch.setenv("TRACKSTREAM_SQL_URL", server.url)
    plt.switch_backend("agg")
    names: dict[str, Any] = {}
    try:
        for cell in cells:
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
        assert list(names["experiments"]["experiment"]) == [EXPERIMENT]
        assert list(names["metrics"]["key"]) == ["accuracy", "loss"]
        assert list(names["best"]["run"]) == ["net 0", "net 1", "net 2", "net 3"]
        assert 400 < len(names["curves"]) / 4 < 640
        assert [name for name, _ in names["varied"]] == ["lr"]
        drawn = [len(axes.lines) for axes in (plt.figure(1).axes)]
        assert drawn == [4]
    finally:
        plt.close("all")
        names["client"].close()


def test_the_sql_of_the_page_runs(server: SqlServer) -> None:
    found = re.findall(r"```(?:sql|jinja)\n(.*?)```", PAGE, re.DOTALL)
    assert len(found) == 2
    for text in found:
        sql = re.sub(r"\{\{ config\(.*?\) \}\}\n", "", text)
        sql = re.sub(r"\{\{ source\('trackstream', '(\w+)'\) \}\}", r"\1", sql)
        columns, rows = server.ask(sql)
        assert len(columns) > 3
        assert rows


def test_the_address_for_superset_works(server: SqlServer) -> None:
    import sqlalchemy

    (address,) = re.findall(r"clickhousedb://\S+", PAGE)
    where = server.url.removeprefix("http://")
    engine = sqlalchemy.create_engine(re.sub(r"//.*@[^/]+", f"//default:@{where}", address))
    with engine.connect() as connection:
        assert "v_runs" in sqlalchemy.inspect(connection).get_view_names("trackstream")
        found = connection.execute(sqlalchemy.text("SELECT count() FROM v_runs")).scalar_one()
    engine.dispose()
    assert found == 4
