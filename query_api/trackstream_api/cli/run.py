"""`trackstream run`: launch a project."""

from __future__ import annotations

import shlex
import signal
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import click

from trackstream_api.cli.launch_options import (
    backend_options,
    backend_settings,
    detach_option,
    entry_point_option,
    environment_option,
    experiment_options,
    flags,
    parameters_option,
    version_option,
)
from trackstream_api.cli.options import destination_option
from trackstream_api.cli.output import say
from trackstream_api.cli.values import pairs
from trackstream_schemas.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream.projects import SubmittedRun

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_REMEMBERED = 1 << 16
_LENGTH_OF_IDS = 32
_REUSED = ", of an earlier launch that did the same"


class _Run(click.Command):
    """Says what became of URI where --queue has taken it as its name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Parsing takes the words out of the list.
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.MissingParameter as error:
            queue = ctx.params.get("queue") or ""
            if ("--queue", queue) not in pairwise(words):
                raise
            name = shlex.quote(queue)
            told = (
                f"Missing argument 'URI': --queue takes a name, here {queue!r}."
                f" Write `--queue default {name}` or `{name} --queue`."
            )
            raise click.UsageError(told, ctx) from error


@click.command(cls=_Run)
@click.argument("uri")
@entry_point_option
@parameters_option
@version_option
@experiment_options
@click.option("--run-id", metavar="ID", help="Log into this run, which must exist.")
@click.option("--run-name", metavar="NAME", help="Name of the new run.")
@environment_option
@click.option("--no-conda", is_flag=True, help="The same as --env-manager local.")
@backend_options
@click.option(
    "--reuse",
    is_flag=True,
    help="Launch nothing where an earlier launch did the same well: show its run.",
)
@click.option(
    "--queue",
    is_flag=False,
    flag_value="default",
    metavar="[NAME]",
    help="Do not execute it here: put it into a queue, for `trackstream launch-worker` on any machine."
    "  [default NAME: default]",
)
@click.option(
    "--max-attempts",
    type=click.IntRange(1),
    metavar="N",
    help="With --queue: how often it may be taken, where workers die.  [default: 3]",
)
@detach_option
@destination_option
def run(
    uri: str,
    entry_point: str,
    parameters: Sequence[str],
    version: str | None,
    experiment_name: str | None,
    experiment_id: str | None,
    run_id: str | None,
    run_name: str | None,
    env_manager: str | None,
    no_conda: bool,
    backend: str,
    backend_config: str | None,
    docker_args: Sequence[str],
    storage_dir: str | None,
    reuse: bool,
    queue: str | None,
    max_attempts: int | None,
    detach: bool,
    store: str,
) -> None:
    """Launch an entry point of the project at URI and show what it prints.

    URI is a directory, a git repository (https://…, ssh://…, file://…, github:OWNER/REPO) or an archive
    (.zip, .tar.gz), perhaps with #SUBDIRECTORY. Ctrl-C ends the launch; if this command is killed, it goes
    on, and `trackstream launches` shows it.
    """
    if no_conda and env_manager not in (None, "local"):
        raise InvalidInput("--no-conda", env_manager, "no --env-manager beside it")
    from trackstream import projects
    from trackstream.projects.queued import check_waiting

    if queue is not None and not detach:
        check_waiting(store)

    def launch() -> SubmittedRun:
        try:
            return ask()
        except NotFound as error:
            if run_id is None or len(run_id) >= _LENGTH_OF_IDS or run_id not in str(error):
                raise
            raise NotFound(f"{error}; --run-id takes the whole id, of {_LENGTH_OF_IDS} characters") from error

    def ask() -> SubmittedRun:
        return projects.run(
            uri,
            entry_point,
            version,
            pairs("-P", parameters),
            experiment_name=experiment_name,
            experiment_id=experiment_id,
            run_id=run_id,
            run_name=run_name,
            env_manager="local" if no_conda else env_manager,
            backend=backend,
            backend_config=backend_settings(backend_config),
            docker_args=flags(docker_args),
            storage_dir=storage_dir,
            synchronous=False,
            tracking_uri=store,
            reuse=reuse,
            queue=queue,
            max_attempts=max_attempts,
        )

    attend(launch, detach)


def attend(launch: Callable[[], SubmittedRun], detach: bool) -> None:
    """Launch, and show what is printed until it is over, or only the launch's id.

    Raises LaunchFailed or LaunchCancelled.
    """
    if detach:
        submitted = launch()
        say(f"run {submitted.run_id}{_REUSED if submitted.reused else ''}")
        click.echo(submitted.launch_id)
        return
    from trackstream.projects.following import follow
    from trackstream.projects.queued import QueuedRun
    from trackstream_api.cli.queued import follow_queued

    with _PassedOn() as signals:
        submitted = launch()
        if submitted.reused:
            say(f"launch {submitted.launch_id}, run {submitted.run_id}{_REUSED}")
            say(f"`{command_for(f'runs describe {submitted.run_id}')}` shows it")
            return
        signals.to(submitted)
        say(f"launch {submitted.launch_id}, run {submitted.run_id}")
        printed = _Printed()
        if isinstance(submitted, QueuedRun):
            follow_queued(submitted, printed.show)
        else:
            follow(submitted.folder, printed.show)
        say(f"`{command_for(f'runs describe {submitted.run_id}')}` shows the run")
        _raise_once(submitted, printed)


def _raise_once(submitted: SubmittedRun, printed: _Printed) -> None:
    """Raise the launch's failure, its reason only where the launch has not printed that itself."""
    from trackstream.projects.errors import LaunchFailed
    from trackstream.projects.launch import raise_unless_finished

    try:
        raise_unless_finished(submitted)
    except LaunchFailed as error:
        reason = error.reason.removeprefix("failed: ")
        if not printed.has(reason):
            raise
        raise LaunchFailed(submitted.launch_id, submitted.run_id, "failed: see above") from error


def command_for(arguments: str) -> str:
    """Return a command that a user may type next, for the same store as this one."""
    context = click.get_current_context()
    source = context.get_parameter_source("store")
    chosen = source is not None and source.name == "COMMANDLINE"
    where = f" --dir {shlex.quote(context.params['store'])}" if chosen else ""
    return f"trackstream {arguments}{where}"


def show(piece: bytes) -> None:
    """Write what a program has printed to standard output, as it is."""
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


class _Printed:
    """Shows what is printed, and remembers the end of it."""

    def __init__(self) -> None:
        self._end = b""

    def show(self, piece: bytes) -> None:
        """Show a piece."""
        self._end = (self._end + piece)[-_REMEMBERED:]
        show(piece)

    def has(self, text: str) -> bool:
        """Whether the end of what was shown has this text."""
        from trackstream_schemas.secret_texts import without_credentials

        return bool(text) and without_credentials(text).encode() in self._end


class _PassedOn:
    """Has the launch get the signals that this process gets; most of them end it.

    One that comes while the launch is being asked for waits for it; a second one ends this process.
    """

    def __init__(self) -> None:
        self._submitted: SubmittedRun | None = None
        self._waiting: list[int] = []
        self._before: dict[signal.Signals, Any] = {}

    def to(self, submitted: SubmittedRun) -> None:
        """Pass on from now on."""
        self._submitted = submitted
        for number in self._waiting:
            submitted.send(number)

    def _handle(self, number: int, _: object) -> None:
        if self._submitted is not None:
            self._submitted.send(number)
        elif self._waiting:
            raise KeyboardInterrupt
        else:
            self._waiting.append(number)

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in _PASSED_ON}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
