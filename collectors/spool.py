"""Events on the disk until they are delivered: what `append` has taken survives a crash, in order.

A folder of segments, a set for each process that writes, so that runs side by side never wait for each other. Three
ranks: metrics go first when the spool is full, then other events, and a run's end never. Each drop is counted by rank.
One process at a time delivers (`delivering`); what it has delivered is remembered behind every segment's name.

Files: `RANK-TIME-PID-NUMBER.seg`, `delivered.json` (offsets), `dropped.json` (counts), `lock`, `delivering.lock`.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from collectors.segment import Record, SegmentWriter, is_written_to, read_records
from streams.codec import encode
from streams.errors import Unavailable
from streams.events import Event, HostSampled, PipelineFinished, RunFinished, RunSampled
from streams.whole_file import written_atomically

__all__ = ["RANKS", "Spool", "SpoolLimits", "Spooled", "rank_of"]

RANKS = ("metrics", "events", "ends")
"""What is dropped first stands first; `ends` is never dropped."""


@dataclass(frozen=True)
class SpoolLimits:
    """How large a spool may become, in bytes. `ends` may exceed it: they are few and small."""

    cap_bytes: int = 256 << 20
    segment_bytes: int = 256 << 10
    ends_segment_bytes: int = 64 << 10


class Spooled(NamedTuple):
    """A payload that waits, and the place to remember once it is delivered."""

    rank: str
    payload: bytes
    segment: str
    end: int
    sequence: int


def rank_of(event: Event) -> str:
    """How dear an event is: see `RANKS`."""
    if isinstance(event, HostSampled | RunSampled):
        return "metrics"
    return "ends" if isinstance(event, RunFinished | PipelineFinished) else "events"


class Spool:
    """A folder of events. `append` may be called from any thread; `Unavailable` where the disk takes nothing."""

    def __init__(self, folder: Path, limits: SpoolLimits | None = None) -> None:
        self.folder = folder
        self.limits = limits or SpoolLimits()
        self._lock = threading.Lock()
        self._writers: dict[str, SegmentWriter] = {}
        self._sequence = 0
        self._segments = 0
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._mend()
        with contextlib.suppress(OSError):
            self._open("ends")  # room for the run's end is taken while there is some

    def append(self, event: Event) -> None:
        """Take an event; it is on the disk when this returns. A metric that finds no room raises and is counted."""
        self.append_bytes(rank_of(event), encode(event))

    def append_bytes(self, rank: str, payload: bytes) -> None:
        """As `append`, for an encoded event."""
        with self._lock:
            try:
                self._append(rank, payload)
            except OSError as error:
                self._count_dropped({rank: 1})
                raise Unavailable(f"the spool {self.folder} takes no more: {error.strerror or error}") from error

    def waiting(self, most: int = 500) -> list[Spooled]:
        """The oldest undelivered events of all processes, in order."""
        delivered = self._read_numbers("delivered.json")
        chains: dict[str, list[Path]] = {}
        for path in self._paths():  # of one writer and rank only the oldest file that holds something is read
            rank, _, writer = path.stem.split("-")[:3]
            chains.setdefault(f"{rank}-{writer}", []).append(path)
        streams = [self._chained(paths, delivered) for paths in chains.values()]
        return [one for one, _ in zip(heapq.merge(*streams, key=_by_sequence), range(most), strict=False)]

    def delivered(self, events: Iterable[Spooled]) -> None:
        """Remember what has been delivered; segments with nothing left go."""
        ends: dict[str, int] = {}
        for event in events:
            ends[event.segment] = max(event.end, ends.get(event.segment, 0))
        with self._locked():
            known = self._read_numbers("delivered.json") | ends
            for path in [self.folder / name for name in ends]:
                if not is_written_to(path) and not any(self._undelivered(path, known.get(path.name, 0))):
                    path.unlink(missing_ok=True)
            living = {path.name for path in self._paths()}
            self._write_numbers("delivered.json", {name: end for name, end in known.items() if name in living})

    def dropped(self) -> dict[str, int]:
        """Events dropped since the spool was made, by rank."""
        return dict.fromkeys(RANKS, 0) | self._read_numbers("dropped.json")

    def size_bytes(self) -> int:
        """Bytes that the segments take on the disk."""
        return sum(_size(path) for path in self._paths())

    @contextlib.contextmanager
    def delivering(self) -> Iterator[bool]:
        """Whether this process may deliver; at most one may."""
        fd = os.open(self.folder / "delivering.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(fd)

    def close(self) -> None:
        """Give back unused space. The spool can be opened again at any time, closed or not."""
        with self._lock:
            for writer in self._writers.values():
                writer.close()
            self._writers.clear()
            with self._locked():
                self._mend()

    def _append(self, rank: str, payload: bytes) -> None:
        self._sequence = max(self._sequence + 1, time.time_ns())
        writer = self._writers.get(rank)
        if writer is None or not writer.fits(len(payload)):
            writer = self._open(rank, len(payload))
        writer.append(RANKS.index(rank), self._sequence, payload)

    def _open(self, rank: str, length: int = 0) -> SegmentWriter:
        size = self.limits.ends_segment_bytes if rank == "ends" else self._segment_bytes()
        size = max(size, length + 64)
        with self._locked():
            if old := self._writers.pop(rank, None):
                old.close()
            self._make_room(size, rank)
            self._segments += 1
            name = f"{rank}-{time.time_ns():020d}-{os.getpid()}-{self._segments}.seg"
            try:
                writer = SegmentWriter(self.folder / name, size)
            except OSError:
                if not self._drop_oldest(rank):
                    raise
                writer = SegmentWriter(self.folder / name.replace(".seg", "b.seg"), size)
        self._writers[rank] = writer
        return writer

    def _segment_bytes(self) -> int:
        return min(self.limits.segment_bytes, max(4096, self.limits.cap_bytes // 16))

    def _make_room(self, wanted: int, rank: str) -> None:
        while self.size_bytes() + wanted > self.limits.cap_bytes and self._drop_oldest(rank):
            continue

    def _drop_oldest(self, rank: str) -> bool:
        """Drop the oldest segment that is not dearer than `rank`, metrics first; False where there is none."""
        in_use = {writer.path for writer in self._writers.values()}
        for cheaper in RANKS[: min(RANKS.index(rank), 1) + 1]:
            for path in self._paths(cheaper):
                if path in in_use or is_written_to(path):
                    continue
                delivered = self._read_numbers("delivered.json").get(path.name, 0)
                lost = sum(1 for _ in read_records(path, delivered))
                path.unlink(missing_ok=True)
                self._count_dropped({cheaper: lost})
                return True
        return False

    def _chained(self, paths: Iterable[Path], delivered: Mapping[str, int]) -> Iterator[Spooled]:
        for path in paths:
            yield from self._undelivered(path, delivered.get(path.name, 0))

    def _undelivered(self, path: Path, start: int) -> Iterator[Spooled]:
        rank = path.name.partition("-")[0]
        record: Record
        for record in read_records(path, start):
            yield Spooled(rank, record.payload, path.name, record.end, record.sequence)

    def _paths(self, rank: str = "*") -> list[Path]:
        return sorted(self.folder.glob(f"{rank}-*.seg"), key=lambda path: path.name.partition("-")[2])

    def _mend(self) -> None:
        """Give back the space that processes which were killed had taken ahead, and files that are delivered."""
        delivered = self._read_numbers("delivered.json")
        for path in self._paths():
            if is_written_to(path):
                continue
            end = max((record.end for record in read_records(path)), default=0)
            with contextlib.suppress(OSError):
                if end <= delivered.get(path.name, 0):
                    path.unlink(missing_ok=True)
                elif end < _size(path):
                    os.truncate(path, end)

    def _count_dropped(self, more: Mapping[str, int]) -> None:
        with contextlib.suppress(OSError):  # a full disk: the count of this drop is lost with it
            self._write_numbers("dropped.json", dict(Counter(self._read_numbers("dropped.json")) + Counter(more)))

    def _read_numbers(self, name: str) -> dict[str, int]:
        try:
            found = json.loads((self.folder / name).read_bytes())
        except (OSError, ValueError):
            return {}
        return {key: value for key, value in found.items() if isinstance(value, int)} if isinstance(found, dict) else {}

    def _write_numbers(self, name: str, numbers: Mapping[str, int]) -> None:
        with written_atomically(self.folder / name, lasting=False) as file:  # an older count means sending again
            file.write(json.dumps(numbers).encode())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among all processes that share the spool."""
        fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _by_sequence(event: Spooled) -> int:
    return event.sequence


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
