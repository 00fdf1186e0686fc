"""Features from the run and its neighbours: commit, runs in flight, jobs, usual duration, branch name, machine."""

from __future__ import annotations

from math import log1p

from models.features import Feature
from models.history import branches
from models.history.scene import Commit, Scene
from models.history.track import Track

__all__ = ["FEATURES", "pull_number", "values"]

_NO_TRACK = Track()
_NO_COMMIT = Commit()
_GIB = 1024.0**3


def _of(group: str, *rows: tuple[str, str, str]) -> list[Feature]:
    return [Feature(name, meaning, unit, group=group) for name, meaning, unit in rows]


FEATURES: tuple[Feature, ...] = (
    *_of(
        "commit",
        ("commit_seen", "runs of the same commit before", "log1p"),
        ("commit_last", "their last outcome: -1 good, 1 broken", "sign"),
        ("commit_running", "runs of the same commit in flight", "log1p"),
        ("commit_of_branch", "same commit as the branch's last run", "0 or 1"),
    ),
    *_of(
        "flight",
        ("project_running", "runs of the project in flight", "log1p"),
        ("branch_running", "runs of the branch in flight", "log1p"),
        ("pull_request_running", "runs of the pull request in flight", "log1p"),
        ("longest_running", "longest run in flight over the project's usual duration", "log ratio"),
        ("restart", "build number no higher than one already started", "0 or 1"),
        ("restart_distance", "how far behind the highest build number", "log1p"),
    ),
    *_of(
        "jobs",
        ("jobs", "jobs of the build", "log1p"),
        ("jobs_change", "against the project's last", "difference of log1p"),
        ("branch_jobs_change", "against the branch's last", "difference of log1p"),
        ("usual_seconds", "usual duration of the project", "log1p seconds"),
        ("last_seconds_change", "last duration against the usual", "difference of log1p"),
    ),
    *_of("branch_name", *((f"branch_is_{kind}", f"branch name of kind {kind}", "0 or 1") for kind in branches.KINDS)),
    *_of(
        "pull_request",
        ("is_pull_request", "built for a pull request", "0 or 1"),
        ("pull_request_first", "first run of its pull request", "0 or 1"),
        ("pull_request_age", "newer pull requests since, by number", "log1p"),
        ("pull_request_failures", "failures of the pull request so far", "log1p"),
        ("branch_first", "first run of its branch", "0 or 1"),
        ("branch_outcomes", "outcomes of the branch known", "log1p"),
    ),
    *_of(
        "machine",
        ("parallelism", "make -j", "log1p"),
        ("cpu_count", "processors of the host", "log1p"),
        ("memory", "memory of the host", "log1p GiB"),
        ("memory_limit", "memory limit of the run", "log1p GiB"),
        ("disk_free", "free disk", "log1p GiB"),
        ("cache_warm", "-1 cold, 1 warm, 0 unknown", "sign"),
    ),
)


def values(scene: Scene) -> list[float]:
    """In the order of FEATURES."""
    branch = scene.tracks["branch"] or _NO_TRACK
    pull = scene.tracks["pull_request"] or _NO_TRACK
    return [
        *_commit(scene, branch),
        *_flight(scene, branch, pull),
        *_jobs(scene, branch),
        *branches.kinds(scene.run.branch),
        *_pull_request(scene, branch, pull),
        *_machine(scene),
    ]


def _commit(scene: Scene, branch: Track) -> tuple[float, ...]:
    commit, same = scene.commit or _NO_COMMIT, scene.run.commit
    again = 1.0 if same and same == branch.last_commit else 0.0
    return log1p(commit.seen), float(commit.last), log1p(commit.running), again


def _flight(scene: Scene, branch: Track, pull: Track) -> tuple[float, ...]:
    project, number = scene.project, scene.run.build_number
    longest = 0.0
    if project.running:
        first = next(iter(project.running.values()))
        longest = max(-5.0, log1p(max(0.0, scene.now - first)) - project.mean_log_seconds)
    behind = project.highest_number - number if number is not None else -1
    return (
        log1p(len(project.running)),
        log1p(branch.running),
        log1p(pull.running),
        longest,
        1.0 if behind >= 0 and project.highest_number else 0.0,
        log1p(behind) if behind > 0 else 0.0,
    )


def _jobs(scene: Scene, branch: Track) -> tuple[float, ...]:
    jobs = log1p(scene.run.job_count or 0)
    last, own = scene.track.last_jobs, branch.last_jobs
    change = scene.project.last_seconds - scene.project.mean_log_seconds
    return (
        jobs,
        jobs - log1p(last) if last else 0.0,
        jobs - log1p(own) if own else 0.0,
        scene.project.mean_log_seconds,
        change,
    )


def _pull_request(scene: Scene, branch: Track, pull: Track) -> tuple[float, ...]:
    is_pull = 1.0 if scene.run.pull_request else 0.0
    number = pull_number(scene.run.pull_request)
    return (
        is_pull,
        is_pull if not pull.starts else 0.0,
        log1p(max(0, scene.project.highest_pull - number)) if number else 0.0,
        log1p(pull.failures),
        0.0 if branch.starts else 1.0,
        log1p(branch.count),
    )


def _machine(scene: Scene) -> tuple[float, ...]:
    run = scene.run
    warm = 0.0 if run.cache_warm is None else (1.0 if run.cache_warm else -1.0)
    return (
        log1p(run.parallelism or 0),
        log1p(run.cpu_count or 0),
        log1p((run.memory_bytes or 0) / _GIB),
        log1p((run.memory_limit_bytes or 0) / _GIB),
        log1p((run.disk_free_bytes or 0) / _GIB),
        warm,
    )


def pull_number(text: str) -> int:
    """The number in a pull request's name, 0 if there is none.

    >>> pull_number("#12"), pull_number("")
    (12, 0)
    """
    digits = text.lstrip("#!")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0
