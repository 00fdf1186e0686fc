"""What a worker tells Prometheus of its events and outputs."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from agents.metrics import create
from agents.observed import Observed
from streams.events import (
    AnomalyDetected,
    Event,
    ExampleRecorded,
    ForecastMade,
    HostSampled,
    Interval,
    ModelRef,
    RankedMetric,
)
from tests import builders


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def observed(registry: CollectorRegistry) -> Observed:
    return Observed(create(registry))


def _example(outcome: str, error_class: str = "") -> ExampleRecorded:
    run = builders.started().run
    return ExampleRecorded(
        id=f"{outcome}-{error_class}", source="/t", time=160.0, host="h", run=run, outcome=outcome, started_at=100.0,  # type: ignore[arg-type]
        seconds=50.0, error_class=error_class,
    )  # fmt: skip


def _sample(host: str = "h") -> HostSampled:
    return HostSampled(id="s", source="/t", time=0.0, host=host, metrics={"cpu": 1.0})


def _odd(host: str, **kinds: tuple[str, float]) -> AnomalyDetected:
    ranked = [
        RankedMetric(metric=metric, value=value, lower=0.0, upper=1.0, score=9.0, kind=kind)  # type: ignore[arg-type]
        for metric, (kind, value) in kinds.items()
    ]
    return AnomalyDetected(id="a", source="/t", time=0.0, host=host, score=0.95, ranked=ranked)


def test_failures_are_counted_by_error_class_else_by_outcome(observed: Observed, registry: CollectorRegistry) -> None:
    outputs: list[Event] = [_example("failure", "link"), _example("failure", "link"), _example("timeout")]
    observed.take(_sample(), [*outputs, _example("success")])

    def count(kind: str) -> float | None:
        return registry.get_sample_value("cicd_pipeline_run_errors_total", {"error_type": kind})

    assert (count("link"), count("timeout"), count("success"), count("")) == (2.0, 1.0, None, None)
    assert registry.get_sample_value("buildcast_label_delay_seconds_sum") == 4 * 60.0


def test_senders_cannot_make_series_without_end(observed: Observed, registry: CollectorRegistry) -> None:
    observed.take(_sample(), [_example("failure", f"made-up-{number}") for number in range(500)])
    names = {
        sample.labels["error_type"]
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "cicd_pipeline_run_errors_total"
    }
    assert len(names) == 51
    assert registry.get_sample_value("cicd_pipeline_run_errors_total", {"error_type": "_OTHER"}) == 450.0


def test_the_newest_forecast_tells_the_whole_duration(observed: Observed, registry: CollectorRegistry) -> None:
    forecast = ForecastMade(
        id="f", source="/t", time=0.0, host="h", run_id="r", name="n", project="p", elapsed_seconds=30.0,
        trigger="stage", risk=0.1, risk_lower=0.0, risk_upper=0.2, confidence=1.0, variance=0.0,
        model=ModelRef(config="c", offset=1),
        remaining=Interval(point=60.0, lower=40.0, upper=90.0),
    )  # fmt: skip
    observed.take(_sample(), [forecast])
    bounds = {
        bound: registry.get_sample_value("buildcast_duration_predicted_seconds", {"bound": bound})
        for bound in ("point", "lower", "upper")
    }
    assert bounds == {"point": 90.0, "lower": 70.0, "upper": 120.0}


def test_odd_metrics_have_a_sign_and_return_to_usual(observed: Observed, registry: CollectorRegistry) -> None:
    def sign(metric: str) -> float | None:
        return registry.get_sample_value("buildcast_anomalous", {"metric": metric})

    odd = _odd(
        "h", cpu=("spike", 9.0), memory=("dip", 0.1), disk=("level", 5.0), load=("level", -5.0), net=("silence", 0)
    )
    observed.take(_sample(), [odd])
    assert [sign(name) for name in ("cpu", "memory", "disk", "load", "net")] == [1, -1, 1, -1, -1]
    observed.take(_sample(), [_odd("h", cpu=("spike", 9.0))])
    assert [sign(name) for name in ("cpu", "memory")] == [1, 0]
    observed.take(_sample(), [])
    assert sign("cpu") == 0


def test_a_usual_host_does_not_hide_an_odd_one(observed: Observed, registry: CollectorRegistry) -> None:
    for host in ("one", "other"):
        observed.take(_sample(host), [_odd(host, cpu=("spike", 9.0))])
    observed.take(_sample("other"), [])
    assert registry.get_sample_value("buildcast_anomalous", {"metric": "cpu"}) == 1
    observed.take(_sample("one"), [])
    assert registry.get_sample_value("buildcast_anomalous", {"metric": "cpu"}) == 0
