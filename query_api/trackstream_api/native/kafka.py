"""A Kafka broker, which is a KRaft controller too, as a process of the native stack."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from trackstream_api.native import install, process
from trackstream_api.native.errors import StartFailed, ToolMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from trackstream_api.native.process import ProcessId

_FORMAT_SECONDS = 60
_SMALL_JVM = ("-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.awt.headless=true")


def properties(
    node: int, broker_ports: Mapping[int, int], controller_ports: Mapping[int, int], logs: Path
) -> str:
    """Return the server.properties of broker `node` (1, 2, …) of the cluster that the ports describe."""
    brokers = len(broker_ports)
    copies = min(3, brokers)
    in_sync = max(1, copies - 1)
    settings = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": ",".join(
            f"{other}@127.0.0.1:{port}" for other, port in sorted(controller_ports.items())
        ),
        "listeners": f"PLAINTEXT://127.0.0.1:{broker_ports[node]},"
        f"CONTROLLER://127.0.0.1:{controller_ports[node]}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker_ports[node]}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": logs,
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 4,
        # Three brokers stop together; one that waits to hand its partitions over would wait in vain.
        "controlled.shutdown.enable": "true" if brokers == 1 else "false",
        # A broker that was killed is noticed after 6 s.
        "broker.session.timeout.ms": 6000,
        "broker.heartbeat.interval.ms": 1000,
        "group.initial.rebalance.delay.ms": 0,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def prepare(directory: Path, settings: str, cluster_id: str, jars: Path) -> None:
    """Write server.properties and, the first time, format the log directory (1.5 s)."""
    directory.mkdir(parents=True, exist_ok=True)
    configuration = directory / "server.properties"
    configuration.write_text(settings)
    if (directory / "logs" / "meta.properties").exists():
        return
    command = [*_java(jars, directory / "format.log", "128m"), "kafka.tools.StorageTool", "format"]
    command += ["--cluster-id", cluster_id, "--config", str(configuration), "--ignore-formatted"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_FORMAT_SECONDS, check=False)
    if done.returncode != 0:
        (directory / "output.log").write_text(done.stdout + done.stderr)
        raise StartFailed("kafka", "could not format its log directory", directory / "output.log")


def start(directory: Path, jars: Path) -> ProcessId:
    """Start the broker that was prepared in `directory`; its log is server.log there."""
    command = [
        *_java(jars, directory / "server.log", "512m"),
        "kafka.Kafka",
        str(directory / "server.properties"),
    ]
    return process.spawn(command, directory / "output.log", {}, directory)


def health(port: int, brokers: int) -> Callable[[], bool]:
    """Return a check that the broker on `port` answers and sees `brokers` brokers, itself among them.

    Raises ToolMissing where the Kafka client library is not installed.
    """
    try:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient
    except ImportError as error:
        raise ToolMissing("confluent-kafka (pip install 'trackstream[kafka]')", "Kafka") from error

    def healthy() -> bool:
        if not process.listening(port):
            return False
        options: dict[str, str | int | float | bool] = {
            "bootstrap.servers": f"127.0.0.1:{port}",
            "log_level": 0,
            "socket.timeout.ms": 3000,
        }
        try:
            seen = AdminClient(options).list_topics(timeout=3).brokers
        except KafkaException:
            return False
        return len(seen) >= brokers and any(broker.port == port for broker in seen.values())

    return healthy


def _java(jars: Path, log: Path, heap: str) -> Sequence[str]:
    return (
        install.tool("java", "Kafka"),
        f"-Xmx{heap}",
        *_SMALL_JVM,
        f"-Dlog4j2.configurationFile={install.infra_directory() / 'kafka' / 'log4j2.properties'}",
        f"-Dtrackstream.log={log}",
        "-cp",
        f"{jars}/*",
    )
