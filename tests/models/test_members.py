"""Every member passes River's own examination and gives the same digits in rows as one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import datasets
from river.checks import clf, common

from models.history.fold import PRIOR_SCHEMA
from models.members.factors import Factors
from models.members.linear import Linear
from models.members.network import Network
from models.members.prior import Prior
from models.members.table import MEMBERS, make
from models.members.vector import sigmoid

_PURE = {"linear": Linear, "factors": Factors, "network": Network, "prior": Prior}


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
    slots = [[int(s) for s in rng.integers(0, 2**32, 5)] for _ in rows]
    for row, some in zip(rows, slots, strict=True):
        member.fit(row, float(row[0] > 0), some)
    assert member.logits(rows, slots) == [member.logit(row, some) for row, some in zip(rows, slots, strict=True)]


@pytest.mark.parametrize("name", ["linear", "factors", "network"])
def test_member_learns_what_decides(name: str) -> None:
    member, draw = _PURE[name](), random.Random(5)
    for _ in range(1500):
        x = {"a": draw.gauss(0, 1), "b": draw.gauss(0, 1)}
        member.learn_one(x, draw.random() < sigmoid(3 * x["a"]))
    assert member.predict_proba_one({"a": 2.0, "b": 0.0})[True] > 0.6
    assert member.predict_proba_one({"a": -2.0, "b": 0.0})[True] < 0.4
