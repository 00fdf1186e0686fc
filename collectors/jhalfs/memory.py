"""What the follower remembers over its own restart, in one small file that is replaced as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from collectors.jhalfs.tail import Place
from streams.errors import ConfigError
from streams.whole_file import written_atomically

__all__ = ["Memory", "Package", "load", "save"]


class Package(msgspec.Struct):
    """A target that has been seen. Times are seconds since the epoch."""

    run_id: str
    begun_at: float
    state: Literal["running", "success", "failure"] = "running"
    log: str = ""
    place: Place = Place()
    test_place: Place = Place()
    ended_at: float | None = None
    seconds: float | None = None
    stage: str = ""
    stage_index: int = -1
    stage_begun_at: float = 0.0
    first_kib: int | None = None
    last_kib: int | None = None
    lines: int = 0
    signals: list[tuple[str, bool]] = []  # error class, fatal; the first of each
    grown_at: float = 0.0  # when the log last grew


class Memory(msgspec.Struct):
    """A build as followed so far."""

    build: str = ""
    version: int = 1
    begun: bool = False
    ends: int = 0  # how often the build ended: it may be resumed after a failure
    over: bool = False
    make_place: Place = Place()
    failed: dict[str, int] = {}  # target: make's error number, not yet told
    packages: dict[str, Package] = {}


def load(path: Path) -> Memory:
    """The memory kept in a file; an empty one where there is none. ConfigError for a file that is none of ours."""
    try:
        memory = msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory()
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path} is no follower's memory ({error}); remove it to begin again") from error
    if memory.version != 1:
        raise ConfigError(f"{path} was written by another version of buildcast; remove it to begin again")
    return memory


def save(path: Path, memory: Memory) -> None:
    """Replace the file; a crash leaves the old one or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_atomically(path) as file:
        file.write(msgspec.json.encode(memory))
