"""Pulls a project's jobs from a CI system: what is new or goes on since the last pull, as the webhooks would tell it.

Law: a batch is yielded before the cursor speaks of it. Whoever makes each batch durable and saves the cursor then loses
nothing however a pull ends; what is told twice has the same ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from collectors.ci.cursor import Cursor, Told
from collectors.ci.rest import Page, SeenPage
from streams.errors import InvalidEvent, Rejected
from streams.events import Event

__all__ = ["LOOK_BACK_SECONDS", "Group", "Source", "pull", "readable"]

LOOK_BACK_SECONDS = 7 * 86_400.0
"""Every pull lists what is so old, unless told otherwise: a re-run of an old run is listed where that began."""


@dataclass(frozen=True)
class Group:
    """Jobs that belong together: a workflow run, a pipeline. `mark` changes whenever it does."""

    id: str
    mark: str
    at: float
    is_open: bool
    body: Mapping[str, Any]


class Source(Protocol):
    """One project on one CI system."""

    def listing(self, since: float, now: float, seen: Mapping[str, SeenPage]) -> Iterator[Page]:
        """Pages of groups from `since` on."""
        ...

    def groups(self, page: Page) -> list[Group]: ...

    def own_events(self, group: Group) -> list[Event]:
        """What a group itself tells: that it began, that it ended."""
        ...

    def jobs(self, group_id: str, seen: Mapping[str, SeenPage]) -> Iterator[Page]: ...

    def job_events(self, page: Page, counts: Counter[str]) -> list[Event]: ...


def pull(
    source: Source, cursor: Cursor, now: float, counts: Counter[str], look_back_seconds: float = LOOK_BACK_SECONDS
) -> Iterator[list[Event]]:
    """Batches of events. `Unavailable` when the system stays ill: the cursor stands behind what was yielded."""
    visited: set[str] = set()
    since = cursor.since(now, look_back_seconds)
    for page in source.listing(since, now, cursor.pages):
        for group in source.groups(page) if page.body is not None else ():
            known = cursor.told.get(group.id)
            visited.add(group.id)
            if known is not None and known.mark == group.mark and not group.is_open:
                continue
            used: list[Page] = []
            yield [*source.own_events(group), *_jobs(source, group.id, cursor, used, counts)]
            cursor.told[group.id] = Told(group.mark, group.at, group.is_open)
            cursor.remember(used if group.is_open else ())
            counts["groups"] += 1
        cursor.remember([page])
    for group_id, told in list(cursor.told.items()):
        if told.is_open and group_id not in visited:  # its listing has not changed, its jobs may have
            used = []
            if found := _jobs(source, group_id, cursor, used, counts):
                yield found
            cursor.remember(used)
    cursor.forget(since)


def readable(items: Any, read: Callable[[Mapping[str, Any]], Iterable[Event]], counts: Counter[str]) -> list[Event]:
    """Events of all items that can be read; the others are counted."""
    found: list[Event] = []
    for item in items if isinstance(items, list) else ():
        try:
            found += read(item)
        except (InvalidEvent, AttributeError, TypeError, ValueError, OverflowError):
            counts["unreadable"] += 1
    return found


def _jobs(source: Source, group_id: str, cursor: Cursor, used: list[Page], counts: Counter[str]) -> list[Event]:
    found: list[Event] = []
    try:
        for page in source.jobs(group_id, cursor.pages):
            used.append(page)
            found += source.job_events(page, counts) if page.body is not None else ()
    except Rejected:  # deleted meanwhile
        counts["gone"] += 1
    return found
