"""Failure rates by context: decayed counts for keys that join several facts, shrunk to the project's or fleet's rate.

The keys are made when the run is described and are kept with it, so that the outcome goes to the contexts of that
moment. A value is the shrunk rate as a logit less the parent's, beside the logarithm of the evidence. Counts are
complex numbers as in `models.history.track`.
"""

from __future__ import annotations

from math import log1p

from models.features import Feature
from models.history.branches import family
from models.history.scene import Scene, package_of
from models.history.table import Table
from models.history.track import Track, logit

__all__ = ["CONTEXTS", "FEATURES", "context_keys", "learn", "values"]

CONTEXTS: tuple[tuple[str, str, str], ...] = (
    ("event_branch", "event and branch kind in the project", "event"),
    ("branch", "branch", "branch"),
    ("pull_request", "pull request", "pull_request"),
    ("jobs", "number of jobs in the project", "jobs"),
    ("hour", "hour of the day in the project", "calendar"),
    ("weekday", "weekday in the project", "calendar"),
    ("pattern", "last four outcomes of the project", "project"),
    ("branch_pattern", "last four outcomes of the branch", "branch"),
    ("family", "branch family in the project", "branch_name"),
    ("last_event", "last outcome and event in the project", "event"),
    ("package_pattern", "package and its last outcomes", "package"),
    ("project", "project", "project"),
    ("fleet_pattern", "last four outcomes, over all projects", "project"),
    ("fleet_lasts", "last outcomes of project, branch, pull request, commit; event; over all projects", "fleet"),
    ("fleet_branch_pattern", "last outcomes of the branch and event, over all projects", "branch"),
    ("fleet_flight", "runs in flight and last outcomes, over all projects", "flight"),
    ("fleet_family", "branch family and event, over all projects", "branch_name"),
)
_FIRST_OF_FLEET = 12
_FACTOR = 0.985
_STRENGTH = 2.0
FEATURES: tuple[Feature, ...] = tuple(
    feature
    for name, meaning, group in CONTEXTS
    for feature in (
        Feature(f"given_{name}", f"failure rate given {meaning}", "logit difference", group=group),
        Feature(f"evidence_{name}", f"outcomes known given {meaning}", "log1p", group=group),
    )
)
_NO_TRACK = Track()


def context_keys(scene: Scene) -> list[str]:
    """One key for each of CONTEXTS; empty where it does not apply."""
    run, track, tracks = scene.run, scene.track, scene.tracks
    branch, pull = tracks["branch"] or _NO_TRACK, tracks["pull_request"] or _NO_TRACK
    commit = scene.commit.last if scene.commit else 0
    p, e, hours = run.project, run.event_type, int(scene.now // 3600)
    kin, name = family(run.branch), package_of(run)
    package = tracks["package"] or _NO_TRACK
    running = min(3, len(scene.project.running))
    return [
        f"a\x1f{p}\x1f{e}\x1f{kin}",
        f"b\x1f{p}\x1f{run.branch}" if run.branch else "",
        f"c\x1f{p}\x1f{run.pull_request}" if run.pull_request else "",
        f"d\x1f{p}\x1f{run.job_count}" if run.job_count is not None else "",
        f"e\x1f{p}\x1f{hours % 24 // 2}",
        f"f\x1f{p}\x1f{hours // 24 % 7}",
        f"g\x1f{p}\x1f{track.pattern}",
        f"h\x1f{p}\x1f{branch.pattern}",
        f"i\x1f{p}\x1f{kin}" if kin else "",
        f"j\x1f{p}\x1f{e}\x1f{track.last}\x1f{pull.last}",
        f"k\x1f{p}\x1f{name}\x1f{package.pattern[-2:]}" if name else "",
        f"q\x1f{p}",
        f"l\x1f{track.pattern}",
        f"m\x1f{track.last}\x1f{branch.last}\x1f{pull.last}\x1f{commit}\x1f{e}",
        f"n\x1f{branch.pattern}\x1f{e}",
        f"o\x1f{running}\x1f{min(2, branch.running)}\x1f{track.pattern[-2:]}",
        f"p\x1f{kin}\x1f{e}",
    ]


def values(table: Table[complex], keys: list[str], project_rate: float, fleet_rate: float) -> list[float]:
    """In the order of FEATURES."""
    entries = table.entries
    found: list[float] = []
    parent, base = project_rate, logit(project_rate)
    for number, key in enumerate(keys):
        if number == _FIRST_OF_FLEET:
            parent, base = fleet_rate, logit(fleet_rate)
        counts = entries.get(key) if key else None
        if counts is None:
            found += (0.0, 0.0)
            continue
        rate = (counts.real + _STRENGTH * parent) / (counts.imag + _STRENGTH)
        found += (logit(rate) - base, log1p(counts.imag))
    return found


def learn(table: Table[complex], keys: list[str], broken: float) -> None:
    """Give the outcome to the contexts that the run was described with."""
    entries, seen = table.entries, complex(broken, 1.0)
    for key in keys:
        if key:
            entries[key] = entries.pop(key, 0j) * _FACTOR + seen
    table.trim()
