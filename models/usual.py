"""How long a package is usually silent: the longest gap seen in its successful runs, slowly forgotten."""

from __future__ import annotations

from streams.events import ExampleRecorded, Run

__all__ = ["SilenceModel"]

_LIMIT = 20_000


class SilenceModel:
    """Usual silence in seconds by package."""

    def __init__(self) -> None:
        self._usual: dict[str, float] = {}

    def usual(self, run: Run) -> float | None:
        """Seconds, or None for a package never seen to succeed."""
        return self._usual.get(_key(run))

    def learn(self, example: ExampleRecorded) -> None:
        """Only successes teach what is usual."""
        if example.outcome != "success" or not example.seconds or not example.longest_silence_seconds:
            return
        key = _key(example.run)
        before = self._usual.pop(key, 0.0)
        self._usual[key] = max(example.longest_silence_seconds, 0.9 * before)
        if len(self._usual) > _LIMIT:
            del self._usual[next(iter(self._usual))]

    def state(self) -> dict[str, float]:
        """Plain, for snapshots."""
        return dict(self._usual)

    def load(self, state: dict[str, float]) -> None:
        """Go on from a snapshot."""
        self._usual = dict(state)


def _key(run: Run) -> str:
    return f"{run.project}\x1f{run.name}"
