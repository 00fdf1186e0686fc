"""What a feature is and when it may be used: the fence that keeps the future out.

A feature states its name, meaning, unit and the first moment at which it is known. A schema is made for one moment
and refuses whatever is known only later, and anything that is, or is named like, the outcome itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from streams.errors import ConfigError, InvalidEvent

__all__ = ["OUTCOME_NAMES", "Availability", "Feature", "Schema", "admit_attributes"]

OUTCOME_NAMES = frozenset(
    {
        "outcome",
        "label",
        "labels",
        "status",
        "state",
        "result",
        "conclusion",
        "verdict",
        "target",
        "y",
        "broken",
        "failed",
        "failure",
        "passed",
        "success",
        "error_class",
        "exit_code",
        "exit_status",
        "returncode",
        "seconds",
        "duration",
        "build_failed",
        "tr_status",
        "tr_duration",
        "completed",
        "finished_at",
        "ended_at",
        "label_known_at",
        "peak_rss_bytes",
    }
)


class Availability(IntEnum):
    """The moments of a run's life, in order."""

    QUEUED = 0
    STARTED = 1
    RUNNING = 2
    FINISHED = 3


@dataclass(frozen=True)
class Feature:
    """One number a model may see. `group` is the family in whose name a reason speaks."""

    name: str
    meaning: str
    unit: str
    available_at: Availability = Availability.STARTED
    group: str = "project"


class Schema:
    """An ordered list of features that are all known at `moment`; its `name` changes whenever the list does."""

    def __init__(self, label: str, moment: Availability, features: Iterable[Feature]) -> None:
        self.features = tuple(features)
        self.moment = moment
        for feature in self.features:
            _refuse(feature, moment)
        self.names = tuple(feature.name for feature in self.features)
        self.columns = {name: column for column, name in enumerate(self.names)}
        if len(set(self.names)) < len(self.names):
            raise ConfigError(f"schema {label}: a feature is declared twice; give each its own name")
        digest = hashlib.blake2b("\n".join(self.names).encode(), digest_size=4).hexdigest()
        self.name = f"{label}-{len(self.names)}-{digest}"

    def __len__(self) -> int:
        return len(self.features)

    def groups(self) -> dict[str, list[int]]:
        """Columns by group, in order of first appearance."""
        found: dict[str, list[int]] = {}
        for column, feature in enumerate(self.features):
            found.setdefault(feature.group, []).append(column)
        return found


def _refuse(feature: Feature, moment: Availability) -> None:
    if feature.available_at > moment:
        raise ConfigError(
            f"feature {feature.name} is known only when {feature.available_at.name}, so a score at {moment.name} "
            "may not use it; declare it for a later schema"
        )
    if _is_outcome(feature.name):
        raise ConfigError(f"feature {feature.name} is the outcome itself; take it out of the schema")


def admit_attributes(attributes: Mapping[str, float]) -> Mapping[str, float]:
    """The attributes of a run, or InvalidEvent if one of them gives the outcome away."""
    for name in attributes:
        if _is_outcome(name):
            raise InvalidEvent("leak", f"attribute {name} is known only after the run; leave it out before the start")
    return attributes


def _is_outcome(name: str) -> bool:
    return name.lower() in OUTCOME_NAMES
