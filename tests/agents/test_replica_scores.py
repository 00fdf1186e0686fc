"""What the replica tells Prometheus of its served forecasts."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from agents.metrics import create
from agents.replica import report_scores
from models.ledger import Ledger


def test_scores_of_the_ensemble_and_its_baselines_are_told() -> None:
    registry, ledger = CollectorRegistry(), Ledger()
    whole = ledger.whole
    for scores in whole.first.values():
        for _ in range(100):
            scores.add(0.25, 1.0)
    for hit in (0.8, 1.0):
        whole.coverage.add(hit)
        whole.duration_error.add(0.5)
        whole.last_duration_error.add(0.75)
        whole.surprise.add(0.01)
    whole.interval_seconds = 42.0
    report_scores(ledger, create(registry))
    assert registry.get_sample_value("buildcast_brier_score", {"model": "ensemble"}) == pytest.approx(0.75**2)
    gap = registry.get_sample_value("buildcast_calibration_error_ratio", {"model": "last_outcome"})
    assert gap == pytest.approx(0.75)
    for model in ("ensemble", "prior", "last_outcome", "ewma5"):
        assert registry.get_sample_value("buildcast_log_loss", {"model": model}) == whole.first["prior"].log_loss
    labels = {"target": "duration", "level": "0.95"}
    assert registry.get_sample_value("buildcast_interval_coverage_ratio", labels) == pytest.approx(0.9, abs=1e-3)
    assert registry.get_sample_value("buildcast_interval_width_seconds") == 42.0
    for model, error in (("ensemble", 0.5), ("last_duration", 0.75)):
        assert registry.get_sample_value("buildcast_duration_error_log_ratio", {"model": model}) == pytest.approx(error)
    assert registry.get_sample_value("buildcast_estimate_error_nats") == pytest.approx(0.01)


def test_without_a_label_nothing_is_told() -> None:
    registry = CollectorRegistry()
    report_scores(Ledger(), create(registry))
    assert registry.get_sample_value("buildcast_log_loss", {"model": "ensemble"}) is None
    assert (
        registry.get_sample_value("buildcast_interval_coverage_ratio", {"target": "duration", "level": "0.95"}) is None
    )


def test_shares_of_outcomes_wait_for_labels_enough() -> None:
    registry, ledger = CollectorRegistry(), Ledger()
    ledger.whole.first["model"].add(0.25, 1.0)
    ledger.whole.coverage.add(0.0)
    report_scores(ledger, create(registry))
    assert registry.get_sample_value("buildcast_log_loss", {"model": "ensemble"}) is not None
    assert registry.get_sample_value("buildcast_calibration_error_ratio", {"model": "ensemble"}) is None
    assert (
        registry.get_sample_value("buildcast_interval_coverage_ratio", {"target": "duration", "level": "0.95"}) is None
    )
