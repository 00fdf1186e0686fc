"""Makes the dashboards' JSON: `python deploy/grafana/generate.py` writes deploy/grafana/dashboards/*.json.

Dashboards are written here, as rows of panels, and committed as JSON; a test holds the two equal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from grafana_foundation_sdk.builders import bargauge, heatmap, stat, table, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

__all__ = ["DASHBOARDS", "dashboard_json", "queries"]

Look = Literal["lines", "number", "bars", "heat", "table"]
_SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
_BUILDERS = {
    "lines": timeseries.Panel,
    "number": stat.Panel,
    "bars": bargauge.Panel,
    "heat": heatmap.Panel,
    "table": table.Panel,
}
_WIDTH, _HEIGHT = 24, 8


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


def _quantile(quantile: float, metric: str, keep: str = "") -> str:
    by = f"le, {keep}" if keep else "le"
    return f"histogram_quantile({quantile}, sum by ({by}) (rate({metric}_bucket[15m])))"


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


def dashboard_json(board: Board) -> str:
    """A board as Grafana's JSON, the same text every time."""
    built = (
        Dashboard(board.title)
        .uid(board.uid)
        .tags(["buildcast"])
        .timezone("browser")
        .readonly()
        .refresh("10s")
        .time("now-6h", "now")
        .with_variable(DatasourceVariable("source").label("Source").type("prometheus"))
    )
    top, ids = 0, count(1)
    for title, panels in board.rows:
        built = built.with_row(Row(title).id(next(ids)).grid_pos(GridPos(h=1, w=_WIDTH, x=0, y=top)))
        top += 1
        for panel, place in _laid_out(panels, top):
            built = built.with_panel(_panel(panel, place).id(next(ids)))
            top = max(top, place.y + place.h)
    return json.dumps(built.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def queries(board: Board) -> list[str]:
    """Every PromQL expression of a board."""
    return [ask for _, panels in board.rows for panel in panels for ask, _ in panel.asks]


def _laid_out(panels: Sequence[Panel], top: int) -> list[tuple[Panel, GridPos]]:
    places, x, y = [], 0, top
    for panel in panels:
        height = 4 if panel.look == "number" else _HEIGHT
        if x + panel.width > _WIDTH:
            x, y = 0, y + height
        places.append((panel, GridPos(h=height, w=panel.width, x=x, y=y)))
        x += panel.width
    return places


def _panel(panel: Panel, place: GridPos):  # type: ignore[no-untyped-def]  # one of five builders
    built = _BUILDERS[panel.look]().title(panel.title).description(panel.meaning).datasource(_SOURCE)
    built = built.unit(panel.unit).grid_pos(place)
    if panel.look == "lines":
        built = built.legend(VizLegendOptions().show_legend(True).placement(LegendPlacement.BOTTOM))
    if panel.look == "table":
        built = built.show_header(True)
    if panel.look == "heat":
        built = built.calculate(False)
    if panel.look in ("number", "bars"):
        built = built.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    for number, (ask, legend) in enumerate(panel.asks):
        built = built.with_target(_query(panel, ask, legend, chr(ord("A") + number)))
    return built


def _query(panel: Panel, ask: str, legend: str, name: str) -> Dataquery:
    query = Dataquery().expr(ask).legend_format(legend or "__auto").ref_id(name)
    if panel.look == "table":
        return query.instant().format(PromQueryFormat.TABLE)
    return query.range().format(PromQueryFormat.HEATMAP if panel.look == "heat" else PromQueryFormat.TIME_SERIES)


def main() -> None:
    folder = Path(__file__).parent / "dashboards"
    for board in DASHBOARDS:
        (folder / f"{board.uid}.json").write_text(dashboard_json(board))
        print(f"wrote {board.uid}.json")


if __name__ == "__main__":
    main()
