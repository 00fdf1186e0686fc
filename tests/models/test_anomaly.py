"""Odd hosts: what alarms, what does not, and what is said about it."""

from __future__ import annotations

import json
import math
import random

from models.anomaly import AnomalyConfig, AnomalyModel, AnomalyScore

CPU = "system.cpu.utilization"


def usual(model: AnomalyModel, samples: int = 400, seed: int = 1) -> float:
    """Samples of a healthy host a minute apart; returns the time after them."""
    dice = random.Random(seed)
    for number in range(samples):
        model.update({CPU: 0.3 + dice.gauss(0.0, 0.03), "load": 4.0 + dice.gauss(0.0, 0.2)}, 60.0 * number)
    return 60.0 * samples


def test_a_spike_and_a_dip_are_told_with_what_was_expected() -> None:
    for value, kind in ((0.95, "spike"), (-0.4, "dip")):
        model = AnomalyModel()
        odd = model.update({CPU: value, "load": 4.0}, usual(model))
        assert odd.score > 0.4
        worst = odd.ranked[0]
        assert (worst.metric, worst.kind, worst.value) == (CPU, kind, value)
        assert worst.lower < 0.3 < worst.upper
        assert not worst.lower <= value <= worst.upper


def test_a_metric_that_is_no_longer_sent_is_told_once_as_silence() -> None:
    model = AnomalyModel()
    now = usual(model)
    told = [model.update({"load": 4.0}, now + 60.0 * n) for n in range(20)]
    silent = [odd for score in told for odd in score.ranked if odd.kind == "silence"]
    assert [odd.metric for odd in silent] == [CPU]


def test_a_constant_series_does_not_alarm() -> None:
    model = AnomalyModel()
    assert max(model.update({CPU: 0.5}, 60.0 * n).score for n in range(500)) == 0.0


def test_a_counter_that_starts_again_does_not_alarm() -> None:
    model, total, scores = AnomalyModel(), 0.0, []
    dice = random.Random(3)
    for number in range(600):
        total = 0.0 if number == 500 else total + 1000.0 + dice.gauss(0.0, 50.0)
        scores.append(model.update({"bytes": total}, 60.0 * number).score)
    assert max(scores[490:510]) < 0.5


def test_a_new_host_does_not_alarm() -> None:
    model, dice = AnomalyModel(), random.Random(4)
    scores = [model.update({CPU: dice.random() * 10.0**n}, 60.0 * n) for n in range(50)]
    assert all(score == AnomalyScore(0.0, []) for score in scores)


def test_values_that_are_no_numbers_are_passed_over() -> None:
    model = AnomalyModel()
    assert math.isfinite(model.update({CPU: math.nan, "load": math.inf}, usual(model)).score)


def test_state_is_plain_and_brings_back_the_same_digits() -> None:
    model, again = AnomalyModel(), AnomalyModel()
    now = usual(model)
    again.load(json.loads(json.dumps(model.state())))
    for number in range(300):
        sample = {CPU: 0.3 + 0.1 * math.sin(number), "load": 4.0 + number % 7}
        assert model.update(sample, now + 60.0 * number) == again.update(sample, now + 60.0 * number)


def test_memory_is_bounded_and_what_was_forgotten_is_counted() -> None:
    model = AnomalyModel(AnomalyConfig(metrics=5))
    for number in range(20):
        model.update({f"m{number}": 1.0}, float(number))
    assert model.evicted == 15
    assert len(str(model.state())) < 5_000
