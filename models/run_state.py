"""What is kept of a run while it lives: plain, bounded, serialisable, changed by the tracker alone."""

from __future__ import annotations

import msgspec

from streams.events import Checkpoint, PriorFeatures, Run

__all__ = ["MAX_CHECKPOINTS", "RunState"]

MAX_CHECKPOINTS = 200  # per run, kept for its example; later ones replace the last


class RunState(msgspec.Struct, kw_only=True):
    """A running build as seen so far. Times are event times in seconds; ratios 0 to 1."""

    run: Run
    host: str
    started_at: float
    seen_at: float
    prior: PriorFeatures | None = None
    stage: str = ""
    stage_started_at: float = 0.0
    stages: dict[str, float] = {}
    errors: dict[str, int] = {}  # log signals by class
    fatal: bool = False
    last_error: str = ""
    last_class: str = ""
    lines: int = 0
    silent_seconds: float = 0.0
    longest_silence_seconds: float = 0.0
    idle_seconds: float = 0.0  # silent and hardly any CPU used
    progress: float | None = None
    sampled_at: float = 0.0
    cpu_ratio: float = 0.0
    rss_bytes: int = 0
    peak_rss_bytes: int = 0
    memory_available_bytes: int | None = None
    memory_limit_bytes: int | None = None
    disk_free_bytes: int | None = None
    oom_kills: int = 0
    pressure: dict[str, float] = {}
    expected_seconds: float | None = None  # point and upper end of the first duration forecast
    upper_seconds: float | None = None
    usual_silence_seconds: float | None = None
    disk_needed_bytes: int | None = None  # by earlier runs of the package
    usual_errors: dict[str, float] = {}  # by class, as healthy runs of the package show
    usual_pace: list[tuple[int, float]] = []  # of the package's last success
    pace: list[tuple[int, float]] = []  # of this run so far (models.pace)
    usual_runs: int = 0  # healthy runs of the package that this rests on
    checkpoints: list[Checkpoint] = []
    scored_at: float = 0.0
    score_marks: list[str] = []  # what has already triggered a score: once each
    risk_path: list[tuple[float, float]] = []  # (time, risk), the last minutes, for the slope
    raised: dict[str, str] = {}  # open alerts by cause: alert id
    spent: list[str] = []  # causes that have alerted once
    use: dict[str, float] = {}  # seconds by what the run did or waited for (models.use)
    told_delay_seconds: float = 0.0  # how late others were last told to be because of it

    def elapsed(self, now: float) -> float:
        """Seconds since the start; never negative, whatever the clocks did."""
        return max(0.0, now - self.started_at)

    def keep(self, checkpoint: Checkpoint) -> None:
        """Remember a served forecast for the run's example."""
        if len(self.checkpoints) >= MAX_CHECKPOINTS:
            self.checkpoints[-1] = checkpoint
        else:
            self.checkpoints.append(checkpoint)
