"""Who ran what, where, when and from which code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.ui.components.copy_button import CopyButton
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.tables import fact, facts, panel
from trackstream_api.ui.components.values import moment
from trackstream_api.ui.places import place

if TYPE_CHECKING:
    from trackstream_api.ui.components.run_follower import Change
    from trackstream_api.ui.pages.run.shown import ShownRun

_COMMIT = "mlflow.source.git.commit"
_REPOSITORY = "mlflow.source.git.repoURL"
_BRANCH = "mlflow.source.git.branch"
_DIRTY = "trackstream.source.git.dirty"
_LAUNCH = "trackstream.launch_id"
_SHORT = 10


def about(shown: ShownRun) -> None:
    """Build the panel and keep it current."""
    with panel("About"):
        body = tag("div")

    known: tuple[object, ...] = ()

    def build() -> None:
        nonlocal known
        now = shown.run["experiment_name"], shown.run["end_time"], shown.run["user_id"], shown.run["tags"]
        if now == known:
            return
        known = now
        body.clear()
        with body:
            _facts(shown)

    async def changed(_: Change) -> None:
        build()

    build()
    shown.when_changed(changed)


def _facts(shown: ShownRun) -> None:
    run, tags = shown.run, shown.run["tags"]
    with facts():
        with fact("Experiment", ""):
            link(run["experiment_name"] or run["experiment_id"], place("experiments", run["experiment_id"]))
        fact("Started", f"{moment(run['start_time'])} UTC")
        fact("Ended", f"{moment(run['end_time'])} UTC" if run["end_time"] else "–")
        fact("User", run["user_id"] or tags.get("mlflow.user") or "–")
        if host := tags.get("trackstream.host"):
            fact("Host", host)
        if source := tags.get("mlflow.source.name"):
            with fact("Source", ""):
                tag("span", source, "ts-mono")
                if kind := tags.get("mlflow.source.type"):
                    tag("span", f" {kind.lower()}", "ts-quiet ts-small")
        if commit := tags.get(_COMMIT):
            with fact("Git commit", ""), tag("span", "", "ts-inline"):
                _commit(commit, tags.get(_REPOSITORY, ""))
                CopyButton(commit, "Copy the git commit")
                if branch := tags.get(_BRANCH):
                    tag("span", f"on {branch}", "ts-quiet ts-small")
                if tags.get(_DIRTY, "").lower() == "true":
                    tag("span", "with changes that were not committed", "ts-quiet ts-small")
        if parent := tags.get("mlflow.parentRunId"):
            with fact("Parent run", ""):
                link(parent, place("runs", parent))
        if launch := tags.get(_LAUNCH):
            with fact("Launch", ""):
                link(launch, place("launches", launch))


def _commit(commit: str, repository: str) -> None:
    address = commit_url(repository, commit)
    if address is None:
        tag("span", commit[:_SHORT], "ts-mono", title=commit)
        return
    tag(
        "a",
        commit[:_SHORT],
        "ts-link ts-mono",
        href=address,
        title=commit,
        rel="noopener noreferrer",
        target="_blank",
    )


def commit_url(repository: str, commit: str) -> str | None:
    """Return the web page of a commit, where the repository's address has such pages."""
    if not repository.startswith(("https://", "http://")) or "@" in repository or not commit.isalnum():
        return None
    return f"{repository.removesuffix('/').removesuffix('.git')}/commit/{commit}"
