"""When a champion's own labels ask for a training, and when they keep still."""

from __future__ import annotations

import pytest

from models.drift import DriftPolicy
from models.shadow import Judged
from models.triggers import Trigger, TriggerPolicy, Triggers

DAY = 86_400.0
DEAF = DriftPolicy(min_labels=10**9)
ONLY_PERFORMANCE = TriggerPolicy(schedule_seconds=0.0, volume_labels=0, drift=DEAF)


def _judged(number: int, risk: float, failed: bool = False, residual: float | None = None) -> Judged:
    return Judged(run_id=f"r{number}", project="p", offset=number, time=number * 60.0, failed=failed,
                  risks={"default": risk}, log_residual=residual)  # fmt: skip


def _asked(policy: TriggerPolicy, risks: list[float]) -> list[Trigger]:
    triggers, found = Triggers(policy), list[Trigger]()
    for number, risk in enumerate(risks):
        for trigger in triggers.add(_judged(number, risk), "default"):
            found.append(trigger)
            triggers.trained(trigger.time)
    return found


def test_a_loss_far_above_its_own_usual_one_asks_for_a_training() -> None:
    found = _asked(ONLY_PERFORMANCE, [0.3] * 1000 + [0.6] * 250)
    assert found
    assert {trigger.kind for trigger in found} == {"performance"}
    assert 1000 < found[0].offset < 1200
    assert "usually 0.3" in found[0].detail


def test_a_loss_as_usual_or_better_asks_for_nothing() -> None:
    assert _asked(ONLY_PERFORMANCE, [0.3] * 1000 + [0.1] * 500) == []


def test_performance_needs_labels_enough_to_know_what_is_usual() -> None:
    assert _asked(ONLY_PERFORMANCE, [0.1] * 100 + [0.9] * 450) == []


@pytest.mark.parametrize("signal", ["log_loss", "residual"])
def test_drift_is_seen_on_losses_and_on_durations(signal: str) -> None:
    triggers, found = Triggers(TriggerPolicy(schedule_seconds=0.0, volume_labels=0, worse_ratio=0.0)), list[Trigger]()
    for number in range(1500):
        late = number >= 1000
        risk = 0.9 if late and signal == "log_loss" else 0.1
        residual = 1.5 if late and signal == "residual" else 0.1
        found += triggers.add(_judged(number, risk, residual=residual), "default")
    drifts = [trigger.drift for trigger in found if trigger.drift is not None]
    assert {drift.detector for drift in drifts} == {"adwin", "page-hinkley"}
    assert {drift.signal for drift in drifts} == {signal}


def test_after_a_training_volume_and_schedule_count_anew() -> None:
    volume = TriggerPolicy(schedule_seconds=0.0, volume_labels=400, worse_ratio=0.0, drift=DEAF)
    assert [trigger.offset for trigger in _asked(volume, [0.3] * 1300)] == [399, 799, 1199]
    schedule = TriggerPolicy(schedule_seconds=0.5 * DAY, volume_labels=0, worse_ratio=0.0, drift=DEAF)
    assert [trigger.kind for trigger in _asked(schedule, [0.3] * 1500)] == ["schedule", "schedule"]
