"""What a projector must do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trackstream_consumers.records import Record
    from trackstream_schemas.position import TopicPartition


class Projector(Protocol):
    """Writes what the records of some topics mean. Used by one thread.

    All methods raise SlowDown where the store cannot be reached now.
    """

    @property
    def name(self) -> str:
        """Under which its positions are kept."""
        ...

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics that it reads."""
        ...

    def positions(self) -> dict[TopicPartition, int]:
        """Return where to read on, as the store has it; a partition not named is read from 0."""
        ...

    def keep_only(self, partitions: Collection[TopicPartition]) -> None:
        """Forget what is kept outside the store of other partitions than these: a group gave them away.

        What was kept of a partition that comes back later would be out of date.
        """
        ...

    def apply(self, records: Sequence[Record], reached: Mapping[TopicPartition, int]) -> int:
        """Project `records`, then note `reached` as the positions; returns the number of rows.

        `reached` may lie behind more than these records: what is between was given up or skipped.
        Killed anywhere within, the same records are applied again and leave what once would have left.
        Raises DeadLetter for a record that can never be applied, and any other exception where one of
        the records (but not which) is to blame.
        """
        ...
