"""What would help: more memory, fewer jobs, a warm cache; each held against sense."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from models.counterfactual import what_if
from models.history.fold import PRIOR_SCHEMA
from models.risk import RiskConfig, RiskModel
from streams.events import ExampleRecorded, PriorFeatures
from tests.builders import T0, run

GIB = 2**30


@pytest.fixture(scope="module")
def model() -> RiskModel:
    """Learned where little memory and many jobs break builds and a warm cache saves them."""
    model, draw = RiskModel(RiskConfig(fast=True)), random.Random(4)
    for number in range(2500):
        jobs, limit, warm = draw.choice([1, 2, 4, 8, 16]), draw.choice([1, 2, 4, 8, 16]), draw.random() < 0.5
        each = run(f"r{number}", commit=f"c{number}", parallelism=jobs, memory_limit_bytes=limit * GIB, cache_warm=warm)
        logit = 1.2 * (math.log2(jobs) - math.log2(limit)) - 1.0 - (0.8 if warm else 0.0)
        outcome = "failure" if draw.random() < 1.0 / (1.0 + math.exp(-logit)) else "success"
        at = T0 + 100.0 * number
        prior = model.describe(each, at)
        model.open(each, at, prior)
        model.learn(
            ExampleRecorded(
                id=each.run_id,
                source="/t",
                time=at + 50,
                run=each,
                outcome=outcome,
                started_at=at,
                seconds=50.0,
                prior=prior,
            )
        )
    return model


def _told(model: RiskModel, **changes: Any) -> dict[str, float]:
    each = run("asked", **{"parallelism": 16, "memory_limit_bytes": GIB, "cache_warm": False} | changes)
    prior = model.describe(each, T0 + 10**6)
    found = model.counterfactuals(each, prior)
    assert all(one.lower <= one.risk_change <= one.upper for one in found)
    return {one.change: one.risk_change for one in found}


def test_each_change_that_helped_before_lowers_the_risk(model: RiskModel) -> None:
    told = _told(model)
    assert set(told) == {"-j8", "twice the memory limit", "a warm cache"}
    assert all(change < 0.0 for change in told.values())


def test_more_memory_and_fewer_jobs_never_raise_the_risk_from_step_to_step(model: RiskModel) -> None:
    for changes in ({"memory_limit_bytes": GIB * 2**i} for i in range(4)):
        assert _told(model, **changes)["twice the memory limit"] < 0.0
    for changes in ({"parallelism": jobs} for jobs in (16, 8, 4)):
        assert _told(model, **changes)[f"-j{changes['parallelism'] // 2}"] < 0.0


def test_only_what_can_be_changed_is_told(model: RiskModel) -> None:
    assert _told(model, parallelism=1, memory_limit_bytes=None, cache_warm=True) == {}


def test_change_states_the_difference_of_the_models_own_risks() -> None:
    prior = PriorFeatures(schema=PRIOR_SCHEMA.name, values=[0.0] * len(PRIOR_SCHEMA))
    column = PRIOR_SCHEMA.names.index("cache_warm")
    (told,) = what_if(
        run(parallelism=None, cache_warm=False), prior, PRIOR_SCHEMA, lambda asked: 0.5 - 0.3 * asked.values[column]
    )
    assert told.risk_change == pytest.approx(-0.3)


def test_features_of_another_schema_answer_nothing() -> None:
    assert what_if(run(), PriorFeatures(schema="older", values=[1.0]), PRIOR_SCHEMA, lambda _: 0.5) == []
