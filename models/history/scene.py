"""Everything that is known of a run's surroundings at one moment: what the feature families read."""

from __future__ import annotations

from dataclasses import dataclass

from models.history.project import Project
from models.history.track import Track
from streams.events import Run

__all__ = ["SCOPES", "SEPARATOR", "Commit", "Scene", "package_of", "scope_keys"]

SEPARATOR = "\x1f"
SCOPES: tuple[str, ...] = (
    "branch",
    "event",
    "project_event",
    "pull_request",
    "branch_event",
    "job_count",
    "package",
    "host",
    "package_host",
    "author",
)


class Commit:
    """What is known of one commit in one project: runs seen, running, and the last outcome (-1, 0, 1)."""

    __slots__ = ("last", "running", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.running = 0
        self.last = 0


@dataclass(slots=True)
class Scene:
    """The run, the moment, and the tracks that its keys name (None where a key was never seen)."""

    run: Run
    now: float
    host: str
    rate: float  # failure rate of all runs
    language_rate: float
    project: Project
    track: Track  # of the project
    tracks: dict[str, Track | None]
    commit: Commit | None
    commits: int


def package_of(run: Run) -> str:
    """The run's name where it says more than the project does, else nothing."""
    return "" if run.name == run.project else run.name


def scope_keys(run: Run, host: str) -> dict[str, str]:
    """The history key of each scope; empty where the run does not say."""
    project, branch, event = run.project, run.branch, run.event_type
    package = package_of(run)
    return {
        "branch": f"{project}\x1f{branch}" if branch else "",
        "event": event,
        "project_event": f"{project}\x1f{event}" if event else "",
        "pull_request": f"{project}\x1f{run.pull_request}" if run.pull_request else "",
        "branch_event": f"{project}\x1f{branch}\x1f{event}" if branch and event else "",
        "job_count": f"{project}\x1f{run.job_count}" if run.job_count is not None else "",
        "package": f"{project}\x1f{package}" if package else "",
        "host": host,
        "package_host": f"{package or project}\x1f{host}" if host else "",
        "author": f"{project}\x1f{run.author}" if run.author else "",
    }
