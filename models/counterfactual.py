"""What would change the risk: the same run with other jobs, memory, cache or a retry, scored by the same model.

Only what the history has seen vary can say anything; the interval is wide where it has not. Changes that the model
holds for harmless are shown too: that nothing helps is an answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from models.features import Schema
from streams.events import Counterfactual, PriorFeatures, Run

__all__ = ["what_if"]


def what_if(
    run: Run, prior: PriorFeatures, schema: Schema, risk: Callable[[PriorFeatures], float]
) -> list[Counterfactual]:
    """Expected change of the risk for each change that the run allows (negative is better)."""
    if len(prior.values) != len(schema):
        return []
    now = risk(prior)
    found = []
    for change, name, value in _changes(run):
        column = schema.names.index(name)
        values = [*prior.values]
        values[column] = value
        moved = risk(msgspec.structs.replace(prior, values=values)) - now
        doubt = 0.5 * abs(moved) + 0.02
        found.append(Counterfactual(change=change, risk_change=moved, lower=moved - doubt, upper=moved + doubt))
    return found


def _changes(run: Run) -> list[tuple[str, str, float]]:
    changes: list[tuple[str, str, float]] = []
    if run.parallelism and run.parallelism > 1:
        changes.append((f"-j{run.parallelism // 2}", "parallelism", math.log1p(run.parallelism // 2)))
    if run.memory_limit_bytes:
        changes.append(("twice the memory limit", "memory_limit", math.log1p(2.0 * run.memory_limit_bytes / 2**30)))
    if run.cache_warm is False:
        changes.append(("a warm cache", "cache_warm", 1.0))
    return changes
