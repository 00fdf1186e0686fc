"""A score's reasons in a person's words: the plain member's parts (models.members.contexts), summed by family of
features, with the evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from models.features import Schema
from models.members.vector import Vector, sigmoid
from streams.events import Reason

__all__ = ["Teller"]

Values = Sequence[float]


class Teller:
    """Knows the columns of each family and how to speak of it."""

    def __init__(self, schema: Schema) -> None:
        self._groups = schema.groups()
        self._at = {name: column for column, name in enumerate(schema.names)}

    def tell(self, values: Values, contributions: Vector) -> list[Reason]:
        """One reason a family, strongest first; families that say nothing are left out."""
        parts = contributions.tolist()
        found = []
        for group, columns in self._groups.items():
            logit = math.fsum([parts[column] for column in columns])
            if logit != 0.0:
                found.append(Reason(text=self._text(group, values, logit), logit=logit, feature=group))
        return sorted(found, key=lambda reason: -abs(reason.logit))

    def words(self, group: str, values: Values) -> str:
        """How a family of features reads for a run."""
        return self._text(group, values, 0.0)

    def _text(self, group: str, values: Values, logit: float) -> str:
        words = _WORDS.get(group)
        direction = "raises" if logit > 0 else "lowers"
        if words is None:
            return f"{group.replace('_', ' ')} {direction} the risk"
        return words(lambda name: values[self._at[name]], direction)


Get = Callable[[str], float]


def _rate(what: str, recent: str, streak: str) -> Callable[[Get, str], str]:
    relative = recent.startswith(("package", "host", "author"))

    def text(get: Get, direction: str) -> str:
        if get("project_outcomes") <= 0.0:
            return f"no finished run of {what} is known yet"
        base = get("project_rate_10") if relative else 0.0
        run = _count(get(streak))
        if run >= 2:
            return f"{what}: the last {run} runs {'failed' if get(streak) > 0 else 'succeeded'}"
        return f"{what}: about {sigmoid(base + get(recent)):.0%} of recent runs failed"

    return text


def _count(value: float) -> int:
    """How many, of a log1p; bounded, because features may come from outside."""
    return round(math.expm1(min(abs(value), 25.0)))


def _seconds(value: float) -> str:
    seconds = math.expm1(min(value, 25.0))
    for size, unit in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


_WORDS: dict[str, Callable[[Get, str], str]] = {
    "project": _rate("this project", "project_rate_10", "project_streak"),
    "branch": _rate("this branch", "branch_rate_8", "branch_streak"),
    "event": _rate("runs of this kind", "event_rate_8", "project_event_streak"),
    "pull_request": _rate("this pull request", "pull_request_rate_8", "pull_request_streak"),
    "package": _rate("this package", "package_rate_8", "package_streak"),
    "host": _rate("this host", "host_rate_8", "host_streak"),
    "author": _rate("this author", "author_rate_8", "author_streak"),
    "job_count": _rate("builds of this many jobs", "job_count_rate_8", "job_count_streak"),
    "timing": lambda get, direction: f"{_seconds(get('since_project_start'))} since the project's last start",
    "commit": lambda get, direction: (
        f"this commit was built {_count(get('commit_seen'))} times before"
        if get("commit_seen")
        else "a commit not built before"
    ),
    "flight": lambda get, direction: f"{_count(get('project_running'))} other runs in flight",
    "fleet": lambda get, direction: f"{sigmoid(get('fleet_rate')):.0%} of all runs failed lately",
    "kind": lambda get, direction: f"how failures here usually look {direction} the risk",
    "calendar": lambda get, direction: f"the time of day and week {direction} the risk",
    "jobs": lambda get, direction: f"the build's size {direction} the risk",
    "branch_name": lambda get, direction: f"the kind of branch {direction} the risk",
    "machine": lambda get, direction: (
        f"the machine's size and settings {direction if direction != 'raises' else 'raise'} the risk"
    ),
    "change": lambda get, direction: f"what was changed, or what the host was at, {direction} the risk",
}
