"""Further numbers that a run brings (git change, team, host state): a fixed number of columns, given out by name.

Each name takes the next free column for ever; names beyond the last column are counted and left out. A value is
its signed log1p; beside it stands how far it is from the project's usual. What a run does not say is the usual value.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import copysign, isfinite, log1p

from models.features import Feature
from models.history.table import Table

__all__ = ["COLUMNS", "FEATURES", "Attributes"]

COLUMNS = 24
_RATE = 0.1
FEATURES: tuple[Feature, ...] = (
    *(Feature(f"attribute_{i}", f"attribute number {i}", "signed log1p", group="change") for i in range(COLUMNS)),
    *(
        Feature(f"attribute_{i}_odd", f"attribute number {i} against the project's usual", "difference", group="change")
        for i in range(COLUMNS)
    ),
)
_NOTHING = [0.0] * (2 * COLUMNS)


class Attributes:
    """Columns by name, their fleet means, and each project's usual values."""

    def __init__(self, projects: int) -> None:
        self.columns: dict[str, int] = {}
        self.means = [0.0] * COLUMNS
        self.seen = [0] * COLUMNS
        self.usual: Table[list[float | None]] = Table(projects)
        self.left_out = 0

    def values(self, project: str, given: Mapping[str, float]) -> list[float]:
        """In the order of FEATURES."""
        if not given and not self.columns:
            return list(_NOTHING)
        found = [*self.means, *([0.0] * COLUMNS)]
        usual = self.usual.get(project)
        for name, value in given.items():
            column = self.columns.get(name)
            if column is None or not isfinite(value):
                continue
            found[column] = scaled = _scaled(value)
            own = usual[column] if usual else None
            found[COLUMNS + column] = scaled - own if own is not None else 0.0
        return found

    def learn(self, project: str, given: Mapping[str, float]) -> None:
        """Remember what this project's runs usually say."""
        if not given:
            return
        usual = self.usual.get(project) or [None] * COLUMNS
        for name, value in given.items():
            column = self._column(name)
            if column is None or not isfinite(value):
                continue
            scaled, own = _scaled(value), usual[column]
            usual[column] = scaled if own is None else own + _RATE * (scaled - own)
            self.seen[column] += 1
            self.means[column] += (scaled - self.means[column]) / min(self.seen[column], 5_000)
        self.usual.keep(project, usual)

    def _column(self, name: str) -> int | None:
        column = self.columns.get(name)
        if column is None and len(self.columns) < COLUMNS:
            column = self.columns[name] = len(self.columns)
        if column is None:
            self.left_out += 1
        return column


def _scaled(value: float) -> float:
    return copysign(log1p(abs(value)), value)
