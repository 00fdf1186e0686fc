"""What a worker's events and outputs tell Prometheus: forecasts, alerts, outcomes, odd host metrics."""

from __future__ import annotations

from collections.abc import Iterable

from agents.metrics import Metrics
from models.bounded import forget_oldest
from streams import events

__all__ = ["Observed"]

_MOST_ERROR_TYPES = 50
_MOST_VERDICTS = 10_000
_SIGNS = {"spike": 1, "dip": -1, "silence": -1}


class Observed:
    """Counts outputs; remembers which host metrics are odd now, so that they return to 0 when the host is itself."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._odd: dict[str, dict[str, int]] = {}  # by host that is odd now: its odd metrics
        self._error_types: set[str] = set()
        self._verdicts: dict[str, float] = {}  # seconds into the run at which its first verdict was told

    def take(self, event: events.Event, outputs: Iterable[events.Event]) -> None:
        """An event that was handled, and what followed from it."""
        anomaly: events.AnomalyDetected | None = None
        for output in outputs:
            self._count(output)
            if isinstance(output, events.AnomalyDetected):
                anomaly = output
        if isinstance(event, events.HostSampled):
            self._host(event.host, anomaly.ranked if anomaly else [])

    def _count(self, output: events.Event) -> None:
        match output:
            case events.ForecastMade():
                self._metrics.count("buildcast_predictions", target="failure", role="champion")
                self._metrics.observe("buildcast_risk_ratio", output.risk)
                if output.abort is not None:
                    self._verdicts.setdefault(output.run_id, output.elapsed_seconds)
                    forget_oldest(self._verdicts, _MOST_VERDICTS)
                if output.remaining is not None:
                    self._duration(output.elapsed_seconds, output.remaining)
            case events.AlertRaised():
                self._metrics.count("buildcast_alerts", severity=output.severity, verdict="raised")
            case events.AlertResolved():
                self._metrics.count("buildcast_alerts", severity="", verdict=output.why)
            case events.ExampleRecorded():
                self._outcome(output)
            case _:
                pass

    def _duration(self, elapsed: float, left: events.Interval) -> None:
        for bound, seconds in (("point", left.point), ("lower", left.lower), ("upper", left.upper)):
            self._metrics.set("buildcast_duration_predicted_seconds", elapsed + seconds, bound=bound)

    def _outcome(self, example: events.ExampleRecorded) -> None:
        self._saved(example)
        if example.outcome != "success":
            kind = example.error_class or example.outcome
            if kind not in self._error_types and len(self._error_types) >= _MOST_ERROR_TYPES:
                kind = "_OTHER"  # OpenTelemetry's word; whoever sends events may name any class
            self._error_types.add(kind)
            self._metrics.count("cicd_pipeline_run_errors", error_type=kind)
        if example.seconds is not None:
            self._metrics.observe("cicd_pipeline_run_duration_seconds", example.seconds, result=example.outcome)
            delay = max(0.0, example.time - example.started_at)
            self._metrics.observe("buildcast_label_delay_seconds", delay)

    def _saved(self, example: events.ExampleRecorded) -> None:
        last = example.checkpoints[-1] if example.checkpoints else None
        told = self._verdicts.pop(example.run.run_id, None)
        if example.error_class == events.STOPPED:
            left = last.remaining.point if last and last.remaining else 0.0
            self._metrics.count("buildcast_saved_seconds", left, mode="stopped")
        elif told is not None and example.outcome == "failure":
            self._metrics.count("buildcast_saved_seconds", max(0.0, (example.seconds or 0.0) - told), mode="shadow")

    def _host(self, host: str, ranked: Iterable[events.RankedMetric]) -> None:
        before = self._odd.pop(host, {})
        now = {one.metric: _SIGNS.get(one.kind) or (1 if one.value > one.upper else -1) for one in ranked}
        if now:
            self._odd[host] = now
        for metric in before.keys() | now.keys():
            signs = (odd[metric] for odd in self._odd.values() if metric in odd)
            self._metrics.set("buildcast_anomalous", now.get(metric) or next(signs, 0), metric=metric)
