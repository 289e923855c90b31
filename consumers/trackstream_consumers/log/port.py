"""What a log reader must do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_schemas.position import Position, TopicPartition


class LogRecord(NamedTuple):
    """A record as it stands on the log."""

    position: Position
    key: str
    value: bytes
    appended_at: int
    """When the log took it, milliseconds since the epoch."""


class LogReader(Protocol):
    """Reads some topics' partitions in order. Used by one thread; only `wake` may be called by others.

    Raises Unavailable where the log cannot be reached now and StorageFailed where it is damaged.
    """

    @property
    def generation(self) -> int:
        """Count of the changes that a consumer group has made to `assigned`; 0 without a group.

        It changes only within `poll`. Records of a partition that is no longer assigned must then be
        forgotten, and one that is newly assigned begins where the group's start positions say.
        """
        ...

    def assigned(self) -> list[TopicPartition]:
        """Return the partitions that this reader reads now."""
        ...

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read on from these offsets; a partition not named is read on from where it stands (at first 0)."""
        ...

    def positions(self) -> dict[TopicPartition, int]:
        """Return for each assigned partition the offset that the next poll begins at.

        It can lie further than behind the last record, where a topic's retention has removed records.
        """
        ...

    def poll(self, max_records: int, timeout: float) -> list[LogRecord]:
        """Return the next records, at most `max_records`; waits up to `timeout` seconds for the first.

        Per partition in offset order. Returns an empty list when time is up or after `wake`.
        """
        ...

    def end(self) -> dict[TopicPartition, int]:
        """Return for each assigned partition the offset that the next record will get."""
        ...

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Leave these partitions out of `poll` until `resume`."""
        ...

    def resume(self, partitions: list[TopicPartition]) -> None:
        """Undo `pause`."""
        ...

    def applied(self, positions: Mapping[TopicPartition, int]) -> None:
        """Tell a consumer group, where there is one, how far its projection has come; never raises."""
        ...

    def wake(self) -> None:
        """Make a waiting `poll` look at the log at once. Callable from any thread."""
        ...

    def close(self) -> None:
        """Release the connection."""
        ...


@runtime_checkable
class Growing(Protocol):
    """A reader of a log whose topics can be given partitions while they are read."""

    def refresh(self) -> list[TopicPartition]:
        """Begin to read the partitions that the topics have been given since, and return them.

        Each is read from its beginning until `seek` says otherwise. A member of a group needs no telling.
        """
        ...
