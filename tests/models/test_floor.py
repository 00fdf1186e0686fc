"""EWMA-5 is served while the model is surely worse."""

from __future__ import annotations

from models.floor import Floor, FloorPolicy

POLICY = FloorPolicy(min_labels=100)


def _feed(floor: Floor, model: float, baseline: float, labels: int) -> list[str]:
    return [said for _ in range(labels) if (said := floor.add(model, baseline, failed=False))]


def test_model_worse_than_the_baseline_for_long_falls_once() -> None:
    floor = Floor(POLICY)
    assert _feed(floor, 0.6, 0.2, 300) == ["fell"]
    assert floor.fallen


def test_model_that_is_better_again_comes_back() -> None:
    floor = Floor(POLICY)
    _feed(floor, 0.6, 0.2, 150)
    assert _feed(floor, 0.1, 0.5, 300) == ["rose"]
    assert not floor.fallen


def test_equals_and_short_troubles_change_nothing() -> None:
    floor = Floor(POLICY)
    assert _feed(floor, 0.3, 0.3, 1000) == []
    assert _feed(Floor(POLICY), 0.9, 0.1, 99) == []
