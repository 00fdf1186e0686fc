"""Every member passes River's own examination and gives the same digits in rows as one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import datasets
from river.checks import clf, common

from models.forecaster import Forecaster, ForecasterConfig
from models.history.fold import PRIOR_SCHEMA
from models.members.boosted import Boosted
from models.members.contexts import Contexts
from models.members.factors import Factors
from models.members.linear import Linear
from models.members.network import Network
from models.members.prior import Prior
from models.members.table import MEMBERS, make
from models.members.vector import sigmoid
from models.risk import RiskConfig
from models.snapshot import probe, seal, unseal
from tests.models.histories import recorded

_PURE = {
    "linear": Linear, "factors": Factors, "network": Network, "prior": Prior, "contexts": Contexts, "boosted": Boosted,
}  # fmt: skip


# River's `yield_checks` draws part of its data from scikit-learn, which is no dependency here: the same checks, named.
_PLAIN = (
    common.check_repr, common.check_str, common.check_tags, common.check_clone_same_class,
    common.check_clone_is_idempotent, common.check_init_has_default_params_for_tests,
    common.check_init_default_params_are_not_mutable, common.check_doc, common.check_pickling_supports_roundtrip,
    common.check_get_params_matches_signature,
)  # fmt: skip
_ON_DATA = (
    common.check_learn_one, common.check_pickling, common.check_emerging_features, common.check_disappearing_features,
    common.check_predict_one_pure, common.check_predict_one_before_any_learn,
    common.check_no_state_aliasing_with_input, common.check_clone_is_independent, clf.check_predict_proba_one,
    clf.check_predict_proba_one_binary,
)  # fmt: skip


@pytest.mark.parametrize("check", _PLAIN)
@pytest.mark.parametrize("name", sorted(_PURE))
def test_member_keeps_rivers_conventions(name: str, check: Callable[[Any], None]) -> None:
    check(_PURE[name]())


@pytest.mark.parametrize("check", _ON_DATA)
@pytest.mark.parametrize("name", sorted(_PURE))
def test_member_stands_rivers_checks_on_data(name: str, check: Callable[..., None]) -> None:
    check(_PURE[name](), datasets.Phishing().take(100))


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_rows_get_the_same_digits_as_one_by_one(name: str) -> None:
    member, rng = make(name, PRIOR_SCHEMA, 0.02, 1), np.random.default_rng(3)
    rows = rng.normal(size=(60, len(PRIOR_SCHEMA)))
    slots = [[str(s) for s in rng.integers(0, 2**32, 5)] for _ in rows]
    for row, some in zip(rows, slots, strict=True):
        member.fit(row, float(row[0] > 0), some)
    assert member.logits(rows, slots) == [member.logit(row, some) for row, some in zip(rows, slots, strict=True)]


@pytest.mark.parametrize("name", ["linear", "factors", "network", "contexts", "boosted"])
def test_member_learns_what_decides(name: str) -> None:
    member, draw = _PURE[name](), random.Random(5)
    for _ in range(1500):
        x = {"a": draw.gauss(0, 1), "b": draw.gauss(0, 1)}
        member.learn_one(x, draw.random() < sigmoid(3 * x["a"]))
    assert member.predict_proba_one({"a": 2.0, "b": 0.0})[True] > 0.6
    assert member.predict_proba_one({"a": -2.0, "b": 0.0})[True] < 0.4


@pytest.mark.parametrize("name", sorted(_PURE))
def test_missing_and_infinite_values_count_as_nothing_known(name: str) -> None:
    member = _PURE[name]()
    for number in range(50):
        member.learn_one({"a": float("nan") if number % 3 else 1.0, "b": float("inf"), "c": None}, number % 2 == 0)
    told = member.predict_proba_one({"a": float("nan"), "b": -1e300, "new": float("-inf")})
    assert sum(told.values()) == pytest.approx(1.0)
    assert 0.0 < told[True] < 1.0


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_equal_lessons_end_in_equal_digits_and_a_lesson_tells_the_logit_before_it(name: str) -> None:
    twins = [make(name, PRIOR_SCHEMA, 0.02, 1) for _ in range(2)]
    rng = np.random.default_rng(6)
    for _ in range(40):
        row, some = rng.normal(size=len(PRIOR_SCHEMA)), [str(s) for s in rng.integers(0, 50, 4)]
        before, broken = twins[0].logit(row, some), float(row[1] > 0)
        assert [twin.fit(row, broken, some) for twin in twins] == [before, before]


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_state_survives_a_sealed_snapshot(name: str) -> None:
    config = ForecasterConfig(name="one", risk=RiskConfig(members=(name,)))
    forecaster = Forecaster(config)
    log = recorded(60)
    for event in log[:60]:
        forecaster.fold(event)
    loaded = unseal(seal(forecaster, b"key"), b"key", config)
    assert probe(loaded) == probe(forecaster)
    for each in (forecaster, loaded):
        for event in log[60:]:
            each.fold(event)
    assert probe(loaded) == probe(forecaster)


def test_slots_unused_for_longest_are_forgotten_and_counted() -> None:
    member, z = Factors(slots=20), np.ones(2)
    for number in range(100):
        member.fit(z, 1.0, ["kept", str(number)])
    assert member.forgotten >= 80
    assert member.logit(np.zeros(2), ["kept"]) > member.logit(np.zeros(2), ["0"])


def test_keys_unused_for_longest_are_forgotten() -> None:
    member, z = Contexts(slots=20), np.zeros(2)
    for number in range(100):
        member.fit(z, 1.0, ["kept", str(number)])
    told = [member.logit(z, [key]) for key in ("kept", "99", "0", "never met")]
    assert told == sorted(told, reverse=True)
    assert told[1] > told[2] == told[3]


@pytest.mark.parametrize("name", ["linear", "factors", "network", "contexts"])
def test_a_late_lesson_moves_a_member_further_whose_earlier_lessons_fade(name: str) -> None:
    moves, rows = [], np.random.default_rng(8).normal(size=(2000, 4))
    for keep in (1.0, 0.5 ** (1 / 100)):
        member = _PURE[name]()
        for number, row in enumerate(rows):
            member.fit(row, float(number % 2))
            member.fade(keep)
        before = member.fit(rows[0], 1.0)
        moves.append(member.logit(rows[0]) - before)
    assert 0.0 < 2.0 * moves[0] < moves[1]
