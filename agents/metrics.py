"""Every Prometheus metric of the agents: one table of names, kinds, meanings and labels, made from a registry.

Seconds, bytes and ratios 0 to 1; labels are few and bounded: no run, commit or process ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from streams.errors import ConfigError

__all__ = ["METRICS", "Metric", "Metrics", "create", "serve"]


@dataclass(frozen=True)
class Metric:
    """One metric as declared. Counters are declared without their `_total`.

    `known`: values of its one label that are served as 0 before anything happened; what appears with its first count
    has not grown, so `increase` and the alerts on it would miss that one.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    known: tuple[str, ...] = ()


_RUN_SECONDS = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0)
_SCORE_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
_PARTS = ("core", "partition-snapshot", "replica-snapshot")
_CLASSES = ("output-too-large", "spool-metrics", "spool-events", "spool-ends")
_MODES = ("shadow", "stopped")
_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)

METRICS: tuple[Metric, ...] = (
    Metric("cicd_pipeline_run_duration_seconds", "histogram", "finished runs' durations", ("result",), _RUN_SECONDS),
    Metric("cicd_pipeline_run_active", "gauge", "runs in progress on this worker's partitions"),
    Metric("cicd_worker_count", "gauge", "build hosts known on this worker's partitions"),
    Metric("cicd_pipeline_run_errors", "counter", "runs that did not succeed, by error class", ("error_type",)),
    Metric("cicd_system_errors", "counter", "errors of this system itself", ("component",), (), _PARTS),
    Metric("buildcast_events_consumed", "counter", "records consumed", ("topic",)),
    Metric("buildcast_events_rejected", "counter", "records refused to dead letters", ("topic", "reason")),
    Metric("buildcast_events_skipped", "counter", "records seen again after a restart or rebalance", ("topic",)),
    Metric("buildcast_clock_skewed_records", "counter", "records of hosts whose clock is > 5 min off", ("direction",)),
    Metric("buildcast_event_lag_seconds", "histogram", "from record to acknowledged outputs", (), _LAG_SECONDS),
    Metric("buildcast_consumer_lag_records", "gauge", "records not finished yet", ("topic", "partition")),
    Metric("buildcast_scoring_duration_seconds", "histogram", "to handle an event that was scored", (), _SCORE_SECONDS),
    Metric("buildcast_predictions", "counter", "forecasts made", ("target", "role")),
    Metric("buildcast_risk_ratio", "histogram", "risks forecast", (), tuple(i / 10 for i in range(1, 11))),
    Metric("buildcast_log_loss", "gauge", "of served forecasts against outcomes", ("model",)),
    Metric("buildcast_brier_score", "gauge", "of served forecasts against outcomes", ("model",)),
    Metric("buildcast_calibration_error_ratio", "gauge", "of served forecasts, 15 bins", ("model",)),
    Metric("buildcast_interval_coverage_ratio", "gauge", "outcomes within the interval", ("target", "level")),
    Metric("buildcast_labels_scored", "gauge", "outcomes that served forecasts were scored by"),
    Metric("buildcast_interval_width_seconds", "gauge", "width of the last duration interval that was scored"),
    Metric("buildcast_duration_error_log_ratio", "gauge", "mean absolute log of actual over forecast", ("model",)),
    Metric("buildcast_expected_log_loss", "gauge", "that the forecasts of runs in progress expect of themselves"),
    Metric("buildcast_estimate_error_nats", "gauge", "log loss that came less the log loss that was expected"),
    Metric("buildcast_labels_pending", "gauge", "runs forecast and not finished"),
    Metric("buildcast_label_delay_seconds", "histogram", "from a run's start to its label", (), _RUN_SECONDS),
    Metric("buildcast_drift_events", "counter", "drift detections", ("detector",)),
    Metric("buildcast_training_runs", "counter", "trainings ended", ("trigger", "outcome")),
    Metric("buildcast_training_duration_seconds", "histogram", "trainings' durations", (), _RUN_SECONDS),
    Metric("buildcast_trainer_examples_offset", "gauge", "next record of examples.v1 the trainer folds"),
    Metric("buildcast_trainer_challengers", "gauge", "configs folded beside the champion"),
    Metric("buildcast_training_progress_ratio", "gauge", "of the training in progress; 0 where there is none"),
    Metric("buildcast_model_moves", "counter", "promotions and roll-backs", ("kind",), (), ("promoted", "rolled-back")),
    Metric("buildcast_alerts", "counter", "alerts raised and resolved", ("severity", "verdict")),
    Metric("buildcast_saved_seconds", "counter", "build time that stopping saved or would have", ("mode",), (), _MODES),
    Metric("buildcast_model_info", "gauge", "1 for the model that serves", ("model", "version", "sha256", "role")),
    Metric("buildcast_model_examples_offset", "gauge", "next record of examples.v1 the replica folds"),
    Metric("buildcast_snapshot_bytes", "gauge", "size of the newest snapshot", ("kind",)),
    Metric("buildcast_snapshot_timestamp_seconds", "gauge", "when the newest snapshot was written", ("kind",)),
    Metric("buildcast_dropped", "counter", "records not kept", ("class",), (), _CLASSES),
    Metric("buildcast_rows_written", "counter", "rows in committed transactions"),
    Metric("buildcast_database_waits", "counter", "batches that waited for the database"),
    Metric("buildcast_spool_bytes", "gauge", "size of the collectors' spool"),
    Metric("buildcast_webhook_deliveries", "counter", "by HTTP status; 0: cut or turned away", ("status",)),
    Metric("buildcast_cve_feed_age_seconds", "gauge", "age of the newest vulnerability data"),
    Metric("buildcast_duration_predicted_seconds", "gauge", "newest forecast of a run's whole duration", ("bound",)),
    Metric("buildcast_anomalous", "gauge", "host metrics that were odd: -1 low, 0 usual again, 1 high", ("metric",)),
)  # fmt: skip


class Metrics:
    """The made metrics by name."""

    def __init__(self, made: Mapping[str, Any]) -> None:
        self._made = made
        self._series: dict[tuple[Any, ...], Any] = {}  # the library takes 2 us to find one, several times an event

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        """Raise a counter."""
        self._of(name, labels).inc(amount)

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """Put a gauge."""
        self._of(name, labels).set(value)

    def clear(self, name: str, /) -> None:
        """Forget all series of a metric with labels."""
        self._made[name].clear()
        self._series = {key: series for key, series in self._series.items() if key[0] != name}

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Add to a histogram."""
        self._of(name, labels).observe(value)

    def _of(self, name: str, labels: dict[str, str]) -> Any:
        key = (name, *labels.items())
        series = self._series.get(key)
        if series is None:
            metric = self._made[name]
            series = self._series[key] = metric.labels(**labels) if labels else metric
        return series


def create(registry: CollectorRegistry) -> Metrics:
    """All metrics on a registry."""
    made = {metric.name: _make(metric, registry) for metric in METRICS}
    for metric in METRICS:
        for value in metric.known:
            made[metric.name].labels(value)
    return Metrics(made)


def serve(registry: CollectorRegistry, port: int, host: str = "127.0.0.1") -> int:
    """Serve the registry from a thread; returns the port in use."""
    try:
        server, _thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise ConfigError(
            f"metrics cannot be served on {host}:{port} ({error.strerror}): set another port, or 0"
        ) from error
    return int(server.server_port)


def _make(metric: Metric, registry: CollectorRegistry) -> Any:
    match metric.kind:
        case "counter":
            return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
        case "gauge":
            return Gauge(metric.name, metric.meaning, metric.labels, registry=registry)
        case "histogram":
            return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)
