"""What the dashboards show: boards of rows of panels, each a question in PromQL (generate.py makes Grafana's JSON)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DASHBOARDS", "Board", "Look", "Panel"]

Look = Literal["lines", "number", "bars", "heat", "table"]


@dataclass(frozen=True)
class Panel:
    """A question with its answers: `asks` are pairs of PromQL and legend. Units are Grafana's names."""

    title: str
    asks: tuple[tuple[str, str], ...]
    unit: str = "short"
    look: Look = "lines"
    meaning: str = ""
    width: int = 8


@dataclass(frozen=True)
class Board:
    uid: str
    title: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]


def _lag(job: str) -> str:
    return f'histogram_quantile(0.95, sum by (le) (rate(buildcast_event_lag_seconds_bucket{{job="{job}"}}[5m])))'


def _quantile(quantile: float, metric: str) -> str:
    return f"histogram_quantile({quantile}, sum by (le) (rate({metric}_bucket[15m])))"


_FLEET = Board(
    "buildcast-fleet",
    "Buildcast: fleet",
    (
        (
            "Now",
            (
                Panel("Runs in progress", (("sum(cicd_pipeline_run_active)", ""),), look="number", width=4),
                Panel("Build hosts", (("sum(cicd_worker_count)", ""),), look="number", width=4),
                Panel(
                    "Failed, last hour",
                    (("site:cicd_pipeline_run_failures:ratio1h", ""),),
                    "percentunit",
                    "number",
                    width=4,
                ),
                Panel("Runs without an end yet", (("sum(buildcast_labels_pending)", ""),), look="number", width=4),
                Panel(
                    "Alerts raised, last day",
                    (('sum(increase(buildcast_alerts_total{verdict="raised"}[1d]))', ""),),
                    look="number",
                    width=4,
                ),
                Panel("Build time saved", (("sum(buildcast_saved_seconds_total)", ""),), "s", "number", width=4),
            ),
        ),
        (
            "Outcomes",
            (
                Panel(
                    "Finished runs an hour",
                    (("sum by (result) (increase(cicd_pipeline_run_duration_seconds_count[1h]))", "{{result}}"),),
                ),
                Panel(
                    "What runs fail of, an hour",
                    (("sum by (error_type) (increase(cicd_pipeline_run_errors_total[1h]))", "{{error_type}}"),),
                ),
                Panel(
                    "Alerts an hour",
                    (
                        (
                            "sum by (severity, verdict) (increase(buildcast_alerts_total[1h]))",
                            "{{severity}} {{verdict}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)

_RUN = Board(
    "buildcast-run",
    "Buildcast: runs",
    (
        (
            "How long",
            (
                Panel(
                    "Durations of finished runs",
                    tuple((_quantile(q, "cicd_pipeline_run_duration_seconds"), f"{q:.0%}") for q in (0.5, 0.9, 0.99)),
                    "s",
                ),
                Panel(
                    "Newest duration forecast",
                    (("buildcast_duration_predicted_seconds", "{{bound}}"),),
                    "s",
                    meaning="The newest run's forecast with its 95 % interval; single runs are on the live page.",
                ),
                Panel(
                    "From start to label",
                    ((_quantile(0.5, "buildcast_label_delay_seconds"), "median"),),
                    "s",
                ),
            ),
        ),
        (
            "How risky",
            (
                Panel(
                    "Risks forecast",
                    (("sum by (le) (increase(buildcast_risk_ratio_bucket[$__rate_interval]))", "{{le}}"),),
                    look="heat",
                    width=12,
                ),
                Panel(
                    "Forecasts a second",
                    (("sum by (target, role) (rate(buildcast_predictions_total[5m]))", "{{target}} {{role}}"),),
                    "ops",
                    width=12,
                ),
            ),
        ),
    ),
)

_MODELS = Board(
    "buildcast-models",
    "Buildcast: models",
    (
        (
            "Served forecasts against what happened",
            (
                Panel("Log loss", (("buildcast_log_loss", "{{model}} {{instance}}"),), meaning="Lower is better."),
                Panel(
                    "Brier score", (("buildcast_brier_score", "{{model}} {{instance}}"),), meaning="Lower is better."
                ),
                Panel(
                    "Calibration error",
                    (("buildcast_calibration_error_ratio", "{{model}} {{instance}}"),),
                    "percentunit",
                    meaning="How far said risks are from seen failure rates, 15 bins.",
                ),
            ),
        ),
        (
            "Intervals",
            (
                Panel(
                    "Coverage",
                    (("buildcast_interval_coverage_ratio", "{{target}} {{level}}"),),
                    "percentunit",
                    meaning="Outcomes within the interval; 95 % should hold 95 %.",
                    width=12,
                ),
                Panel("Width", (("buildcast_interval_width_seconds", "{{instance}}"),), "s", width=12),
            ),
        ),
        (
            "Lifecycle",
            (
                Panel("Models that serve", (("buildcast_model_info == 1", ""),), look="table"),
                Panel("Examples folded", (("buildcast_model_examples_offset", "{{instance}}"),)),
                Panel("Drift", (("sum by (detector) (increase(buildcast_drift_events_total[1h]))", "{{detector}}"),)),
            ),
        ),
    ),
)

_PIPELINE = Board(
    "buildcast-pipeline",
    "Buildcast: pipeline",
    (
        (
            "Flow",
            (
                Panel(
                    "Records consumed", (("job_topic:buildcast_events_consumed:rate5m", "{{job}} {{topic}}"),), "ops"
                ),
                Panel("Records waiting", (("topic:buildcast_consumer_lag_records:sum", "{{topic}}"),)),
                Panel(
                    "Refused to dead letters",
                    (("job_topic:buildcast_events_rejected:rate5m", "{{job}} {{topic}}"),),
                    "ops",
                ),
            ),
        ),
        (
            "Time",
            (
                Panel("Event lag, 95 %", ((_lag("worker"), "worker"), (_lag("sink"), "sink")), "s"),
                Panel(
                    "Scoring, 50 and 99 %",
                    tuple((_quantile(q, "buildcast_scoring_duration_seconds"), f"{q:.0%}") for q in (0.5, 0.99)),
                    "s",
                ),
                Panel(
                    "Seen again after a restart",
                    (("sum by (topic) (rate(buildcast_events_skipped_total[5m]))", "{{topic}}"),),
                    "ops",
                ),
            ),
        ),
        (
            "Keeping",
            (
                Panel("Rows written", (("sum(rate(buildcast_rows_written_total[5m]))", "rows"),), "ops"),
                Panel("Waits for the database", (("sum(increase(buildcast_database_waits_total[5m]))", "waits"),)),
                Panel(
                    "Snapshot age", (("time() - buildcast_snapshot_timestamp_seconds", "{{instance}} {{kind}}"),), "s"
                ),
                Panel("Snapshot size", (("buildcast_snapshot_bytes", "{{instance}} {{kind}}"),), "bytes"),
                Panel("Not kept", (("sum by (class) (increase(buildcast_dropped_total[15m]))", "{{class}}"),)),
                Panel(
                    "Own errors", (("sum by (component) (increase(cicd_system_errors_total[15m]))", "{{component}}"),)
                ),
            ),
        ),
        (
            "API",
            (
                Panel(
                    "Answers by status",
                    (("sum by (code) (rate(buildcast_api_requests_total[5m]))", "{{code}}"),),
                    "ops",
                ),
                Panel(
                    "Time to an answer",
                    tuple((_quantile(q, "buildcast_api_request_duration_seconds"), f"{q:.0%}") for q in (0.5, 0.95)),
                    "s",
                ),
                Panel("Readers of the live page", (("sum(buildcast_api_listeners)", "readers"),)),
            ),
        ),
    ),
)

_HOST = Board(
    "buildcast-host",
    "Buildcast: hosts",
    (
        (
            "Odd",
            (
                Panel(
                    "Odd host metrics",
                    (("buildcast_anomalous", "{{metric}}"),),
                    meaning="-1 a dip, 0 as usual, 1 a spike.",
                    width=12,
                ),
                Panel("Build hosts", (("cicd_worker_count", "{{instance}}"),), width=12),
            ),
        ),
        (
            "Collectors",
            (
                Panel("Spool", (("buildcast_spool_bytes", "{{instance}}"),), "bytes", width=12),
                Panel(
                    "Age of vulnerability data",
                    (("buildcast_cve_feed_age_seconds", "{{instance}}"),),
                    "s",
                    width=12,
                    meaning="0 where no feed has been read.",
                ),
            ),
        ),
    ),
)

DASHBOARDS: tuple[Board, ...] = (_FLEET, _RUN, _MODELS, _PIPELINE, _HOST)
