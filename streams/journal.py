"""A file of events, one encoded event a line: the log of local mode, with the codec of the wire.

Appends are flushed to the disk when asked. A torn last line (the machine stopped while writing) is dropped and counted.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from streams.codec import decode, encode
from streams.errors import InvalidEvent
from streams.events import Event

__all__ = ["Journal"]


class Journal:
    """Events in the order they were appended. Writers in several processes take turns by a file lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rejected = 0  # lines of the last read that were no events
        path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, events: Iterable[Event], sync: bool = False) -> None:
        """Write events as whole lines; `sync` returns only when they are on the disk."""
        lines = b"".join(encode(event) + b"\n" for event in events)
        if not lines:
            return
        with self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _torn(self.path):
                lines = b"\n" + lines
            file.write(lines)
            file.flush()
            if sync:
                os.fsync(file.fileno())

    def read_from(self, position: int) -> tuple[list[Event], int]:
        """Events of the whole lines behind a byte position, and the position behind them: to follow a growing file."""
        found: list[Event] = []
        if not self.path.exists():
            return found, position
        with self.path.open("rb") as file:
            file.seek(position)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                position += len(line)
                if not line.strip():
                    continue
                try:
                    found.append(decode(line.rstrip(b"\n")))
                except InvalidEvent:
                    self.rejected += 1
        return found, position

    def read(self, start: int = 0) -> Iterator[tuple[int, Event]]:
        """Offsets (counted in events) and events from `start` on."""
        self.rejected = 0
        if not self.path.exists():
            return
        offset = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.strip():
                    continue
                try:
                    event = decode(line.rstrip(b"\n"))
                except InvalidEvent:
                    self.rejected += 1
                    continue
                if offset >= start:
                    yield offset, event
                offset += 1


def _torn(path: Path) -> bool:
    size = path.stat().st_size
    if size == 0:
        return False
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) != b"\n"
