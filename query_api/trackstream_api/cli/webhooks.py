"""`trackstream webhooks`: who is told what, and what could not be delivered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.errors import NotDelivered
from trackstream_api.cli.options import output_option
from trackstream_api.cli.output import print_objects, say, when
from trackstream_api.cli.webhook_places import (
    CONFIG_VARIABLE,
    DEFAULT_STATE,
    config_option,
    place_of,
    place_options,
    state_option,
)
from trackstream_schemas.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream_api.cli.webhook_places import Place
    from trackstream_api.webhooks.config import Webhook
    from trackstream_api.webhooks.outbox import Delivery


@click.group()
def webhooks() -> None:
    """Tell others what happens: signed posts to the addresses that a file names.

    The server of a directory delivers what webhooks.toml in it asks for; for a store on Kafka, `deliver`
    does. These commands look at files, on the machine where deliveries are made.
    """


@webhooks.command(name="list")
@place_options
@output_option
def list_(store: str, config: Path | None, state: Path | None, output: str) -> None:
    """List the webhooks: what each wants, and how many deliveries wait or were given up."""
    from trackstream_api.webhooks.outbox import Outbox

    place = place_of(store, config, state)
    counts: dict[str, tuple[int, int]] = {}
    if place.state.exists():
        with Outbox(place.state) as outbox:
            counts = outbox.counts()
    found = [
        {
            "name": webhook.name,
            "url": webhook.shown_url,
            "events": webhook.events,
            "enabled": webhook.enabled,
            "waiting": counts.get(webhook.name, (0, 0))[0],
            "dead_letters": counts.get(webhook.name, (0, 0))[1],
        }
        for webhook in _webhooks(place)
    ]
    columns = ("NAME", "URL", "EVENTS", "ENABLED", "WAITING", "DEAD LETTERS")
    print_objects(output, found, columns, lambda item: [_cell(value) for value in item.values()])


@webhooks.command()
@click.argument("name")
@place_options
def test(name: str, store: str, config: Path | None, state: Path | None) -> None:
    """Post a test to a webhook now, from here, and say what its receiver answers.

    Its data is {"test": true} and its event the first that the webhook wants.
    """
    from trackstream_api.webhooks.config import secrets_of
    from trackstream_api.webhooks.sending import Sender
    from trackstream_api.webhooks.trial import trial

    webhook = _named(_webhooks(place_of(store, config, state)), name)
    with Sender(webhook, secrets_of(webhook, os.environ)) as sender:
        delivery_id, body = trial(webhook)
        outcome = sender.send(delivery_id, body)
    if not outcome.delivered:
        raise NotDelivered(f"{name}: {webhook.shown_url} did not take it: {outcome.error}")
    click.echo(f"{name}: {webhook.shown_url} took {delivery_id} with {outcome.status}")


@webhooks.command(name="dead-letters")
@place_options
@output_option
def dead_letters(store: str, config: Path | None, state: Path | None, output: str) -> None:
    """List deliveries that were given up, the oldest first; json holds what was to be delivered as well."""
    found = [_object(delivery, body=output == "json") for delivery in _dead(place_of(store, config, state))]
    columns = ("NUMBER", "WEBHOOK", "EVENT", "DELIVERY ID", "ATTEMPTS", "GIVEN UP", "ERROR")
    print_objects(output, found, columns, _row, empty="no dead letters")


@webhooks.command()
@click.argument("numbers", metavar="NUMBER...", nargs=-1, type=int)
@click.option("--all", "all_", is_flag=True, help="All of them.")
@place_options
def retry(numbers: Sequence[int], all_: bool, store: str, config: Path | None, state: Path | None) -> None:
    """Have dead letters delivered again, with all attempts, by whoever delivers."""
    from trackstream_api.webhooks.outbox import Outbox

    _each(place_of(store, config, state), numbers, all_, Outbox.retry, "will be delivered again")


@webhooks.command()
@click.argument("numbers", metavar="NUMBER...", nargs=-1, type=int)
@click.option("--all", "all_", is_flag=True, help="All of them.")
@place_options
def drop(numbers: Sequence[int], all_: bool, store: str, config: Path | None, state: Path | None) -> None:
    """Forget dead letters that nobody wants any more."""
    from trackstream_api.webhooks.outbox import Outbox

    _each(place_of(store, config, state), numbers, all_, Outbox.drop, "dropped")


@webhooks.command()
@config_option("The file that names the webhooks.")
@state_option(f"Where deliveries wait, on a disk that stays.  [default: {DEFAULT_STATE}]")
def deliver(config: Path | None, state: Path | None) -> None:
    """Deliver for a store on Kafka until Ctrl-C or SIGTERM.

    The servers are named by TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_…, as for the
    server. One process does it at a time. It goes on where the state file says, so a process that is killed
    loses nothing; one without a state file begins with what happens from now on.
    """
    from trackstream_api.stop_signals import stop_signals

    with stop_signals() as stopping:
        from trackstream_api.webhooks.for_kafka import run

        if config is None:
            raise InvalidInput("--config", None, f"the file that names the webhooks, or {CONFIG_VARIABLE}")
        run(config, state or Path(DEFAULT_STATE), stopping, announce=click.echo)


def _webhooks(place: Place) -> list[Webhook]:
    from trackstream_api.webhooks.config import load

    if not place.config.exists():
        raise NotFound(f"no webhooks: there is no {place.config} (docs/webhooks.md says what goes into it)")
    return load(place.config)


def _named(found: Sequence[Webhook], name: str) -> Webhook:
    for webhook in found:
        if webhook.name == name:
            return webhook
    known = ", ".join(webhook.name for webhook in found) or "none"
    raise NotFound(f"no webhook is called {name!r}; there are {known}")


def _dead(place: Place) -> list[Delivery]:
    from trackstream_api.webhooks.outbox import Outbox

    if not place.state.exists():
        return []
    with Outbox(place.state) as outbox:
        return outbox.dead_letters()


def _each(
    place: Place, numbers: Sequence[int], all_: bool, act: Callable[[Any, int], bool], done: str
) -> None:
    from trackstream_api.webhooks.outbox import Outbox

    if all_ == bool(numbers):
        raise InvalidInput("NUMBER", " ".join(map(str, numbers)), "numbers of dead letters, or --all")
    chosen = numbers or [delivery.number for delivery in _dead(place)]
    if not chosen:
        say("no dead letters")
        return
    if not place.state.exists():
        raise NotFound(f"no dead letter {chosen[0]}: there is no {place.state}")
    with Outbox(place.state) as outbox:
        for number in chosen:
            if not act(outbox, number):
                raise NotFound(f"no dead letter {number} in {place.state}")
            click.echo(f"{number}: {done}")


def _object(delivery: Delivery, *, body: bool) -> dict[str, Any]:
    found = delivery._asdict()
    found.pop("next_at")
    text = found.pop("body").decode()
    return {**found, "body": text} if body else found


def _row(item: Any) -> list[Any]:
    return [
        item["number"],
        item["webhook"],
        item["event"],
        item["delivery_id"],
        item["attempts"],
        when(item["given_up_at"]),
        item["error"],
    ]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else value
