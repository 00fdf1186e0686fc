"""A bounded table that forgets the keys unused for longest, and counts what it forgot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from models.bounded import forget_oldest

__all__ = ["Table"]

V = TypeVar("V")


class Table(Generic[V]):
    """Keys to values, least recently kept first. `limit` is in entries.

    A full table forgets `batch` entries at once (`models.bounded` says why).

    >>> table = Table[int](2)
    >>> for key in "abc":
    ...     table.keep(key, 1)
    >>> list(table.entries), table.evicted
    (['b', 'c'], 1)
    """

    __slots__ = ("batch", "entries", "evicted", "limit")

    def __init__(self, limit: int, batch: int = 1) -> None:
        self.limit = limit
        self.batch = max(1, batch)
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
            self.trim()

    def renew(self, key: str, fresh: Callable[[], V]) -> V:
        """The value, put in as the most recent; a fresh one for a key that is not there."""
        entries = self.entries
        value = entries.pop(key, None)
        if value is None:
            value = fresh()
        entries[key] = value
        if len(entries) > self.limit:
            self.trim()
        return value

    def trim(self) -> None:
        """Forget the oldest until the limit holds."""
        self.evicted += forget_oldest(self.entries, self.limit, self.batch)

    def drop(self, key: str) -> V | None:
        """Take a key out on purpose; not counted as forgotten."""
        return self.entries.pop(key, None)
