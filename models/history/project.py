"""What only a project remembers: its pace, its usual duration, its numbering."""

from __future__ import annotations

from math import exp, log1p

__all__ = ["PACES", "Project"]

PACES: tuple[float, ...] = (3600.0, 86_400.0, 604_800.0)  # fading times of the start counters, seconds
_TIMED: tuple[float, ...] = (86_400.0, 1_209_600.0)  # fading times of the timed failure rates, seconds


class Project:
    """Times are seconds since the epoch, durations seconds, 0 where nothing is known."""

    __slots__ = (
        "ended_at",
        "first_at",
        "highest_number",
        "highest_pull",
        "last_seconds",
        "learned_at",
        "mean_log_seconds",
        "paced_at",
        "paces",
        "running",
        "timed",
    )

    def __init__(self) -> None:
        self.first_at = 0.0
        self.ended_at = 0.0
        self.learned_at = 0.0
        self.paced_at = 0.0
        self.paces: tuple[float, ...] = (0.0,) * len(PACES)
        self.timed = (0j,) * len(_TIMED)  # decayed failures and outcomes, as in models.history.track
        self.mean_log_seconds = 0.0
        self.last_seconds = 0.0
        self.highest_number = 0
        self.highest_pull = 0
        self.running: dict[str, float] = {}  # start time by run, oldest first

    def start(self, run_id: str, now: float, number: int | None, pull: int) -> None:
        """A run of this project has started."""
        self.paces = tuple([pace + 1.0 for pace in self.pace(now)])
        self.paced_at = now
        self.first_at = self.first_at or now
        self.highest_number = max(self.highest_number, number or 0)
        self.highest_pull = max(self.highest_pull, pull)
        self.running[run_id] = now

    def pace(self, now: float) -> list[float]:
        """Starts within about the last hour, day and week, fading."""
        gap = max(0.0, now - self.paced_at)
        return [pace * exp(-gap / fade) for pace, fade in zip(self.paces, PACES, strict=True)]

    def finish(self, broken: float, now: float, seconds: float | None) -> None:
        """An outcome of this project has become known."""
        gap = max(0.0, now - self.learned_at)
        seen, (day, fortnight) = complex(broken, 1.0), self.timed
        self.timed = (day * exp(-gap / _TIMED[0]) + seen, fortnight * exp(-gap / _TIMED[1]) + seen)
        self.learned_at = self.ended_at = max(now, self.learned_at)
        if seconds is not None:
            self.last_seconds = log1p(max(0.0, seconds))
            rate = 0.1 if self.mean_log_seconds else 1.0
            self.mean_log_seconds += rate * (self.last_seconds - self.mean_log_seconds)

    def timed_rate(self, at: int, now: float, parent: float) -> float:
        """The failure rate over fading time number `at`, shrunk to `parent` as the evidence ages."""
        factor = exp(-max(0.0, now - self.learned_at) / _TIMED[at])
        counts = self.timed[at]
        return (counts.real * factor + parent) / (counts.imag * factor + 1.0)
