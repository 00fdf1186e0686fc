"""A training run: challengers drawn by seed, folded beside the champion over the log with labels in their true order.

Forecasts come before their labels act, so history is evidence as good as the live stream: the set of challengers is
drawn without looking at it. The n-th training may err with `alpha` * 6 / (pi^2 n^2), so that all trainings together
promote one of equals with probability at most `alpha`. Who is proven is promoted; the best of the rest stay in shadow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from models.baselines import BASELINES
from models.forecaster import Forecaster, ForecasterConfig
from models.promotion import PromotionPolicy
from models.replay import Log
from models.shadow import Shadow

__all__ = ["Plan", "Progress", "spent", "summary", "train"]

_SCALE = 6.0 / math.pi**2


@dataclass(frozen=True)
class Plan:
    """What to fold and how far. `number` counts the trainings so far, from 1; `window` is in records, 0 for all."""

    training_id: str
    champion: ForecasterConfig
    challengers: Sequence[ForecasterConfig]
    end: int
    number: int = 1
    window: int = 0
    policy: PromotionPolicy = field(default_factory=PromotionPolicy)


@dataclass(frozen=True)
class Progress:
    """How far a training is: records folded of all."""

    training_id: str
    done: int
    of: int


def train(log: Log, plan: Plan, on_progress: Callable[[Progress], None], every: int = 250) -> Shadow:
    """Fold everything before `plan.end`; what comes back goes on living beside the champion."""
    rivals = [Forecaster(config) for config in plan.challengers]
    shadow = Shadow(Forecaster(plan.champion), rivals, spent(plan.policy, plan.number))
    windowed = not plan.window
    for offset, event in log():
        if offset >= plan.end:
            break
        if not windowed and offset >= plan.end - plan.window:
            shadow.restart_races()
            windowed = True
        shadow.fold(event, offset)
        if offset % every == 0:
            on_progress(Progress(plan.training_id, offset, plan.end))
    on_progress(Progress(plan.training_id, plan.end, plan.end))
    return shadow


def spent(policy: PromotionPolicy, number: int) -> PromotionPolicy:
    """The policy with the share of `alpha` that the training of this number may use."""
    return replace(policy, alpha=policy.alpha * _SCALE / number**2)


def summary(shadow: Shadow) -> dict[str, float]:
    """The metrics of a training: labels, log loss of champion, baselines and each challenger, and its sure gain."""
    found = {"labels": float(shadow.labels)}
    for name in (*BASELINES, *shadow.forecasters):
        if name in shadow.losses:
            role = "champion" if name == shadow.champion else name
            found[f"log_loss.{role}"] = shadow.losses[name]
    for name, race in shadow.races.items():
        found[f"mean_gain.{name}"] = race.bound.mean
        found[f"lower_bound.{name}"] = race.bound.lower
    return found
