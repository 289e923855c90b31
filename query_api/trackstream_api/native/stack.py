"""Starts, stops and breaks the native stack.

    with up(tmp_path, brokers=3) as stack:
        stack.kill("kafka-2")
        stack.restart("kafka-2")

Parts are `kafka-1` … `kafka-N` (`kafka` means all brokers), `minio` and `clickhouse`.
"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.native import clickhouse, install, kafka, minio, process, state
from trackstream_api.native.minio import MinioAddress
from trackstream_schemas.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from trackstream_api.native.process import ProcessId
    from trackstream_api.native.state import State

PARTS = ("kafka", "minio", "clickhouse")
"""What a stack is made of."""

_START_SECONDS = 120.0
_STOP_SECONDS = 30.0


def up(
    data: Path,
    brokers: int = 1,
    parts: Iterable[str] = PARTS,
    ports: Mapping[str, int] | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Stack:
    """Start what is not running of `parts` on the directory `data`, and return when all of it is healthy.

    `brokers` is 1 or 3 and stays what it was when the directory was made. `ports` names the ports of
    `kafka-1`, `minio`, `clickhouse`, …; others are the ones of last time, or free ones. `say` hears what
    takes long. Raises ToolMissing, InstallFailed or StartFailed (what it started is stopped again then),
    InvalidInput, and Conflict for a port that is taken.
    """
    chosen = _checked_parts(parts)
    if brokers not in (1, 3):
        raise InvalidInput("brokers", brokers, "1 or 3")
    data = data.resolve()
    with state.locked(data):
        current = state.load(data) or state.State.new(brokers)
        if current.brokers != brokers and "kafka" in chosen and any(_is_broker(p) for p in current.ports):
            raise InvalidInput("brokers", brokers, f"{current.brokers}, as when {data} was made")
        current.brokers = brokers if not any(_is_broker(p) for p in current.ports) else current.brokers
        stack = Stack(data, current, say)
        stack._assign_ports(chosen, ports or {})
        state.save(data, current)
        names = [name for part in chosen for name in stack._names(part) if not stack.running(name)]
        try:
            stack._start(names)
        except BaseException:
            stack._stop(names)
            raise
    return stack


def attach(data: Path) -> Stack:
    """Return the stack of `data`, running or not; raises NotFound where none was ever started."""
    found = state.load(data.resolve())
    if found is None:
        raise NotFound(
            f"no native stack was started in {data}; `trackstream dev up --data {data}` starts one"
        )
    return Stack(data.resolve(), found, lambda _line: None)


@dataclass(frozen=True)
class PartStatus:
    """One part as `trackstream dev status` shows it."""

    part: str
    address: str
    running: bool
    healthy: bool
    pid: int | None


class Stack:
    """A stack on its data directory; made by `up` or `attach`."""

    def __init__(self, data: Path, current: State, say: Callable[[str], None]) -> None:
        self.data = data
        self._state = current
        self._say = say

    @property
    def kafka(self) -> str:
        """Bootstrap servers, `host:port[,host:port…]`."""
        return ",".join(f"127.0.0.1:{self._port(name)}" for name in self._names("kafka"))

    @property
    def minio(self) -> MinioAddress:
        """Where MinIO is; its bucket exists."""
        endpoint = f"127.0.0.1:{self._port('minio')}"
        return MinioAddress(endpoint, self._state.minio_user, self._state.minio_password)

    @property
    def clickhouse(self) -> str:
        """URL of ClickHouse's HTTP protocol, with user and password."""
        current = self._state
        credentials = f"{current.clickhouse_user}:{current.clickhouse_password}"
        return f"http://{credentials}@127.0.0.1:{self._port('clickhouse')}"

    def environment(self) -> dict[str, str]:
        """Return the variables with which Trackstream's processes use the parts that were ever started."""
        known = self._state.ports
        variables: dict[str, str] = {}
        if "kafka-1" in known:
            variables["TRACKSTREAM_URI"] = f"kafka://{self.kafka}"
            variables["TRACKSTREAM_KAFKA"] = self.kafka
        if "clickhouse" in known:
            variables["TRACKSTREAM_CLICKHOUSE"] = self.clickhouse
        if "minio" in known:
            address = self.minio
            variables["TRACKSTREAM_S3_ENDPOINT"] = f"http://{address.endpoint}"
            variables["TRACKSTREAM_S3_BUCKET"] = address.bucket
            variables["TRACKSTREAM_S3_ACCESS_KEY"] = address.access_key
            variables["TRACKSTREAM_S3_SECRET_KEY"] = address.secret_key
        return variables

    def status(self) -> list[PartStatus]:
        """Return how every part that was ever started is now."""
        return [
            self._status(name) for part in PARTS for name in self._names(part) if name in self._state.ports
        ]

    def running(self, part: str) -> bool:
        """Whether the process of the part is alive; of `kafka`, those of all brokers."""
        processes = self._state.processes
        return all(name in processes and processes[name].running() for name in self._names(part))

    def pid(self, part: str) -> int:
        """Return the process id of a part that was started (`kafka` only where there is one broker)."""
        return self._process(part).pid

    def log(self, part: str) -> Path:
        """Return the file with what the part says."""
        return self.data / part / ("server.log" if _is_broker(part) else "output.log")

    def kill(self, part: str) -> None:
        """`kill -9`; the part stays away until `restart`."""
        for name in self._names(part):
            self._process(name).kill()

    def pause(self, part: str) -> None:
        """Stop the part's process from running (SIGSTOP): it keeps its connections and answers nothing."""
        for name in self._names(part):
            self._process(name).pause()

    def resume(self, part: str) -> None:
        """Let a paused part run on."""
        for name in self._names(part):
            self._process(name).signal(signal.SIGCONT)

    def stop(self, part: str) -> None:
        """Let the part end by itself (SIGTERM), killing it after 30 s."""
        with state.locked(self.data):
            self._stop(self._names(part))

    def restart(self, part: str) -> None:
        """Start the part again on its data and port, killing it first where it still runs; waits for health.

        A broker of three is healthy once it sees at least one other (the quorum).
        """
        with state.locked(self.data):
            for name in self._names(part):
                self._process(name).kill()
            self._start(self._names(part))

    def down(self) -> None:
        """Stop all parts; ports, credentials and data stay for the next `up`."""
        with state.locked(self.data):
            self._stop([*self._state.processes])

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.down()

    def _names(self, part: str) -> list[str]:
        if part == "kafka":
            return [f"kafka-{node}" for node in range(1, self._state.brokers + 1)]
        known = (*PARTS[1:], *(f"kafka-{node}" for node in range(1, self._state.brokers + 1)))
        if part not in known:
            raise InvalidInput("part", part, ", ".join(("kafka", *known)))
        return [part]

    def _port(self, name: str) -> int:
        try:
            return self._state.ports[name]
        except KeyError:
            raise NotFound(f"{name} is not a part of the stack in {self.data}") from None

    def _process(self, part: str) -> ProcessId:
        names = self._names(part)
        if len(names) > 1:
            raise InvalidInput("part", part, "one broker: " + ", ".join(names))
        try:
            return self._state.processes[names[0]]
        except KeyError:
            raise NotFound(f"{names[0]} was not started in {self.data}") from None

    def _status(self, name: str) -> PartStatus:
        running = self.running(name)
        found = self._state.processes.get(name)
        healthy = running and self._health(name, 1)()
        pid = found.pid if running and found is not None else None
        return PartStatus(name, f"127.0.0.1:{self._port(name)}", running, healthy, pid)

    def _assign_ports(self, parts: Iterable[str], given: Mapping[str, int]) -> None:
        ports = self._state.ports
        wanted = [name for part in parts for name in self._names(part)]
        unknown = sorted(set(given) - set(wanted))
        if unknown:
            raise InvalidInput("ports", unknown[0], "a part of the stack: " + ", ".join(wanted))
        for name in wanted:
            if self.running(name):
                if name in given and given[name] != ports[name]:
                    raise Conflict(f"{name} already runs on port {ports[name]}, not {given[name]}")
                continue
            if name in given and not process.bindable(given[name]):
                raise Conflict(f"port {given[name]} for {name} is taken by another process")
            for port_of in (name, f"{name}-controller") if _is_broker(name) else (name,):
                if port_of in given:
                    ports[port_of] = given[port_of]
                elif port_of not in ports or not process.bindable(ports[port_of]):
                    ports[port_of] = process.free_port({*ports.values(), *given.values()})

    def _start(self, names: list[str]) -> None:
        """Start the parts and wait for them together; each process is remembered as soon as it exists."""
        brokers = [name for name in names if _is_broker(name)]
        if brokers:
            self._prepare_brokers(brokers)
        for name in names:
            self._state.processes[name] = self._launch(name)
            state.save(self.data, self._state)
        # One broker alone of three, and it cannot be more than a restart, needs another one for a quorum.
        expected = len(brokers) if len(brokers) == self._state.brokers else min(2, self._state.brokers)
        for name in names:
            process.wait_until_healthy(
                name,
                self._state.processes[name],
                self._health(name, expected),
                self.log(name),
                _START_SECONDS,
            )
        if "minio" in names:
            minio.make_bucket(self.minio)

    def _prepare_brokers(self, names: list[str]) -> None:
        jars = install.kafka_jars(self._say)
        nodes = range(1, self._state.brokers + 1)
        broker_ports = {node: self._port(f"kafka-{node}") for node in nodes}
        controller_ports = {node: self._port(f"kafka-{node}-controller") for node in nodes}

        def prepare(name: str) -> None:
            directory = self.data / name
            settings = kafka.properties(_node(name), broker_ports, controller_ports, directory / "logs")
            kafka.prepare(directory, settings, self._state.cluster_id, jars)

        with ThreadPoolExecutor(len(names)) as threads:
            list(threads.map(prepare, names))

    def _launch(self, name: str) -> ProcessId:
        directory = self.data / name
        current = self._state
        if _is_broker(name):
            return kafka.start(directory, install.kafka_jars(self._say))
        if name == "minio":
            binary = install.minio_binary(self._say)
            return minio.start(
                binary, directory, self._port(name), current.minio_user, current.minio_password
            )
        return clickhouse.start(
            directory, self._port(name), current.clickhouse_user, current.clickhouse_password
        )

    def _health(self, name: str, brokers: int) -> Callable[[], bool]:
        if _is_broker(name):
            return kafka.health(self._port(name), brokers)
        check = minio.health if name == "minio" else clickhouse.health
        return check(self._port(name))

    def _stop(self, names: Iterable[str]) -> None:
        """Ask all of them first, then wait: brokers of one cluster end together."""
        started = [name for name in names if name in self._state.processes]
        with ThreadPoolExecutor(max(1, len(started))) as threads:
            list(threads.map(lambda name: self._state.processes[name].stop(_STOP_SECONDS), started))
        for name in started:
            del self._state.processes[name]
        state.save(self.data, self._state)


def _checked_parts(parts: Iterable[str]) -> list[str]:
    asked = list(parts)
    for part in asked:
        if part not in PARTS:
            raise InvalidInput("parts", part, f"some of {', '.join(PARTS)}")
    return [part for part in PARTS if part in asked]


def _is_broker(name: str) -> bool:
    return name.startswith("kafka-")


def _node(name: str) -> int:
    return int(name.removeprefix("kafka-"))
