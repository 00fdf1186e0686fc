"""What a member repeats: bounded, the latest, spread evenly, and alike in equal folds."""

from __future__ import annotations

import math
from collections import Counter
from statistics import fmean

import numpy as np

from models.members.network import Network
from models.members.rehearsal import Rehearsal
from models.members.vector import Vector, sigmoid


def _filled(lessons: int, size: int = 8, repeats: int = 2) -> Rehearsal:
    rehearsal = Rehearsal(size=size, repeats=repeats)
    for number in range(lessons):
        rehearsal.keep(np.array([float(number)]), float(number % 2))
    return rehearsal


def test_nothing_is_repeated_before_the_first_lesson() -> None:
    assert list(Rehearsal().drawn()) == []


def test_only_the_latest_lessons_are_repeated_each_with_its_own_outcome() -> None:
    rehearsal, met = _filled(100), Counter[float]()
    for number in range(100, 500):
        for z, broken in rehearsal.drawn():
            assert number - 8 <= z[0] < number
            assert broken == z[0] % 2
            met[number - z[0]] += 1
        rehearsal.keep(np.array([float(number)]), float(number % 2))
    assert set(met) == set(range(1, 9))  # of every age
    assert max(met.values()) < 1.5 * min(met.values())


def test_equal_folds_repeat_alike() -> None:
    drawn = [[float(z[0]) for z, _ in _filled(37).drawn()] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 2


def test_kept_lesson_is_a_copy() -> None:
    rehearsal, z = Rehearsal(), np.array([1.0])
    rehearsal.keep(z, 1.0)
    z[0] = 5.0
    assert [past.tolist() for past, _ in rehearsal.drawn()] == [[1.0], [1.0]]


def test_network_that_rehearses_learns_more_from_as_many_outcomes() -> None:
    """Exclusive or: only hidden units can tell, and they need more than one look."""
    draws = [np.random.default_rng(seed).choice([-1.0, 1.0], size=(400, 2)) for seed in range(4)]
    assert fmean(_late_loss(Network(), rows) for rows in draws) < 0.96 * fmean(
        _late_loss(_once(), rows) for rows in draws
    )


def _once() -> Network:
    network = Network()
    network.rehearsal = Rehearsal(repeats=0)
    return network


def _late_loss(network: Network, rows: Vector) -> float:
    """Mean log loss over the second half of the lessons."""
    losses = []
    for z in rows:
        broken = float(z[0] != z[1])
        risk = sigmoid(network.fit(z, broken))
        losses.append(-math.log(risk if broken else 1.0 - risk))
    return fmean(losses[len(losses) // 2 :])


def test_network_repeats_lessons_from_before_a_feature_was_added() -> None:
    network = Network()
    for _ in range(20):
        network.fit(np.array([1.0]), 1.0)
    before = network.logit(np.array([1.0]))
    for _ in range(20):
        network.fit(np.array([1.0, -1.0]), 1.0)
    assert network.logit(np.array([1.0])) > before
