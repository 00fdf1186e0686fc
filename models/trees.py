"""River's half-space trees with plain state: they rest on the last full window and the samples since; both are kept.

River's packages of them bring all other trees and scipy's statistics, 85 MB and most of a second: the module of these
trees is loaded without the rest, with the first trees.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, cast

import river

if TYPE_CHECKING:
    from river.anomaly import HalfSpaceTrees

__all__ = ["HalfSpace", "river_trees"]

_SEED = 7
_PACKAGES = ("river.anomaly", "river.tree")


@cache
def river_trees() -> type[HalfSpaceTrees]:
    """River's class of them; a worker asks for it before it serves, so that no sample waits for the import."""
    if any(name in sys.modules for name in _PACKAGES):
        module = import_module("river.anomaly.hst")
    else:
        with _uninitialised(*_PACKAGES):
            module = import_module("river.anomaly.hst")
    return cast("type[HalfSpaceTrees]", module.HalfSpaceTrees)


@contextmanager
def _uninitialised(*packages: str) -> Iterator[None]:
    """Let modules of packages be imported without what the packages' own `__init__` imports; leave no trace."""
    for name in packages:
        package = ModuleType(name)
        package.__path__ = [f"{part}/{name.rpartition('.')[2]}" for part in river.__path__]
        sys.modules[name] = package
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(packages)]:
            del sys.modules[name]


class HalfSpace:
    """Half-space trees over features in 0 to 1; scores 0 (usual) to 1, 0 during the first window."""

    def __init__(self, trees: int, height: int, window: int) -> None:
        self.window = window
        self._shape = (trees, height)
        self._before: list[dict[str, float]] = []  # the last full window
        self._since: list[dict[str, float]] = []
        self._names: tuple[str, ...] = ()
        self._trees = self._planted()

    def update(self, sample: Mapping[str, float]) -> float:
        """Score a sample, then learn it. A metric that comes or goes plants the trees anew."""
        if not sample:
            return 0.0
        names = tuple(sorted(sample))
        if names != self._names:
            self._names, self._before, self._since = names, [], []
            self._trees = self._planted()
        plain = {name: sample[name] for name in names}
        score = float(self._trees.score_one(plain)) if self._before else 0.0
        self._learn(plain)
        return score

    def state(self) -> dict[str, object]:
        """Plain values."""
        rows = [[row[name] for name in self._names] for row in (*self._before, *self._since)]
        return {"names": list(self._names), "before": len(self._before), "rows": rows}

    def load(self, state: object) -> None:
        """Grow the same trees again from the samples they rest on."""
        assert isinstance(state, Mapping)
        self._names = tuple(str(name) for name in state["names"])
        self._before, self._since = [], []
        self._trees = self._planted()
        for row in state["rows"]:
            self._learn(dict(zip(self._names, (float(x) for x in row), strict=True)))

    def _learn(self, sample: dict[str, float]) -> None:
        self._trees.learn_one(sample)
        self._since.append(sample)
        if len(self._since) >= self.window:
            self._before, self._since = self._since, []

    def _planted(self) -> HalfSpaceTrees:
        trees, height = self._shape
        return river_trees()(n_trees=trees, height=height, window_size=self.window, seed=_SEED)
