"""An import from files to events: read, parse, put in order, redact, emit, count."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from collectors.imports.formats import Format
from collectors.imports.order import by_time, merged
from collectors.imports.reading import members
from collectors.imports.records import BadRecord, Item, LeftOut, Origin
from streams.events import Event, LogSignal, RunFinished

__all__ = ["Import", "Tally", "import_files"]


@dataclass
class Tally:
    """What an import did. `first_at` and `last_at` are the times of its events."""

    events: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    bad: int = 0
    files: int = 0

    @property
    def total(self) -> int:
        """All events that were emitted."""
        return sum(self.events.values())


@dataclass(frozen=True)
class Import:
    """Where events and complaints go. `redact` sees every text of a log before anybody else does."""

    emit: Callable[[Event], None]
    complain: Callable[[str], None]
    redact: Callable[[str], str]
    moved: Callable[[int], None] = lambda position: None


def import_files(format_: Format, files: Sequence[Path], origin: Origin, port: Import) -> Tally:
    """Emit what the files hold, in the order of time. Raises ConfigError for a file that cannot be read."""
    tally = Tally()
    positions: dict[Path, int] = {}
    sources = [_items(format_, path, origin, port, tally, positions) for path in files]
    for item in _ordered(format_, sources):
        if isinstance(item, LeftOut):
            tally.left_out[item.reason] += 1
        elif isinstance(item, Event):
            _count(tally, item)
            port.emit(_redacted(item, port.redact))
    return tally


def _ordered(format_: Format, sources: Sequence[Iterator[Item]]) -> Iterator[Item]:
    if format_.in_order:
        return heapq.merge(*(merged(source) for source in sources), key=_time)
    return by_time(itertools.chain.from_iterable(sources))


def _time(item: Item) -> float:
    return item.time if isinstance(item, Event) else -math.inf


def _items(
    format_: Format, path: Path, origin: Origin, port: Import, tally: Tally, positions: dict[Path, int]
) -> Iterator[Item]:
    def moved(position: int) -> None:
        positions[path] = position
        port.moved(sum(positions.values()))

    for here, lines in members(path, origin, moved):
        tally.files += 1
        for item in format_.parse(lines, here):
            if isinstance(item, BadRecord):
                tally.bad += 1
                port.complain(f"{here.name}, {item.where}: {item.reason}")
            else:
                yield item
    moved(path.stat().st_size)


def _count(tally: Tally, event: Event) -> None:
    tally.events[type(event).__name__] += 1
    if isinstance(event, RunFinished):
        tally.outcomes[event.outcome] += 1


def _redacted(event: Event, redact: Callable[[str], str]) -> Event:
    if isinstance(event, LogSignal) and event.line:
        return msgspec.structs.replace(event, line=redact(event.line))
    return event
