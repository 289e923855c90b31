"""The group of all commands, and what their errors look like to the shell."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from trackstream_api.cli.artifacts import artifacts
from trackstream_api.cli.connection import debugging
from trackstream_api.cli.consume import consume
from trackstream_api.cli.dead_letters import dead_letters
from trackstream_api.cli.dev import dev
from trackstream_api.cli.diff import diff
from trackstream_api.cli.doctor import doctor
from trackstream_api.cli.errors import Refused
from trackstream_api.cli.experiments import experiments
from trackstream_api.cli.export import export
from trackstream_api.cli.gc import gc
from trackstream_api.cli.history import history
from trackstream_api.cli.import_ import import_
from trackstream_api.cli.launch_worker import launch_worker
from trackstream_api.cli.launches import launches
from trackstream_api.cli.models import models
from trackstream_api.cli.replay import replay
from trackstream_api.cli.run import run as run_project
from trackstream_api.cli.runs import runs
from trackstream_api.cli.server import server
from trackstream_api.cli.spool import spool
from trackstream_api.cli.sql import sql
from trackstream_api.cli.status import status
from trackstream_api.cli.sweep import sweep
from trackstream_api.cli.sync import sync
from trackstream_api.cli.tail import tail
from trackstream_api.cli.topics import topics
from trackstream_api.cli.verify import verify
from trackstream_api.cli.watch import watch
from trackstream_api.cli.webhooks import webhooks
from trackstream_schemas.errors import StorageFailed, TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_INTERRUPTED = 130
_BROKEN_PIPE = 141


def _print_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"trackstream {version('trackstream')}")
    context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version.",
)
def cli() -> None:
    """Trackstream: experiment tracking on a message log.

    Commands find the store by --dir or TRACKSTREAM_URI, and talk to its server where one is running.
    """


for _command in (server, experiments, runs, artifacts, models, sql, status, replay, gc, dead_letters, doctor):
    cli.add_command(_command)
cli.add_command(verify)
cli.add_command(run_project)
cli.add_command(sweep)
cli.add_command(launches)
cli.add_command(launch_worker)
cli.add_command(tail)
cli.add_command(watch)
cli.add_command(webhooks)
cli.add_command(history)
cli.add_command(diff)
cli.add_command(server, "ui")
cli.add_command(consume)
cli.add_command(dev)
cli.add_command(topics)
cli.add_command(sync)
cli.add_command(spool)
cli.add_command(import_)
cli.add_command(export)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    An error is one line on standard error; one in a filter adds the filter's text and a caret below it.
    """
    out = sys.stdout
    try:
        result = cli.main(arguments, prog_name="trackstream", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.NoSuchOption as error:
        return _fail(_usage(error) + _place_of(error), error.exit_code)
    except click.UsageError as error:
        return _fail(_usage(error), error.exit_code)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", _INTERRUPTED)
    except TrackstreamError as error:
        _trace_if_asked()
        # A server we run for ourselves has no log but our standard error.
        hint = (
            " (TRACKSTREAM_DEBUG=1 shows it here)"
            if isinstance(error, Refused) and error.status == 500
            else ""
        )
        points = isinstance(error, Refused) and error.points
        return _fail(f"{error}{hint}", error.exit_code, keep_lines=points)
    except BrokenPipeError:
        # The reader (`head`) has gone; whatever Python still flushes at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except SystemExit:
        # click wraps standard output and exits by itself where the reader has gone while a command printed.
        if sys.stdout is not out:
            return _BROKEN_PIPE
        raise
    except OSError as error:
        _trace_if_asked()
        return _fail(str(error), StorageFailed.exit_code)
    except Exception as error:  # noqa: BLE001 - the last stop before the shell
        _trace_if_asked()
        text = f"unexpected {type(error).__name__}: {error} (TRACKSTREAM_DEBUG=1 shows where)"
        return _fail(text, TrackstreamError.exit_code)
    return result if isinstance(result, int) else 0


def _usage(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx is not None else "trackstream"
    return f"{error.format_message()} (see {path} --help)"


def _place_of(error: click.NoSuchOption) -> str:
    """Return where an option goes that a group does not take but its commands do, else nothing."""
    group = error.ctx.command if error.ctx is not None else None
    if not isinstance(group, click.Group) or not any(
        error.option_name in option.opts for option in _options_below(group)
    ):
        return ""
    example = f"trackstream runs list {error.option_name} ..."
    return f"; {error.option_name} goes behind the command, as in `{example}`"


def _options_below(group: click.Group) -> Iterator[click.Parameter]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from _options_below(command)
        else:
            yield from command.params


def _fail(text: str, exit_code: int, *, keep_lines: bool = False) -> int:
    shown = text.rstrip() if keep_lines else " ".join(text.split())
    click.echo(f"Error: {shown}", err=True)
    return exit_code


def _trace_if_asked() -> None:
    if debugging():
        import traceback

        traceback.print_exc()
