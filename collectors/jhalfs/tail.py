"""New whole lines of a file that somebody else writes, may rotate or begin again."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

__all__ = ["CHUNK_BYTES", "Place", "Reading", "read_on"]

CHUNK_BYTES = 4 << 20  # read at most at once
_LINE_BYTES = 1 << 16  # a line without an end is passed on when it is longer than this


class Place(msgspec.Struct, frozen=True):
    """Next to read: the file by device and inode, and the offset in it."""

    device: int = 0
    inode: int = 0
    offset: int = 0


class Reading(msgspec.Struct, frozen=True):
    """What was read. `fresh`: the file is another one, or shorter, than when last seen: this is its beginning."""

    data: bytes
    place: Place
    fresh: bool
    modified_at: float
    more: bool


def read_on(path: Path, place: Place, whole: bool = False) -> Reading | None:
    """The next whole lines; None while the file is not there or may not be read. `whole`: an open last line too."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            same = (status.st_dev, status.st_ino) == (place.device, place.inode)
            fresh = not same or status.st_size < place.offset
            start = 0 if fresh else place.offset
            file.seek(start)
            data = file.read(CHUNK_BYTES)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        return None
    more = len(data) == CHUNK_BYTES
    end = data.rfind(b"\n") + 1
    if (whole and not more) or (end == 0 and len(data) > _LINE_BYTES):
        end = len(data)
    return Reading(
        data=data[:end],
        place=Place(status.st_dev, status.st_ino, start + end),
        fresh=fresh,
        modified_at=status.st_mtime,
        more=more and end > 0,
    )
