"""Published package costs of Linux From Scratch, as first package effects: a first build has an estimate early.

The facts (median seconds of each package at -j1 and at -j3 on one kind of machine, and its disk) are taken from the
published build reports of marcindulak/jhalfs-ci, Apache-2.0; `models/data/sbu_prior.json` states source and licence.
Other numbers of jobs follow from the two by Amdahl's law. Only ratios between packages matter: the machine's speed is
learned.
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib.resources import files
from typing import Any

from models.effects import Key

__all__ = ["published_costs", "published_disk"]

_JOBS = (*range(1, 17), 20, 24, 28, 32, 40, 48, 56, 64, 96, 128)
_PROJECT = "lfs"
_DOUBT = 0.04  # variance (log seconds) of a published cost on another system
_DOUBT_OF_SCALING = 0.03


@cache
def published_costs(reference_seconds: float) -> dict[Key, tuple[float, float]]:
    """First mean and variance of package effects, relative to a run of `reference_seconds`, in log seconds."""
    table = _published()
    costs: dict[Key, tuple[float, float]] = {}
    for name, (alone, by_three) in table["seconds"].items():
        costs["name", f"{_PROJECT}\x1f{name}"] = (0.0, _DOUBT)  # a project of that name builds what was published
        costs["package", name] = (math.log((alone + 0.5) / (reference_seconds + 0.5)), _DOUBT + _rounding(alone))
        for jobs in _JOBS:
            ratio = (_at(jobs, alone, by_three) + 0.5) / (alone + 0.5)
            costs["package@parallel", f"{name}\x1f{jobs}"] = (math.log(ratio), _DOUBT_OF_SCALING)
    return costs


@cache
def published_disk() -> dict[str, int]:
    """Bytes of disk that a package needed while it was built, by name."""
    return {name: int(kib) * 1024 for name, kib in _published()["kib"].items()}


def _published() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(files("models.data").joinpath("sbu_prior.json").read_text(encoding="utf-8"))
    return table


def _at(jobs: int, alone: float, by_three: float) -> float:
    """Seconds with so many jobs, of which the parallel part is shared out."""
    shared = min(alone, max(0.0, (alone - by_three) / (1.0 - 1.0 / 3.0)))
    return alone - shared + shared / jobs


def _rounding(seconds: float) -> float:
    """Variance from whole seconds."""
    return 0.1 / (seconds + 0.5) ** 2
