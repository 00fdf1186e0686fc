"""What a package usually does when it succeeds: its longest silence, and the errors it prints all the same.

Some healthy builds print `error:` each time (probes, tests of error paths). What was seen in a success is no evidence
of failure in the next run. Known maxima fade by a tenth with each later success.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from models.bounded import forget_oldest
from streams.events import ExampleRecorded, Run

__all__ = ["Usual", "UsualModel"]

_LIMIT = 20_000
_FADE = 0.9


@dataclass(frozen=True)
class Usual:
    """Seconds of silence (None: never seen to succeed) and log signals by class that a healthy run may show."""

    silence_seconds: float | None = None
    errors: dict[str, float] = field(default_factory=dict)
    disk_bytes: int | None = None  # needed by the last success that told
    runs: int = 0  # successes that this was learned from
    packed_pace: bytes = b""  # of the last success: a fifth of what it takes as a list

    @property
    def pace(self) -> list[tuple[int, float]]:
        """Lines and seconds of the last success (models.pace); empty where it is not known."""
        return _PACE.decode(self.packed_pace) if self.packed_pace else []


_PACE = msgspec.msgpack.Decoder(list[tuple[int, float]])
_UNKNOWN = Usual()


class UsualModel:
    """The usual of each package, bounded: the one longest unseen is forgotten first."""

    def __init__(self) -> None:
        self._usual: dict[str, Usual] = {}

    def of(self, run: Run) -> Usual:
        """What is usual for a run's package."""
        return self._usual.get(_key(run), _UNKNOWN)

    def learn(self, example: ExampleRecorded) -> None:
        """Only successes teach what is usual."""
        if example.outcome != "success" or not example.checkpoints:
            return
        key = _key(example.run)
        before = self._usual.pop(key, _UNKNOWN)
        silence = max(example.longest_silence_seconds or 0.0, _FADE * (before.silence_seconds or 0.0))
        kinds = {*before.errors, *example.errors}
        errors = {k: max(float(example.errors.get(k, 0)), _FADE * before.errors.get(k, 0.0)) for k in sorted(kinds)}
        kept = {kind: count for kind, count in errors.items() if count >= 0.1}
        pace = msgspec.msgpack.encode(example.pace) if example.pace else before.packed_pace
        disk = example.disk_used_bytes or before.disk_bytes
        self._usual[key] = Usual(silence, kept, disk, before.runs + 1, pace)
        forget_oldest(self._usual, _LIMIT)


def _key(run: Run) -> str:
    return f"{run.project}\x1f{run.name}"
