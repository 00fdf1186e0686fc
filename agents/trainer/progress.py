"""How far a training is, for whoever asks: `trainer-progress.json` in the state folder."""

from __future__ import annotations

import json
from pathlib import Path

from models.training import Progress

__all__ = ["ProgressFile"]

_EVERY_SECONDS = 1.0


class ProgressFile:
    """Replaced as a whole, at most once a second."""

    def __init__(self, state: Path) -> None:
        self._path = state / "trainer-progress.json"
        self._told = 0.0

    def tell(self, progress: Progress, now: float) -> None:
        """Write it, unless that was done just now."""
        if now - self._told < _EVERY_SECONDS:
            return
        self._told = now
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        share = progress.done / max(1, progress.of)
        draft.write_text(json.dumps({"training_id": progress.training_id, "progress": share, "time": now}))
        draft.replace(self._path)
