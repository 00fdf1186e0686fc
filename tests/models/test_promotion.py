"""A challenger is promoted when it is surely better, and equals hardly ever are."""

from __future__ import annotations

import math
import random

import pytest

from bench.lifecycle_proxy import BaggedRates, compared, windows
from bench.travis import builds, data_folder
from models.promotion import LowerBound, PromotionPolicy, Race, log_loss

POLICY = PromotionPolicy(rest_labels=0)


def test_bound_stays_below_the_true_mean_at_all_times_in_nearly_all_streams() -> None:
    crossed = 0
    for seed in range(200):
        draw, bound = random.Random(seed), LowerBound(0.05, 0.5)
        crossed += any(bound.add(draw.uniform(-0.3, 0.4)) > 0.05 for _ in range(1000))
    assert crossed <= 10


def test_bound_rises_above_zero_when_the_mean_is_above_it() -> None:
    draw, bound = random.Random(1), LowerBound(0.05, 0.5)
    for _ in range(3000):
        bound.add(draw.uniform(-0.1, 0.2))
    assert 0.0 < bound.lower < 0.05
    assert bound.mean == pytest.approx(0.05, abs=0.01)


def test_bound_falls_again_when_an_advantage_fades() -> None:
    bound = LowerBound(0.05, 0.5)
    best = [bound.add(0.1) for _ in range(500)][-1]
    for _ in range(5000):
        last = bound.add(-0.1)
    assert best > 0.0 > last


def test_one_absurd_value_counts_no_more_than_the_clip() -> None:
    one, other = LowerBound(0.05, 0.5), LowerBound(0.05, 0.5)
    assert one.add(math.inf) == other.add(0.5)


@pytest.mark.parametrize(("alpha", "clip"), [(0.0, 1.0), (1.0, 1.0), (0.05, 0.0)])
def test_senseless_limits_are_refused(alpha: float, clip: float) -> None:
    with pytest.raises(ValueError, match="alpha must be"):
        LowerBound(alpha, clip)


def test_nothing_is_promoted_below_the_minimum_of_evidence_or_right_after_a_move() -> None:
    race = Race(PromotionPolicy(min_labels=300, rest_labels=50))
    for _ in range(299):
        race.add(0.5, 0.1, failed=False)
    assert race.bound.lower > 0.0
    assert race.decide(1000) == "wait"
    race.add(0.5, 0.1, failed=False)
    assert race.decide(49) == "wait"
    assert race.decide(50) == "promote"
    assert race.evidence()["labels"] == 300


def test_a_challenger_that_proves_nothing_is_given_up() -> None:
    race = Race(PromotionPolicy(patience_labels=10))
    for _ in range(10):
        race.add(0.3, 0.3, failed=False)
    assert race.decide(10) == "give up"


def test_rivals_share_the_chance_of_error() -> None:
    alone, crowded = Race(POLICY), Race(POLICY, rivals=8)
    for _ in range(300):
        alone.add(0.5, 0.4, failed=False)
        crowded.add(0.5, 0.4, failed=False)
    assert crowded.bound.lower < alone.bound.lower


def test_log_loss_is_finite_at_certainty() -> None:
    assert log_loss(0.0, failed=True) == pytest.approx(13.8, abs=0.1)
    assert log_loss(0.5, failed=False) == pytest.approx(math.log(2.0))


@pytest.mark.data
def test_two_equal_copies_on_real_histories_are_told_apart_in_at_most_one_stream_of_twenty() -> None:
    if not (data_folder() / "travis2021-dev").exists():
        pytest.skip(f"{data_folder() / 'travis2021-dev'} is missing: set BUILDCAST_DATA")
    promoted = 0
    for seed, stretch in enumerate(windows(builds(), 200, 2000)):
        race = Race(POLICY)
        for one, other, failed in compared(stretch, BaggedRates(2 * seed), BaggedRates(2 * seed + 1)):
            race.add(one, other, failed)
            if race.decide(10**9) == "promote":
                promoted += 1
                break
    assert promoted <= 10


@pytest.mark.data
def test_a_planted_better_copy_is_found_on_real_histories() -> None:
    if not (data_folder() / "travis2021-dev").exists():
        pytest.skip(f"{data_folder() / 'travis2021-dev'} is missing: set BUILDCAST_DATA")
    race = Race(POLICY, rivals=4)
    for stale, fresh, failed in compared(builds(10_000), BaggedRates(1, rate=0.005), BaggedRates(2, rate=0.1)):
        race.add(stale, fresh, failed)
        if race.decide(10**9) == "promote":
            break
    assert race.decide(10**9) == "promote"
    assert race.bound.labels < 3000
