"""The trainer's desk on disk: sealed, written atomically, of one code, River version and first champion.

Nothing depends on it: what is refused is folded from the log again and leads to the same decisions.
"""

from __future__ import annotations

import pickle
from pathlib import Path

from agents.snapshot import MAX_BYTES, Snapshot, SnapshotRefused, read_sealed, seal, unseal
from models.desk import Desk
from models.snapshot import CODE_VERSION, RIVER_VERSION, loaded, probe
from models.snapshot import SnapshotRefused as ModelRefused
from streams.whole_file import written_atomically

__all__ = ["Memory"]

_TOPIC = "examples.v1"


class Memory:
    """One file. `save` only what has been told: decisions that a desk took stand in the log by then."""

    def __init__(self, path: Path, key: bytes, first: str = "default") -> None:
        self.path = path
        self._key = key
        self._lineage = f"desk-1/{CODE_VERSION}/{RIVER_VERSION}/{first}"

    def save(self, desk: Desk) -> int:
        """Write durably and return the size. `SnapshotRefused` if it is too large to be read again."""
        state = pickle.dumps(desk, protocol=5)
        raw = seal(Snapshot(self._lineage, 0, {_TOPIC: desk.offset}, state), self._key)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with written_atomically(self.path) as file:
            file.write(raw)
        return len(raw)

    def load(self) -> Desk | None:
        """The desk that was saved last, None where none was, `SnapshotRefused` with the reason."""
        raw = read_sealed(self.path, MAX_BYTES)
        if raw is None:
            return None
        snapshot = unseal(raw, self._key)
        if snapshot.lineage != self._lineage:
            raise SnapshotRefused(f"of lineage {snapshot.lineage!r}, not {self._lineage!r}")
        try:
            desk = loaded(snapshot.state)
            if not isinstance(desk, Desk) or desk.offset != snapshot.offsets.get(_TOPIC):
                raise SnapshotRefused("does not hold the desk its header names")
            probe(desk.shadow.forecasters[desk.shadow.champion])
        except ModelRefused as error:
            raise SnapshotRefused(str(error)) from error
        return desk
