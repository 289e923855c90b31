"""`trackstream sweep`: launch a project with many values and find the best."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from trackstream_api.cli.launch_options import (
    backend_options,
    backend_settings,
    entry_point_option,
    environment_option,
    experiment_options,
    flags,
    version_option,
)
from trackstream_api.cli.options import destination_option
from trackstream_api.cli.output import counted, say
from trackstream_api.cli.run import command_for
from trackstream_api.cli.values import pairs
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trackstream.projects import SweepResult
    from trackstream.projects.sweeps.sampler import SamplerName


@click.command()
@click.argument("uri", required=False)
@entry_point_option
@click.option(
    "-P",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=WHAT",
    help="What to try: log:LOW:HIGH, LOW:HIGH, int:LOW:HIGH, logint:LOW:HIGH, choice:A,B, or one value;"
    " repeatable.",
)
@click.option("--metric", metavar="KEY", help="The metric of the runs that is to become small.")
@click.option("--maximize", is_flag=True, help="It is to become large.")
@click.option("--trials", type=int, metavar="N", help="How many.  [default: 20; of a grid all]")
@click.option("--parallel", type=int, metavar="N", help="How many at a time.  [default: 1]")
@click.option(
    "--sampler",
    type=click.Choice(["tpe", "random", "grid", "cmaes"]),
    default="tpe",
    show_default=True,
    help="What suggests values.",
)
@click.option("--seed", type=int, metavar="N", help="The same seed suggests the same again.")
@click.option("--resume", "resumed", metavar="RUN_ID", help="Go on with the sweep whose run this is.")
@version_option
@experiment_options
@click.option("--run-name", metavar="NAME", help="Name of the sweep's run.")
@environment_option
@backend_options
@destination_option
def sweep(
    uri: str | None,
    entry_point: str,
    parameters: Sequence[str],
    metric: str | None,
    maximize: bool,
    trials: int | None,
    parallel: int | None,
    sampler: SamplerName,
    seed: int | None,
    resumed: str | None,
    version: str | None,
    experiment_name: str | None,
    experiment_id: str | None,
    run_name: str | None,
    env_manager: str | None,
    backend: str,
    backend_config: str | None,
    docker_args: Sequence[str],
    storage_dir: str | None,
    store: str,
) -> None:
    """Launch the project at URI with many values of its parameters and find the best.

    Each trial is a launch, and its run a child of the sweep's run, which has the best value so far as a
    metric. Ctrl-C ends the sweep and its trials; --resume goes on with it, also where it was killed.
    """
    from trackstream import projects

    if resumed is not None:
        _refuse_beside_resume()
        with _told_how_to_resume():
            found = projects.resume_sweep(
                _run_id(resumed, store),
                pairs("-P", parameters),
                trials=trials,
                parallel=parallel,
                tracking_uri=store,
                tell=say,
            )
        _print(found)
        return
    if uri is None:
        raise InvalidInput("URI", None, "a project: a directory, a git repository or an archive; or --resume")
    if metric is None:
        raise InvalidInput("--metric", None, "a metric that the program logs, such as val_loss")
    with _told_how_to_resume():
        found = projects.sweep(
            uri,
            pairs("-P", parameters),
            metric,
            entry_point,
            version,
            maximize=maximize,
            trials=trials,
            parallel=1 if parallel is None else parallel,
            sampler=sampler,
            seed=seed,
            experiment_name=experiment_name,
            experiment_id=experiment_id,
            run_name=run_name,
            env_manager=env_manager,
            backend=backend,
            backend_config=backend_settings(backend_config),
            docker_args=flags(docker_args),
            storage_dir=storage_dir,
            tracking_uri=store,
            tell=say,
        )
    _print(found)


@contextmanager
def _told_how_to_resume() -> Iterator[None]:
    """Tell of a sweep that was cancelled how to go on with it."""
    from trackstream.projects import SweepCancelled

    try:
        yield
    except SweepCancelled as error:
        say(f"`{command_for(f'sweep --resume {error.run_id}')}` goes on with it")
        raise


def _refuse_beside_resume() -> None:
    """Raise InvalidInput for an option that says what the sweep knows already."""
    context = click.get_current_context()
    for name in context.params:
        source = context.get_parameter_source(name)
        given = source is not None and source.name == "COMMANDLINE"
        if given and name not in ("resumed", "parameters", "trials", "parallel", "store"):
            shown = name if name == "uri" else f"--{name.replace('_', '-')}"
            raise InvalidInput(shown, context.params[name], "none beside --resume: it is as it was")


def _run_id(given: str, store: str) -> str:
    """Return the id of the run that is named by all or a part of its id."""
    from trackstream_api.cli.connection import connect
    from trackstream_api.cli.lookup import run_id_of
    from trackstream_api.cli.served_apart import served_apart

    with served_apart(store) as address, connect(address) as api:
        return run_id_of(api, given)


def _print(found: SweepResult) -> None:
    best = found.best
    values = " ".join(f"{name}={text}" for name, text in best.values.items())
    failed = sum(trial.value is None for trial in found.trials)
    without = f", {failed} without a value" if failed else ""
    shows = command_for(f"runs describe {found.run_id}")
    say(f"{counted(len(found.trials), 'trial')}{without}; `{shows}` shows the sweep")
    click.echo(f"best {found.metric} {best.value!r}: {values} (trial {best.number}, run {best.run_id})")
