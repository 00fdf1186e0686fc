"""Adaptive bounds under delay: coverage, overdue runs, cancelled runs, bounded memory."""

from __future__ import annotations

import json
import random

from models.conformal import ConformalConfig, DelayedConformal, Served


def served(bounds: DelayedConformal, group: str = "g") -> Served:
    low, high = bounds.bounds(group)
    return Served(group=group, base=0.0, point=0.0, scale=1.0, lower=-low, upper=high, opened_at=0.0)


def test_bounds_settle_where_95_in_100_are_held() -> None:
    bounds, dice = DelayedConformal(), random.Random(1)
    held = []
    for number in range(4000):
        now, value = served(bounds), dice.gauss(0.0, 2.0)
        held.append(now.lower <= value <= now.upper)
        bounds.learn(str(number), value, now)
    assert 0.93 <= sum(held[1000:]) / 3000 <= 0.97
    assert 0.9 <= bounds.coverage <= 1.0


def test_an_overdue_run_is_told_once_and_its_label_does_not_count_again() -> None:
    bounds = DelayedConformal()
    bounds.open("a", served(bounds), 10.0)
    assert bounds.due(10.0) == []
    ((run_id, late),) = bounds.due(11.0)
    bounds.miss(run_id, late, 0.0)
    widened = bounds.bounds("g")[1]
    assert widened > late.upper
    bounds.learn("a", 99.0, served(bounds))
    assert bounds.bounds("g")[1] == widened
    assert bounds.due(1e9) == []


def test_a_cancelled_run_within_its_bound_changes_nothing() -> None:
    bounds = DelayedConformal()
    before = bounds.bounds("g")
    bounds.learn("a", 0.5, served(bounds), censored=True)
    assert bounds.bounds("g") == before


def test_state_is_plain_and_brings_back_the_same_bounds() -> None:
    bounds, again = DelayedConformal(), DelayedConformal()
    bounds.open("a", served(bounds), 10.0)
    bounds.learn("b", 9.0, served(bounds))
    again.load(json.loads(json.dumps(bounds.state())))
    assert again.bounds("g") == bounds.bounds("g")
    assert again.due(11.0) == bounds.due(11.0)


def test_memory_is_bounded_and_what_was_forgotten_is_counted() -> None:
    bounds = DelayedConformal(ConformalConfig(groups=3, in_flight=4))
    for number in range(10):
        bounds.open(f"open-{number}", served(bounds), 1e9)
        bounds.learn(f"done-{number}", 0.0, served(bounds, f"g{number}"))
    assert (bounds.evicted_groups, bounds.evicted_runs) == (7, 6)


def test_with_many_runs_in_flight_the_same_coverage_reaches_further_up_and_less_down() -> None:
    alone, crowded, dice = DelayedConformal(), DelayedConformal(), random.Random(1)
    for number in range(300):
        crowded.open(f"open-{number}", served(crowded), 1e9)
    held = []
    for number in range(6000):
        value = dice.gauss(0.0, 1.0)
        now = served(crowded)
        held.append(now.lower <= value <= now.upper)
        for bounds in (alone, crowded):
            bounds.learn(str(number), value, served(bounds))
    assert 0.93 <= sum(held[1000:]) / 5000 <= 0.97
    (alone_low, alone_high), (low, high) = alone.bounds("g"), crowded.bounds("g")
    assert high > alone_high + 0.3
    assert low < alone_low - 0.1


def test_runs_that_have_ended_or_were_forgotten_crowd_no_group() -> None:
    bounds = DelayedConformal(ConformalConfig(in_flight=4))
    for number in range(10):
        bounds.open(str(number % 7), served(bounds, f"g{number}"), 1e9)
    for number in range(7):
        bounds.learn(str(number), 0.0, served(bounds))
    fresh = DelayedConformal(ConformalConfig(in_flight=4))
    fresh.load(bounds.state())
    for each in (bounds, fresh):
        each.learn("other", 9.0, served(each))
    assert bounds.bounds("g") == fresh.bounds("g")
