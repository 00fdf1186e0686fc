"""A bounded table that forgets the key unused for longest, and counts what it forgot."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Table"]

V = TypeVar("V")


class Table(Generic[V]):
    """Keys to values, least recently kept first. `limit` is in entries.

    >>> table = Table[int](2)
    >>> for key in "abc":
    ...     table.keep(key, 1)
    >>> list(table.entries), table.evicted
    (['b', 'c'], 1)
    """

    __slots__ = ("entries", "evicted", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.entries: dict[str, V] = {}
        self.evicted = 0

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, key: str) -> V | None:
        """The value, without counting as a use: reading never changes what is forgotten."""
        return self.entries.get(key)

    def keep(self, key: str, value: V) -> None:
        """Put the value in as the most recent, forgetting the oldest beyond the limit."""
        entries = self.entries
        entries.pop(key, None)
        entries[key] = value
        if len(entries) > self.limit:
            del entries[next(iter(entries))]
            self.evicted += 1

    def drop(self, key: str) -> V | None:
        """Take a key out on purpose; not counted as forgotten."""
        return self.entries.pop(key, None)
