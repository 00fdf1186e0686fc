"""The most recent ids, for dropping repeats: a bounded set that forgets the oldest first."""

from __future__ import annotations

from collections.abc import Iterable

from models.bounded import forget_oldest

__all__ = ["Recent"]


class Recent:
    """At most `limit` ids.

    >>> recent = Recent(2)
    >>> [recent.add(x) for x in "aabca"]
    [True, False, True, True, True]
    """

    def __init__(self, limit: int, ids: Iterable[str] = ()) -> None:
        self.limit = limit
        self._ids: dict[str, None] = dict.fromkeys(ids)

    def add(self, id_: str) -> bool:
        """True if the id is new (within memory); it is remembered either way."""
        if id_ in self._ids:
            return False
        self._ids[id_] = None
        forget_oldest(self._ids, self.limit)
        return True

    def __contains__(self, id_: str) -> bool:
        return id_ in self._ids

    def ids(self) -> Iterable[str]:
        """From the oldest to the newest."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)
