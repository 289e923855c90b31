"""`search_runs`: runs as a table of pandas, polars or Arrow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, get_args

from trackstream import destination, sessions
from trackstream.reading.asking import asked_store
from trackstream.reading.columns import METRIC, TIMES, columns_of
from trackstream.reading.libraries import library
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.ids import DEFAULT_EXPERIMENT_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trackstream.log.http import ServerConnection

Format = Literal["pandas", "polars", "arrow"]
PATH = "/api/v1/runs/search"
_PAGE = 1000
_VIEWS = {1: "active", 2: "deleted", 3: "all"}
"""MLflow's numbers (mlflow.entities.ViewType)."""


def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int | str = "active",
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    format: Format = "pandas",
    *,
    experiment_names: Sequence[str] | None = None,
    search_all_experiments: bool = False,
    as_of: str | int | None = None,
) -> Any:
    """Return runs as a table, one row each: a pandas DataFrame, a polars DataFrame or a pyarrow Table.

    The arguments and columns are those of mlflow.search_runs: run_id, experiment_id, status, start_time and
    end_time (UTC, milliseconds), then metrics.X (the latest value), params.X and tags.X. Without experiments
    it is the one of `set_experiment` that is searched, or all with `search_all_experiments`. `run_view_type`
    is active, deleted or all, or MLflow's number. The newest run comes first unless `order_by` says
    otherwise. `as_of` asks what the store would have answered then: a time such as 2026-11-21T13:00,
    milliseconds since the epoch, 10m ago, or positions on the log.

    Asks the current tracking URI, after what this process has logged was sent: a server, or a directory,
    which gets a server for the time of the call where nobody serves it (some seconds, and the extra
    `server`).
    Raises InvalidInput for a filter that is wrong, for a log that cannot be asked (kafka://, offline:), and
    where the table's library is not installed; NotFound for an experiment name that nobody bears.
    """
    if format not in get_args(Format):
        raise InvalidInput("format", format, "pandas, polars or arrow")
    if not isinstance(max_results, int) or max_results < 1:
        raise InvalidInput("max_results", max_results, "a positive integer")
    # Told before anything is asked.
    libraries = [library(name, "format", format) for name in _NEEDED[format]]
    body: dict[str, Any] = {
        "filter": filter_string,
        "order_by": list(order_by or ()),
        "view": _view(run_view_type),
        "as_of": None if as_of is None else str(as_of),
        **_experiments(experiment_ids, experiment_names, search_all_experiments),
    }
    with asked_store("search_runs") as server:
        runs = list(_found(server, body, max_results))
    return _MAKERS[format](columns_of(runs), *libraries)


def _found(server: ServerConnection, body: Mapping[str, Any], most: int) -> Iterator[dict[str, Any]]:
    token: str | None = None
    left = most
    while left > 0:
        page = {**body, "limit": min(left, _PAGE), "page_token": token}
        with server.streamed(PATH, json.dumps(page).encode()) as pieces:
            answer = json.loads(b"".join(pieces))
        yield from answer["runs"]
        left -= len(answer["runs"])
        token = answer["next_page_token"]
        if token is None:
            return


def _view(given: int | str) -> str:
    view = _VIEWS.get(given, "") if isinstance(given, int) else given
    if view not in _VIEWS.values():
        raise InvalidInput("run_view_type", given, "active, deleted or all (1, 2 or 3)")
    return view


def _experiments(ids: Sequence[str] | None, names: Sequence[str] | None, every: bool) -> dict[str, list[str]]:
    """Return the part of the request that chooses experiments."""
    for field, given in (("experiment_ids", ids), ("experiment_names", names)):
        if isinstance(given, str):
            raise InvalidInput(field, given, f"a list: [{given!r}]")
    if ids or names:
        if every:
            raise InvalidInput("search_all_experiments", True, "False where experiments are named")
        chosen = {"experiment_ids": [str(one) for one in ids or ()], "experiment_names": list(names or ())}
        return {field: found for field, found in chosen.items() if found}
    if every:
        return {}
    settings = destination.settings()
    for experiment_id, name in (
        sessions.experiment,
        (settings.experiment_id, settings.experiment_name),
        (DEFAULT_EXPERIMENT_ID, None),
    ):
        if experiment_id is not None:
            return {"experiment_ids": [experiment_id]}
        if name is not None:
            return {"experiment_names": [name]}
    raise AssertionError("there is a default")


def _pandas(columns: Mapping[str, list[Any]], pandas: Any) -> Any:
    import numpy

    made = {}
    for name, values in columns.items():
        if name in TIMES:
            made[name] = pandas.DatetimeIndex(numpy.array(values, "datetime64[ms]")).tz_localize("UTC")
        elif name.startswith(METRIC):
            made[name] = numpy.array(values, "float64")
        else:
            made[name] = pandas.Series(values, dtype="object")
    return pandas.DataFrame(made)


def _arrow(columns: Mapping[str, list[Any]], arrow: Any) -> Any:
    times, numbers, texts = arrow.timestamp("ms", "UTC"), arrow.float64(), arrow.string()
    made = {
        name: arrow.array(values, times if name in TIMES else numbers if name.startswith(METRIC) else texts)
        for name, values in columns.items()
    }
    return arrow.table(made)


def _polars(columns: Mapping[str, list[Any]], polars: Any, arrow: Any) -> Any:
    return polars.from_arrow(_arrow(columns, arrow))


_MAKERS: dict[str, Callable[..., Any]] = {"pandas": _pandas, "polars": _polars, "arrow": _arrow}
_NEEDED = {"pandas": ("pandas",), "polars": ("polars", "pyarrow"), "arrow": ("pyarrow",)}
