"""Starting a launch: from a project's parameters into a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import ApiFailure, path_of
from trackstream_api.ui.components.asking import IN_THE_PAST
from trackstream_api.ui.components.fields import Field, choice_field, text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.states import empty
from trackstream_api.ui.components.tables import panel
from trackstream_api.ui.frame import titled
from trackstream_api.ui.launch_words import command_to_repeat, extra_parameters, project_of
from trackstream_api.ui.mounting import api, static_url
from trackstream_api.ui.page import page
from trackstream_api.ui.places import as_of, asked, go, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@page("/start-launch", "launches", "Start a launch")
async def start() -> None:
    """Ask for a project, or repeat a launch (`?retry_of=ID`) with other values."""
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("forms.css")}">')
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("launches.css")}">')
    repeated = asked("retry_of")
    before, project = None, None
    if repeated is not None:
        before = await api().get(path_of("launches", repeated))
        project = await api().get(f"{path_of('launches', repeated)}/project")
    titled("Launch again" if before else "Start a launch", [("Launches", place("launches"))])
    queues = (await api().get("/launch-queues"))["queues"]
    if as_of() is not None:
        tag("p", IN_THE_PAST, "ts-note is-past")
    elif not queues:
        _no_queue(before)
    elif before is not None and project is not None and not project["can_start"]:
        _not_from_here(before)
    else:
        StartForm(before, project, queues).build()


def _no_queue(before: Mapping[str, Any] | None) -> None:
    with empty(
        "This server starts no launches",
        "Workers execute what is in a queue, and whoever reaches this page could fill one: the server"
        " uses only the queues that it was started with.",
        "lock",
    ):
        tag("code", "TRACKSTREAM_LAUNCH_QUEUES=default trackstream server", "ts-command")
        tag("code", "trackstream launch-worker --queue default", "ts-command")
        if before is not None:
            tag("p", "Or launch it again where its project is:", "ts-quiet")
            tag("code", command_to_repeat(before), "ts-command")


def _not_from_here(before: Mapping[str, Any]) -> None:
    with empty(
        "Its project is a directory elsewhere",
        "A server reads no directories for whoever asks. Launch it again on the machine that has them:",
        "folder_off",
    ):
        tag("code", before["uri"], "ts-command")
        tag("code", command_to_repeat(before), "ts-command")


class StartForm:
    """The form; its parameters are those of the chosen entry point, where the project's files are known."""

    def __init__(
        self,
        before: Mapping[str, Any] | None,
        project: Mapping[str, Any] | None,
        queues: Sequence[Mapping[str, Any]],
    ) -> None:
        self._before = before
        self._queues = queues
        entry_points = (project or {}).get("entry_points") or []
        self._declared = {one["name"]: one["parameters"] for one in entry_points}
        self._given: Mapping[str, str] = before["parameters"] if before is not None else {}
        self._values: dict[str, tuple[Field, str | None]] = {}

    def build(self) -> None:
        """Build it on the page."""
        form = tag("form", "", "ts-form")
        with form:
            self._project()
            self._parameters_panel = tag("div")
            self._show_parameters()
            self._where()
            self._refusal = tag("p", "", "ts-wrong", role="alert")
            with tag("div", "", "ts-row"):
                tag("button", "Put into the queue", "ts-button is-main", type="submit")
                tag("a", "Back", "ts-button", href=place("launches"))
        form.on("submit.prevent", self._submit, [])

    def _project(self) -> None:
        before = self._before
        with panel("Project"), tag("div", "", "ts-panel-body ts-column"):
            if before is None:
                self._uri = text_field(
                    "Where the project is",
                    required=True,
                    mono=True,
                    hint="https://…, ssh://…, git@host:team/repo.git, github:owner/repo, or an archive at an"
                    " address; #subdirectory for a part of it. `trackstream run DIRECTORY --queue` sends a"
                    " directory",
                )
            else:
                tag("p", f"{project_of(before)} – {before['source'] or before['uri']}", "ts-mono ts-pre")
            with tag("div", "", "ts-form-grid"):
                name = before["entry_point"] if before is not None else "main"
                if self._declared:
                    known = [(one, one) for one in self._declared]
                    if name not in self._declared:
                        known.append((name, name))
                    self._entry_point = choice_field("Entry point", known, name, self._show_parameters)
                else:
                    self._entry_point = text_field("Entry point", name, required=True, mono=True)
                packed = before is not None and before["uri"].startswith("runs:/")
                commit = ((before["commit"] or before["project_version"]) if before is not None else "") or ""
                hint = "Commit, tag or branch"
                self._version = None if packed else text_field("Version", commit, mono=True, hint=hint)

    def _show_parameters(self) -> None:
        self._parameters_panel.clear()
        self._values = {}
        declared = self._declared.get(self._entry_point.text, [])
        extra = {
            name: value for name, value in self._given.items() if name not in {d["name"] for d in declared}
        }
        with self._parameters_panel, panel("Parameters"), tag("div", "", "ts-panel-body ts-column"):
            if declared:
                with tag("div", "", "ts-form-grid"):
                    for one in declared:
                        self._parameter(one)
            lines = "\n".join(f"{name}={value}" for name, value in sorted(extra.items()))
            self._extra = text_field(
                "Further parameters" if declared else "Parameters",
                lines,
                rows=3,
                mono=True,
                hint="NAME=VALUE, one a line. No secrets: workers take those from their environment",
            )

    def _parameter(self, one: Mapping[str, Any]) -> None:
        default = one["default"]
        hint = f"{one['type']}, default {default}" if default is not None else str(one["type"])
        value = self._given.get(one["name"], default or "")
        field = text_field(one["name"], value, required=default is None, hint=hint, mono=True)
        self._values[one["name"]] = (field, default)

    def _where(self) -> None:
        before = self._before
        with panel("Where"), tag("div", "", "ts-panel-body"), tag("div", "", "ts-form-grid"):
            names = [queue["name"] for queue in self._queues]
            wanted = before["queue"] if before is not None and before["queue"] in names else names[0]
            options = [(one["name"], f"{one['name']} ({one['waiting']} waiting)") for one in self._queues]
            self._queue = choice_field(
                "Queue", options, wanted, hint="Its workers execute it: trackstream launch-worker"
            )
            experiment = before["experiment_id"] if before is not None else "0"
            self._experiment = text_field("Experiment's id", experiment, mono=True)
            self._run_name = text_field("Run's name", hint="Made up where empty")

    async def _submit(self) -> None:
        self._say("")
        try:
            parameters = extra_parameters(self._extra.text)
        except ValueError as error:
            self._say(str(error))
            return
        for name, (field, default) in self._values.items():
            # Of what was left empty the project's default holds.
            if field.text or default is None:
                parameters[name] = field.text
        before = self._before
        body = {
            "uri": self._uri.text.strip() if before is None else None,
            "retry_of": before["launch_id"] if before is not None else None,
            "entry_point": self._entry_point.text.strip() or None,
            "version": (self._version.text.strip() or None) if self._version is not None else None,
            "parameters": parameters,
            "queue": self._queue.text,
            "experiment_id": self._experiment.text.strip() or None,
            "run_name": self._run_name.text.strip() or None,
        }
        try:
            made = await api().post("/launches", body)
        except ApiFailure as failure:
            self._say(failure.message)
            return
        go("launches", made["launch_id"])

    def _say(self, words: str) -> None:
        self._refusal.text = words  # type: ignore[attr-defined]
