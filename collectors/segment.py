"""One file of a spool: records behind checksums, readable after any crash.

A record is `mark (2) kind (1) length (4) sequence (8) checksum (4) payload`; the checksum covers kind to payload. Space
is taken ahead of time, so that a record's write needs no new space and its flush no second one. Zeros follow the last
record. What a crash tore is skipped up to the next mark and counted.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Record", "SegmentWriter", "frame", "is_written_to", "read_records", "scan"]

_MARK = b"\xb5\x5e"
_HEAD = struct.Struct("<2sBIQI")
_BODY = struct.Struct("<BIQ")
_MOST_BYTES = 4 << 20  # of one payload


class Record(NamedTuple):
    """A payload with its place: `sequence` orders records of all segments, `end` is the offset behind it."""

    sequence: int
    kind: int
    payload: bytes
    end: int


def frame(kind: int, sequence: int, payload: bytes) -> bytes:
    """A record's bytes."""
    checksum = zlib.crc32(payload, zlib.crc32(_BODY.pack(kind, len(payload), sequence)))
    return _HEAD.pack(_MARK, kind, len(payload), sequence, checksum) + payload


def scan(data: bytes, start: int = 0) -> tuple[list[Record], int, int]:
    """Whole records from `start` on, the offset behind the last one, and how many torn places were passed over.

    >>> scan(frame(1, 7, b"x") + bytes(8))
    ([Record(sequence=7, kind=1, payload=b'x', end=20)], 20, 0)
    """
    records: list[Record] = []
    at, end, torn = start, start, 0
    while at + _HEAD.size <= len(data):
        found = _record_at(data, at)
        if found is not None:
            records.append(found)
            at = end = found.end
            continue
        following = data.find(_MARK, at + 1)
        if following < 0:
            torn += any(data[at : at + _HEAD.size])
            break
        torn += 1 if _record_at(data, following) is not None else 0
        at = following
    return records, end, torn


def _record_at(data: bytes, at: int) -> Record | None:
    if len(data) < at + _HEAD.size:
        return None
    mark, kind, length, sequence, checksum = _HEAD.unpack_from(data, at)
    end = at + _HEAD.size + length
    if mark != _MARK or length > _MOST_BYTES or end > len(data):
        return None
    payload = data[at + _HEAD.size : end]
    if zlib.crc32(payload, zlib.crc32(_BODY.pack(kind, length, sequence))) != checksum:
        return None
    return Record(sequence, kind, payload, end)


def read_records(path: Path, start: int = 0) -> Iterator[Record]:
    """Whole records of a file from an offset on; none where the file has gone."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return
    for record in scan(data)[0]:
        yield record._replace(end=record.end + start)


def is_written_to(path: Path) -> bool:
    """Whether a living process holds the segment open for writing."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


class SegmentWriter:
    """Appends records to a new file. The lock on it ends with the process, however that ends."""

    def __init__(self, path: Path, capacity_bytes: int) -> None:
        self.path = path
        self.capacity_bytes = capacity_bytes
        self.used_bytes = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            os.posix_fallocate(self._fd, 0, capacity_bytes)
            os.fsync(self._fd)
            _sync_folder(path.parent)
        except OSError:
            self.close()
            raise

    def fits(self, length: int) -> bool:
        """Whether a payload of this length has room."""
        return self.used_bytes + _HEAD.size + length <= self.capacity_bytes

    def append(self, kind: int, sequence: int, payload: bytes) -> None:
        """Write a record; it is on the disk when this returns."""
        data = frame(kind, sequence, payload)
        view, at = memoryview(data), self.used_bytes
        while view:
            written = os.pwrite(self._fd, view, at)
            view, at = view[written:], at + written
        os.fdatasync(self._fd)
        self.used_bytes = at

    def close(self) -> None:
        """Give back unused space; an empty file goes."""
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self.used_bytes)
        if not self.used_bytes:
            self.path.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = -1


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
