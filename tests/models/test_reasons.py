"""Reasons in a person's words, with the evidence."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.history.fold import PRIOR_SCHEMA
from models.reasons import Teller


def _told(group: str, logit: float, **features: float) -> str:
    values, parts = [0.0] * len(PRIOR_SCHEMA), np.zeros(len(PRIOR_SCHEMA))
    for name, value in {"project_outcomes": math.log1p(10), **features}.items():
        values[PRIOR_SCHEMA.names.index(name)] = value
    parts[PRIOR_SCHEMA.groups()[group][0]] = logit
    (reason,) = Teller(PRIOR_SCHEMA).tell(values, parts)
    assert (reason.feature, reason.logit) == (group, logit)
    return reason.text


@pytest.mark.parametrize(
    ("group", "features", "text"),
    [
        ("branch", {"branch_streak": math.log1p(3)}, "this branch: the last 3 runs failed"),
        ("branch", {"branch_streak": -math.log1p(5)}, "this branch: the last 5 runs succeeded"),
        ("project", {"project_rate_10": 0.0}, "this project: about 50% of recent runs failed"),
        ("project", {"project_outcomes": 0.0}, "no finished run of this project is known yet"),
        ("host", {"project_rate_10": -1.0, "host_rate_8": 1.0}, "this host: about 50% of recent runs failed"),
        ("timing", {"since_project_start": math.log1p(7200.0)}, "2 hours since the project's last start"),
        ("timing", {"since_project_start": math.log1p(40.0)}, "40 seconds since the project's last start"),
        ("commit", {"commit_seen": math.log1p(2)}, "this commit was built 2 times before"),
        ("commit", {}, "a commit not built before"),
        ("flight", {"project_running": math.log1p(4)}, "4 other runs in flight"),
        ("change", {}, "what was changed, or what the host was at, raises the risk"),
    ],
)
def test_family_speaks_with_its_evidence(group: str, features: dict[str, float], text: str) -> None:
    assert _told(group, 0.5, **features) == text


def test_what_lowers_the_risk_says_so() -> None:
    assert _told("calendar", -0.5) == "the time of day and week lowers the risk"


def test_every_family_has_words_for_any_finite_features() -> None:
    teller, rng = Teller(PRIOR_SCHEMA), np.random.default_rng(1)
    for scale in (0.0, 1.0, 30.0, 1e6):
        values = (scale * rng.normal(size=len(PRIOR_SCHEMA))).tolist()
        found = teller.tell(values, rng.normal(size=len(PRIOR_SCHEMA)))
        assert {reason.feature for reason in found} == set(PRIOR_SCHEMA.groups())
        assert all(reason.text for reason in found)
        assert [abs(r.logit) for r in found] == sorted((abs(r.logit) for r in found), reverse=True)


def test_parts_of_all_families_sum_to_the_whole() -> None:
    parts = np.random.default_rng(2).normal(size=len(PRIOR_SCHEMA))
    found = Teller(PRIOR_SCHEMA).tell([0.0] * len(PRIOR_SCHEMA), parts)
    assert math.fsum(reason.logit for reason in found) == pytest.approx(math.fsum(parts.tolist()))
