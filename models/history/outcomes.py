"""Features from outcomes: of the project at many half-lives, and of every narrower key, falling back to its parent."""

from __future__ import annotations

from math import copysign, log1p

from models.features import Feature
from models.history.project import Project
from models.history.scene import SCOPES, Scene
from models.history.track import LONG, SHORT, Rates, Track, logit

__all__ = ["FEATURES", "values"]

_PARENTS: dict[str, str] = {"branch_event": "branch", "package_host": "host"}
# Told as the difference from the parent: a history that knows no hosts or authors must not hear its project thrice.
_RELATIVE = frozenset({"package", "host", "package_host", "author"})
_GROUPS = {"branch_event": "branch", "project_event": "event", "package_host": "host"}
_NO_TRACK = Track()
_ORDER = tuple((scope, _PARENTS.get(scope, ""), scope in _RELATIVE) for scope in SCOPES)


def _project_features() -> list[Feature]:
    rates = [Feature(f"project_rate_{h:g}", f"failure rate, half-life {h:g} outcomes", "logit") for h in LONG]
    return [
        *rates,
        Feature("project_rate_life", "failure rate since ever", "logit"),
        Feature("project_rate_day", "failure rate of about the last day", "logit"),
        Feature("project_rate_fortnight", "failure rate of about the last fortnight", "logit"),
        Feature("project_streak", "outcomes alike in a row, positive when broken", "signed log1p"),
        Feature("project_outcomes", "outcomes known", "log1p"),
        Feature("project_youth", "1 / (1 + outcomes known)", "ratio"),
        Feature("language_rate", "failure rate of the language", "logit", group="fleet"),
        Feature("fleet_rate", "failure rate of all runs", "logit", group="fleet"),
        Feature("project_early", "share of failures before the work proper, fading", "ratio", group="kind"),
        Feature("branch_early", "the same for the branch", "ratio", group="kind"),
        Feature("pull_request_early", "the same for the pull request", "ratio", group="kind"),
    ]


def _scope_features(scope: str) -> list[Feature]:
    group = _GROUPS.get(scope, scope)
    rates = [
        Feature(
            f"{scope}_rate_{h:g}",
            f"failure rate of the {scope}, half-life {h:g}",
            "logit difference" if scope in _RELATIVE else "logit",
            group=group,
        )
        for h in SHORT
    ]
    return [
        Feature(f"{scope}_last", "last outcome: -1 good, 1 broken, 0 unknown", "sign", group=group),
        *rates,
        Feature(f"{scope}_streak", "outcomes alike in a row, positive when broken", "signed log1p", group=group),
    ]


FEATURES: tuple[Feature, ...] = (
    *_project_features(),
    *(feature for scope in SCOPES for feature in _scope_features(scope)),
)


def values(scene: Scene) -> list[float]:
    """In the order of FEATURES."""
    track, tracks = scene.track, scene.tracks
    found = _project(scene, track, scene.project)
    branch, pull = tracks["branch"] or _NO_TRACK, tracks["pull_request"] or _NO_TRACK
    found += (track.kind, branch.kind, pull.kind)
    quick, slow = track.rate(1, scene.rate, 0.7), track.rate(3, scene.rate, 1.5)
    prior = (quick, slow, logit(quick), logit(slow))
    rates: dict[str, Rates] = {}
    for scope, parent, relative in _ORDER:
        own = tracks[scope]
        above = rates[parent] if parent else prior
        if own is None or not own.count:
            rates[scope] = above
            found += (0.0, 0.0, 0.0, 0.0) if relative else (0.0, above[2], above[3], 0.0)
            continue
        rates[scope] = both = own.rates(above)
        if relative:
            found += (float(own.last), both[2] - above[2], both[3] - above[3], _streak(own))
        else:
            found += (float(own.last), both[2], both[3], _streak(own))
    return found


def _project(scene: Scene, track: Track, project: Project) -> list[float]:
    base, count = scene.language_rate, track.count
    return [
        *[logit((each.real + 0.7 * base) / (each.imag + 0.7)) for each in track.counts],
        logit((track.failures + 2.0 * base) / (count + 2.0)),
        logit(project.timed_rate(0, scene.now, base)),
        logit(project.timed_rate(1, scene.now, base)),
        _streak(track),
        log1p(count),
        1.0 / (1.0 + count),
        logit(base),
        logit(scene.rate),
    ]


def _streak(track: Track) -> float:
    return copysign(log1p(abs(track.streak)), track.streak)
