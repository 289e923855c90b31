"""`trackstream topics`: the log's topics on a Kafka cluster."""

from __future__ import annotations

from dataclasses import asdict

import click

from trackstream_api.cli.errors import ChecksFailed
from trackstream_api.cli.options import output_option
from trackstream_api.cli.output import print_objects, say
from trackstream_schemas.kafka_topics import DEFAULT_PARTITIONS, DEFAULT_RETENTION_MS

_DAY_MS = 24 * 3600 * 1000

_uri_option = click.option(
    "--uri",
    envvar="TRACKSTREAM_URI",
    show_envvar=True,
    required=True,
    metavar="kafka://HOST:PORT",
    help="The cluster; user, TLS and other settings come from TRACKSTREAM_KAFKA_….",
)


@click.group()
def topics() -> None:
    """Make and check the topics of a log on Kafka."""


@topics.command()
@click.option(
    "--partitions",
    type=click.IntRange(1),
    default=DEFAULT_PARTITIONS,
    show_default=True,
    help="Of the topics that consumers share; chosen once, as it decides on the order of events.",
)
@click.option(
    "--replication",
    type=click.IntRange(1),
    default=None,
    help="Copies of each partition.  [default: 3, or the number of brokers]",
)
@click.option(
    "--artifact-days",
    type=click.IntRange(1),
    default=DEFAULT_RETENTION_MS // _DAY_MS,
    show_default=True,
    help="How long the bytes of artifacts stay on the log, once they are in the blob store or not.",
)
@_uri_option
@output_option
def create(partitions: int, replication: int | None, artifact_days: int, uri: str, output: str) -> None:
    """Make the topics that are missing; those that exist stay as they are."""
    from trackstream_api.kafka_admin import create_topics

    made = create_topics(uri, partitions, replication, artifact_days * _DAY_MS)
    print_objects(
        output,
        [asdict(outcome) for outcome in made],
        ("TOPIC", "RESULT", "PARTITIONS", "REPLICATION"),
        lambda row: (row["topic"], row["result"], row["partitions"], row["replication"]),
    )


@topics.command()
@click.option(
    "--partitions",
    type=click.IntRange(1),
    default=None,
    help="Least partitions of the topics that consumers share.",
)
@_uri_option
@output_option
def check(partitions: int | None, uri: str, output: str) -> None:
    """Tell what is wrong with the topics. Exits with 1 where events would be lost or refused."""
    from trackstream_api.kafka_admin import check_topics

    found = check_topics(uri, partitions)
    print_objects(
        output,
        [asdict(finding) for finding in found],
        ("TOPIC", "RESULT", "PROBLEM", "REMEDY"),
        lambda row: (row["topic"], row["severity"], row["problem"], row["remedy"]),
    )
    if not found:
        say("the topics are as they should be")
    failed = sorted({finding.topic for finding in found if finding.severity == "fail"})
    if failed:
        raise ChecksFailed(f"failed: {', '.join(failed)}")
