"""Metrics as they are counted and served."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from agents.metrics import create


def test_a_series_is_the_same_whichever_way_round_its_labels_are_given() -> None:
    registry = CollectorRegistry()
    metrics = create(registry)
    metrics.count("buildcast_predictions", target="failure", role="champion")
    metrics.count("buildcast_predictions", 2.0, role="champion", target="failure")
    assert b'buildcast_predictions_total{role="champion",target="failure"} 3.0' in generate_latest(registry)


def test_a_series_that_was_forgotten_is_served_again_once_it_is_set() -> None:
    registry = CollectorRegistry()
    metrics = create(registry)
    name = "buildcast_anomalous"
    for _ in range(2):
        metrics.set(name, 1.0, metric="cpu")
        assert b'buildcast_anomalous{metric="cpu"} 1.0' in generate_latest(registry)
        metrics.clear(name)
        assert b'buildcast_anomalous{metric="cpu"}' not in generate_latest(registry)
