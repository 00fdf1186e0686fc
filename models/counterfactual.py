"""What would change the risk: the same run with other jobs, memory, host or cache, or once more, by the same model.

The interval holds how sure the risk is to begin with, what the members disagree on, and how little the history has seen
vary (the standard error of a logistic slope, 1 / sqrt(n p q) a deviation): what never varied may do anything. More
memory never raises the risk.
Changes that the model holds for harmless are shown too: that nothing helps is an answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from models.features import Schema
from models.members.vector import sigmoid
from models.retry import Chance
from streams.events import Counterfactual, PriorFeatures, Run

__all__ = ["Answer", "what_if"]

_PULL = 0.3  # of a step: members are pulled to zero, so what they have learned of a change may fall short by so much


@dataclass(frozen=True)
class Answer:
    """A model's word on one description: the final logit with its standard error, each member's and its weight."""

    logit: float
    spread: float = 0.0
    members: Sequence[float] = ()
    weights: Sequence[float] = ()


@dataclass(frozen=True)
class _Change:
    text: str
    columns: Mapping[str, float]
    never_worse: bool = False


_HOST = tuple(
    f"{scope}_{what}" for scope in ("host", "package_host") for what in ("last", "rate_1.5", "rate_8", "streak")
)


def what_if(
    run: Run,
    prior: PriorFeatures,
    schema: Schema,
    now: Answer,
    ask: Callable[[PriorFeatures], Answer],
    doubt: Callable[[int, float], float],
    retry: Chance | None = None,
) -> list[Counterfactual]:
    """Expected change of the risk for each change that the run allows (negative is better).

    `now`: what `ask(prior)` said. `doubt(column, step)`: the standard error of the logit when a feature moves by
    `step`, infinite where it never did.
    """
    if len(prior.values) != len(schema):
        return []
    found = [_moved(now, change, prior, schema, ask, doubt) for change in _changes(run, prior, schema)]
    if retry is not None and run.commit:
        risk = sigmoid(now.logit)
        found.append(
            Counterfactual(
                change="a retry after a failure",
                risk_change=-risk * retry.point,
                lower=-risk * retry.upper,
                upper=-risk * retry.lower,
            )
        )
    return found


def _moved(
    now: Answer,
    change: _Change,
    prior: PriorFeatures,
    schema: Schema,
    ask: Callable[[PriorFeatures], Answer],
    doubt: Callable[[int, float], float],
) -> Counterfactual:
    values, known = [*prior.values], 0.0
    for name, value in change.columns.items():
        column = schema.columns[name]
        known += doubt(column, value - values[column]) ** 2
        values[column] = value
    then = ask(msgspec.structs.replace(prior, values=values))
    wide = 1.96 * math.sqrt(known + _apart(now, then) + (_PULL * (then.logit - now.logit)) ** 2)
    top = 0.0 if change.never_worse else 1.0
    steps = []
    for base in (0.0, -1.96 * now.spread, 1.96 * now.spread):
        before = sigmoid(now.logit + base)
        steps += [min(top, sigmoid(then.logit + base + side) - before) for side in (0.0, -wide, wide)]
    return Counterfactual(change=change.text, risk_change=steps[0], lower=min(steps), upper=max(steps))


def _apart(now: Answer, then: Answer) -> float:
    """How much the members differ on the change: the weighted variance of their steps."""
    steps = [after - before for before, after in zip(now.members, then.members, strict=True)]
    mean = math.fsum(w * step for w, step in zip(now.weights, steps, strict=True))
    return math.fsum(w * (step - mean) ** 2 for w, step in zip(now.weights, steps, strict=True))


def _changes(run: Run, prior: PriorFeatures, schema: Schema) -> list[_Change]:
    changes = []
    if run.parallelism and run.parallelism > 1:
        half = run.parallelism // 2
        changes.append(_Change(f"-j{half}", {"parallelism": math.log1p(half)}))
    if run.memory_limit_bytes:
        twice = math.log1p(2.0 * run.memory_limit_bytes / 2**30)
        changes.append(_Change("twice the memory limit", {"memory_limit": twice}, never_worse=True))
    if any(prior.values[schema.columns[name]] for name in _HOST):
        changes.append(_Change("a host that is as good as any", dict.fromkeys(_HOST, 0.0)))
    if run.cache_warm is False:
        changes.append(_Change("a warm cache", {"cache_warm": 1.0}))
    return changes
