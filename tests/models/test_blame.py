"""Blame: shares that sum to one, and a host that breaks what it is given takes the blame, on real histories."""

from __future__ import annotations

import random

import pytest

from models.blame import blame_of
from models.history.fold import PRIOR_SCHEMA
from models.risk import RiskConfig, RiskModel
from streams.events import ExampleRecorded
from tests.models.real import travis_records

HOSTS = 5
BAD = "host-3"


@pytest.mark.data
def test_host_that_breaks_every_run_for_a_while_takes_most_of_the_blame() -> None:
    records, draw = travis_records(3000), random.Random(8)
    model = RiskModel(RiskConfig(fast=True))
    first, last = records[1500].started_at, records[2700].started_at
    hit, usual, seen = [], [], 0
    for record in records:
        host, at = f"host-{draw.randrange(HOSTS)}", record.started_at
        prior = model.describe(record.run, at, host)
        faulty = host == BAD and first <= at <= last
        seen += faulty
        if faulty and seen > 10:
            hit.append(model.score(prior).blame["host"])
        elif at < first:
            usual.append(model.score(prior).blame["host"])
        model.open(record.run, at, prior, host)
        broken = record.failed or faulty
        model.learn(
            ExampleRecorded(
                id=record.run.run_id,
                source="/t",
                time=at,
                host=host,
                run=record.run,
                outcome="failure" if broken else "success",
                started_at=at,
                seconds=60.0,
                prior=prior,
            )
        )
    assert len(hit) > 100
    assert sum(hit) / len(hit) >= 0.7
    assert sum(usual) / len(usual) < 0.4


def test_features_of_another_schema_blame_no_one() -> None:
    assert blame_of(PRIOR_SCHEMA, [1.0], []) == pytest.approx({"change": 1 / 3, "package": 1 / 3, "host": 1 / 3})


@pytest.mark.parametrize("feature", ["host_rate_8", "package_rate_8", "project_rate_34"])
def test_shares_sum_to_one_and_follow_the_feature_that_stands_out(feature: str) -> None:
    values = [0.0] * len(PRIOR_SCHEMA)
    for name in ("project_rate_10", "project_rate_34", "fleet_rate"):
        values[PRIOR_SCHEMA.names.index(name)] = -2.0
    plain = blame_of(PRIOR_SCHEMA, values, [])
    values[PRIOR_SCHEMA.names.index(feature)] += 4.0
    told = blame_of(PRIOR_SCHEMA, values, [])
    share = {"host_rate_8": "host", "package_rate_8": "package", "project_rate_34": "change"}[feature]
    assert told[share] > plain[share]
    assert sum(told.values()) == pytest.approx(1.0)
    assert min(told.values()) > 0.0
