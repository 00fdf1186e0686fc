"""Events of many runs in the order they happened, so that an importer learns nothing before it was known."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from collectors.imports.records import Item
from streams.events import Event, RunStarted

__all__ = ["by_time", "merged"]


def merged(items: Iterable[Item]) -> Iterator[Item]:
    """Items of a source whose runs are sorted by their start: what a run does later waits for its moment.

    Holds only the runs in flight. An item that comes out of order is passed on at once.
    """
    waiting: list[tuple[float, int, Event]] = []
    for number, item in enumerate(items):
        if not isinstance(item, Event):
            yield item
            continue
        if isinstance(item, RunStarted):
            while waiting and waiting[0][0] <= item.time:
                yield heapq.heappop(waiting)[2]
            yield item
        else:
            heapq.heappush(waiting, (item.time, number, item))
    while waiting:
        yield heapq.heappop(waiting)[2]


def by_time(items: Iterable[Item]) -> Iterator[Item]:
    """All items sorted by time, each event once; what is no event comes first. Holds everything."""
    found: dict[str, Event] = {}
    for item in items:
        if isinstance(item, Event):
            found.setdefault(item.id, item)
        else:
            yield item
    yield from sorted(found.values(), key=lambda event: event.time)
