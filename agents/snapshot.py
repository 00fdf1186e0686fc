"""A partition's live state on disk: plain bytes, sealed, written atomically, with the offsets it has consumed.

Layout: magic (8) | HMAC-SHA256 (32) | header length (4, big endian) | header (JSON) | state. The seal is checked before
anything is parsed; what is refused is rebuilt from the log. A snapshot never goes back in offsets: a member that was
thrown out of the group cannot overwrite what its successor wrote.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from agents.lineage import Origin
from streams.whole_file import written_atomically

__all__ = [
    "FolderStore",
    "Snapshot",
    "SnapshotRefused",
    "SnapshotStore",
    "read_sealed",
    "seal",
    "sealing_key",
    "unseal",
]

MAX_BYTES = 256 * 2**20
_MAGIC = b"BCPART01"
_HEAD = len(_MAGIC) + 32 + 4


class SnapshotRefused(Exception):
    """A snapshot that is not used, and why; the log is read instead."""


class _Header(msgspec.Struct, frozen=True):
    lineage: str
    partition: int
    offsets: dict[str, int]
    origin: Origin = Origin()


class Snapshot(msgspec.Struct, frozen=True):
    """State after consuming everything before `offsets` (next offset to read, by topic)."""

    lineage: str  # code and config that can read the state
    partition: int
    offsets: dict[str, int]
    state: bytes
    origin: Origin = Origin()  # what a state that is loaded from it went on from


def seal(snapshot: Snapshot, key: bytes) -> bytes:
    """The snapshot as bytes under the key; `SnapshotRefused` if they were too many to be read again."""
    if len(snapshot.state) > MAX_BYTES - 2**16:
        raise SnapshotRefused(f"{len(snapshot.state)} bytes of state, at most {MAX_BYTES - 2**16} are kept")
    header = msgspec.json.encode(_Header(snapshot.lineage, snapshot.partition, snapshot.offsets, snapshot.origin))
    body = len(header).to_bytes(4, "big") + header + snapshot.state
    return _MAGIC + hmac.digest(key, body, hashlib.sha256) + body


def unseal(raw: bytes, key: bytes) -> Snapshot:
    """The snapshot in sealed bytes, or `SnapshotRefused`."""
    if len(raw) > MAX_BYTES:
        raise SnapshotRefused(f"{len(raw)} bytes, at most {MAX_BYTES} are read")
    if len(raw) < _HEAD or raw[:8] != _MAGIC:
        raise SnapshotRefused("no snapshot of this kind")
    body = memoryview(raw)[40:]
    if not hmac.compare_digest(raw[8:40], hmac.digest(key, body, hashlib.sha256)):
        raise SnapshotRefused("changed, or sealed with another key")
    length = int.from_bytes(body[:4], "big")
    try:
        header = msgspec.json.decode(body[4 : 4 + length], type=_Header)
    except ValueError as error:  # msgspec's own errors, and text that is no UTF-8
        raise SnapshotRefused(f"unreadable header: {error}") from error
    state = bytes(body[4 + length :])
    return Snapshot(header.lineage, header.partition, header.offsets, state, header.origin)


class SnapshotStore(Protocol):
    """Where a partition's next owner finds its state."""

    def load(self, partition: int) -> Snapshot | None: ...

    def save(self, partition: int, offsets: Mapping[str, int], state: bytes, origin: Origin | None = None) -> int: ...


class FolderStore:
    """One file a partition. Workers on several machines need a folder that all of them reach.

    Without one nothing is lost: the next owner finds no snapshot that fits the committed offsets, and reads the log.
    """

    def __init__(self, folder: Path, key: bytes, lineage: str) -> None:
        self.folder = folder
        self._key = key
        self.lineage = lineage
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def load(self, partition: int) -> Snapshot | None:
        """The partition's snapshot, None where there is none, `SnapshotRefused` with the reason."""
        raw = read_sealed(self._path(partition), MAX_BYTES)
        if raw is None:
            return None
        snapshot = unseal(raw, self._key)
        if snapshot.partition != partition:
            raise SnapshotRefused(f"of partition {snapshot.partition}, not {partition}")
        if snapshot.lineage != self.lineage:
            raise SnapshotRefused(f"of lineage {snapshot.lineage!r}, not {self.lineage!r}")
        return snapshot

    def save(self, partition: int, offsets: Mapping[str, int], state: bytes, origin: Origin | None = None) -> int:
        """Write durably and return the size; `SnapshotRefused` if the stored one has consumed more."""
        raw = seal(Snapshot(self.lineage, partition, dict(offsets), state, origin or Origin()), self._key)
        with self._locked(partition):
            self._refuse_older(partition, offsets)
            with written_atomically(self._path(partition)) as file:
                file.write(raw)
        return len(raw)

    def _refuse_older(self, partition: int, offsets: Mapping[str, int]) -> None:
        try:
            stored = self.load(partition)
        except SnapshotRefused:
            return
        if stored and any(offsets.get(topic, 0) < offset for topic, offset in stored.offsets.items()):
            raise SnapshotRefused(f"the stored one of partition {partition} has consumed more")

    def _path(self, partition: int) -> Path:
        return self.folder / f"partition-{partition:05d}.snapshot"

    @contextmanager
    def _locked(self, partition: int) -> Iterator[None]:
        with (self.folder / f"partition-{partition:05d}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def read_sealed(path: Path, limit: int) -> bytes | None:
    """The bytes of a file, None where it is absent; a file over the limit is refused unread."""
    try:
        if (size := path.stat().st_size) > limit:
            raise SnapshotRefused(f"{size} bytes, at most {limit} are read")
        return path.read_bytes()
    except FileNotFoundError:
        return None


def sealing_key(folder: Path, given: str = "") -> bytes:
    """The key of the seals: the secret given, else one kept in the folder (mode 0600), made the first time."""
    if given:
        return hashlib.sha256(given.encode()).digest()
    path, draft = folder / "snapshot.key", folder / f"snapshot.key.{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # whoever links first has made the key
        draft.unlink()
    return bytes.fromhex(path.read_text())
