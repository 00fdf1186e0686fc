"""Boosted trees over the latest lessons, grown anew from time to time: the member that sees what no single step shows.

The trees are LightGBM's, grown beside the fold in a thread with less claim on the processor. The lesson after
which they speak is fixed, and waits for them where it must: equal folds say the same, however fast the machine.
Sources: Friedman (2001), Greedy function approximation; Ke et al. (2017), LightGBM; Lucchese et al. (2015),
QuickScorer, for the masks by which all trees are asked at once.
"""

from __future__ import annotations

import importlib
import math
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.members.vector import BASE_LOGIT, NO_SLOTS, Slots, Vector, VectorClassifier, limited
from streams.errors import ConfigError

__all__ = ["Boosted", "Grove", "lightgbm"]

_LEAVES = 8  # of a tree: a mask has as many bits
_ROUNDS = 200
_NICE = 5  # of the thread alone (Linux); with less claim than this the fold would wait long where builds take all
_SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.08,
    "num_leaves": _LEAVES,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "bin_construct_sample_cnt": 5_000,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,  # more would add up in another order
    "verbosity": -1,
}
_ALL = np.uint8(2**_LEAVES - 1)
_BITS = np.arange(2**_LEAVES)
_FIRST: NDArray[np.uint8] = np.maximum(0, np.frexp(_BITS & -_BITS)[1] - 1).astype(np.uint8)  # the lowest bit of a mask


def lightgbm() -> ModuleType:
    """The library: half a second to load, and a build's wrapper never asks. ConfigError where it cannot be had."""
    try:
        return importlib.import_module("lightgbm")
    except ImportError as error:
        raise ConfigError(f"LightGBM is missing ({error}): pip install -r requirements.lock") from error
    except OSError as error:
        raise ConfigError(f"LightGBM cannot be loaded ({error}): install libgomp1") from error


@dataclass(frozen=True, slots=True)
class Grove:
    """Trees as tables, a row each. A node whose test fails masks out the leaves left of it; the first left holds."""

    features: NDArray[np.int32]
    limits: Vector
    masks: NDArray[np.uint8]
    leaves: Vector

    def logit(self, x: Vector) -> float:
        """The sum of the leaves in which a vector ends, one of each tree."""
        left = np.where(x[self.features] <= self.limits, _ALL, self.masks)
        ends = _FIRST[np.bitwise_and.reduce(left, axis=1)]
        return float(self.leaves[np.arange(len(ends)), ends].sum())


class Boosted(VectorClassifier):
    """Trees over the last `window` lessons.

    They are grown when the lessons are `growth` times as many as the last time, at least `pause` and at most `most`
    later, and speak from `pause / 2` lessons after that on. Until the first ones do, the member is not `ready`.
    """

    def __init__(
        self, window: int = 12_000, growth: float = 1.15, pause: int = 200, most: int = 5_000, seed: int = 1
    ) -> None:
        super().__init__()
        self.window = window
        self.growth = growth
        self.pause = pause
        self.most = most
        self.seed = seed
        self.lessons = 0
        self.grove: Grove | None = None
        self._kept: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._broken: NDArray[np.float32] = np.zeros(0, np.float32)
        self._next = pause + pause // 2  # the lesson after which trees are grown
        self._growing: _Growing | None = None

    @property
    def ready(self) -> bool:
        return self.grove is not None

    def logit(self, z: Vector, slots: Slots = NO_SLOTS) -> float:
        if self.grove is None:
            return BASE_LOGIT
        if len(z) < self._kept.shape[1]:
            z = np.pad(z, (0, self._kept.shape[1] - len(z)))
        return limited(self.grove.logit(z))

    def fit(self, z: Vector, broken: float, slots: Slots = NO_SLOTS) -> float:
        held = self.logit(z)
        self._keep(z, broken)
        if self._growing is not None and self.lessons >= self._growing.speaks:
            self.grove, self._growing = self._growing.grown(), None
        if self.lessons >= self._next:
            self._next = self.lessons + min(self.most, max(self.pause, round(self.lessons * (self.growth - 1.0))))
            known = min(self.lessons, self.window)
            self._growing = _Growing(
                self._kept[:known].copy(), self._broken[:known].copy(), self.seed, self.lessons + self.pause // 2
            )
        return held

    def _keep(self, z: Vector, broken: float) -> None:
        """Remember a lesson in the place of the oldest."""
        place = self.lessons % self.window
        rows, width = self._kept.shape
        if place >= rows or len(z) > width:
            rows = rows if place < rows else min(self.window, max(256, 2 * rows))
            fresh = np.zeros((rows, max(width, len(z))), np.float32)
            fresh[: len(self._kept), :width] = self._kept
            self._kept, self._broken = fresh, np.pad(self._broken, (0, rows - len(self._broken)))
        self._kept[place, : len(z)] = z
        self._kept[place, len(z) :] = 0.0
        self._broken[place] = broken
        self.lessons += 1


class _Growing:
    """Trees that are being grown; copied or stored only when they are done."""

    def __init__(self, rows: NDArray[np.float32], broken: NDArray[np.float32], seed: int, speaks: int) -> None:
        self.speaks = speaks
        self._grove: Grove | None = None
        self._failed: Exception | None = None
        self._thread: threading.Thread | None = threading.Thread(
            target=self._grow, args=(rows, broken, seed), name="trees", daemon=True
        )
        self._thread.start()

    def grown(self) -> Grove:
        """The trees, as soon as they are there; ConfigError where LightGBM cannot be used."""
        if self._thread is not None:
            self._thread.join()
        if self._grove is None:
            raise self._failed or RuntimeError("the trees' thread ended without trees")
        return self._grove

    def __getstate__(self) -> dict[str, Any]:
        return {"speaks": self.speaks, "_grove": self.grown(), "_failed": None, "_thread": None}

    def _grow(self, rows: NDArray[np.float32], broken: NDArray[np.float32], seed: int) -> None:
        try:
            with suppress(OSError):  # where a unit forbids it
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
            self._grove = _grown(rows, broken, seed)
        except Exception as error:
            self._failed = error


def _grown(rows: NDArray[np.float32], broken: NDArray[np.float32], seed: int) -> Grove:
    library, rounds = lightgbm(), max(20, min(_ROUNDS, len(broken) // 40))
    data = library.Dataset(rows, broken, params=_SETTINGS)
    booster = library.train({**_SETTINGS, "seed": seed}, data, rounds)
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    grove = Grove(
        np.zeros((len(trees), _LEAVES - 1), np.int32),
        np.full((len(trees), _LEAVES - 1), math.inf),
        np.full((len(trees), _LEAVES - 1), _ALL, np.uint8),
        np.zeros((len(trees), _LEAVES)),
    )
    for place, tree in enumerate(trees):
        _lay_out(grove, place, tree)
    return grove


def _lay_out(grove: Grove, tree: int, root: dict[str, Any]) -> None:
    """Write one tree into its row: nodes in the order of LightGBM, leaves from left to right."""
    leaves = 0

    def walk(node: dict[str, Any]) -> None:
        nonlocal leaves
        if "leaf_value" in node:
            grove.leaves[tree, leaves] = node["leaf_value"]
            leaves += 1
            return
        index, first = node["split_index"], leaves
        walk(node["left_child"])
        grove.features[tree, index] = node["split_feature"]
        grove.limits[tree, index] = node["threshold"]
        grove.masks[tree, index] = int(_ALL) & ~((1 << leaves) - (1 << first))
        walk(node["right_child"])

    walk(root)
