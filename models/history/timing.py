"""Features from time: gaps since starts and outcomes, pace, calendar (UTC), as log1p seconds; 60 days mean never."""

from __future__ import annotations

from math import cos, log1p, pi, sin

from models.features import Feature
from models.history.scene import Scene
from models.history.track import Track

__all__ = ["FEATURES", "values"]

_NEVER_SECONDS = 60 * 86_400.0
_NEVER = log1p(_NEVER_SECONDS)
_NO_TRACK = Track(5)


def _gap(name: str, meaning: str) -> Feature:
    return Feature(name, meaning, "log1p seconds", group="timing")


FEATURES: tuple[Feature, ...] = (
    _gap("since_project_start", "time since the project's last start"),
    _gap("since_branch_start", "time since the branch's last start"),
    _gap("since_pull_request_start", "time since the pull request's last start"),
    _gap("since_project_failure", "time since the project's last known failure"),
    _gap("since_project_success", "time since the project's last known success"),
    _gap("since_branch_failure", "time since the branch's last known failure"),
    _gap("since_branch_success", "time since the branch's last known success"),
    _gap("since_project_end", "time since the project's last known end"),
    _gap("project_age", "time since the project's first start"),
    Feature("starts_hour", "starts of the project in about an hour", "log1p", group="timing"),
    Feature("starts_day", "starts of the project in about a day", "log1p", group="timing"),
    Feature("starts_week", "starts of the project in about a week", "log1p", group="timing"),
    Feature("hour_sine", "hour of the day", "sine", group="calendar"),
    Feature("hour_cosine", "hour of the day", "cosine", group="calendar"),
    Feature("weekend", "Saturday or Sunday", "0 or 1", group="calendar"),
)


def values(scene: Scene) -> list[float]:
    """In the order of FEATURES."""
    now, project, track, tracks = scene.now, scene.project, scene.track, scene.tracks
    branch, pull = tracks["branch"] or _NO_TRACK, tracks["pull_request"] or _NO_TRACK
    turn = 2.0 * pi * (now % 86_400.0) / 86_400.0
    return [
        _since(now, track.started_at),
        _since(now, branch.started_at),
        _since(now, pull.started_at),
        _since(now, track.failed_at),
        _since(now, track.passed_at),
        _since(now, branch.failed_at),
        _since(now, branch.passed_at),
        _since(now, project.ended_at),
        log1p(max(0.0, now - project.first_at)) if project.first_at else 0.0,
        *map(log1p, project.pace(now)),
        sin(turn),
        cos(turn),
        1.0 if int(now // 86_400 + 3) % 7 >= 5 else 0.0,
    ]


def _since(now: float, then: float) -> float:
    gap = now - then
    if not then or gap >= _NEVER_SECONDS:
        return _NEVER
    return log1p(gap) if gap > 0.0 else 0.0
