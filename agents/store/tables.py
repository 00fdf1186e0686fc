"""The tables. Times are seconds since the epoch, ratios 0 to 1; `body` is the whole event as JSON.

A `*_version` column is time and id of the event that last wrote its group of columns, as sortable text: an older event
never overwrites a newer one, and equal histories give equal rows in whatever order they arrive.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import MEDIUMTEXT, VARCHAR

__all__ = ["APPEND_ONLY", "TABLES", "metadata"]

_NAMES = {"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
metadata = MetaData(naming_convention=_NAMES)


def _text(length: int) -> String:
    """Text compared byte by byte on every database: ids that differ in case are different ids."""
    return String(length).with_variant(VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


_ID = _text(191)
_VERSION = _text(220)
_SHORT = _text(64)
_LONG = Text().with_variant(MEDIUMTEXT(charset="utf8mb4"), "mysql", "mariadb")

runs = Table(
    "runs",
    metadata,
    Column("run_id", _ID, primary_key=True),
    Column("name", _ID, nullable=False),
    Column("project", _ID, nullable=False),
    Column("host", _ID, nullable=False),
    Column("pipeline_id", _ID, nullable=False),
    Column("branch", _ID),
    Column("commit_id", _ID),
    Column("started_at", Double),
    Column("queued_seconds", Double),
    Column("body", _LONG),
    Column("start_version", _VERSION),
    Column("outcome", _SHORT),
    Column("finished_at", Double),
    Column("seconds", Double),
    Column("exit_code", Integer),
    Column("error_class", _SHORT),
    Column("finish_version", _VERSION),
    Column("change_body", _LONG),
    Column("change_version", _VERSION),
    Index("ix_runs_started_at", "started_at"),
    Index("ix_runs_project", "project"),
)
steps = Table(
    "steps",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run_id", _ID, nullable=False, index=True),
    Column("stage", _ID, nullable=False),
    Column("position", Integer, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seconds", Double, nullable=False),
)
signals = Table(
    "signals",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run_id", _ID, nullable=False, index=True),
    Column("time", Double, nullable=False),
    Column("error_class", _SHORT, nullable=False),
    Column("stage", _ID, nullable=False),
    Column("line", _LONG, nullable=False),
    Column("count", Integer, nullable=False),
    Column("fatal", Boolean, nullable=False),
)
run_samples = Table(
    "run_samples",
    metadata,
    Column("run_id", _ID, primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),  # agents/store/thinning.py
    Column("time", Double, nullable=False, index=True),
    Column("elapsed_seconds", Double, nullable=False),
    Column("cpu_ratio", Double, nullable=False),  # of one core
    Column("rss_bytes", Double, nullable=False),
    Column("version", _VERSION, nullable=False),
)
predictions = Table(
    "predictions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run_id", _ID, nullable=False),
    Column("time", Double, nullable=False),
    Column("elapsed_seconds", Double, nullable=False),
    Column("trigger_kind", _SHORT, nullable=False),
    Column("risk", Double, nullable=False),
    Column("risk_lower", Double, nullable=False),
    Column("risk_upper", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("variance", Double, nullable=False),
    Column("remaining_seconds", Double),
    Column("remaining_lower", Double),
    Column("remaining_upper", Double),
    Column("anomaly_score", Double, nullable=False),
    Column("model_config", _ID, nullable=False),
    Column("model_offset", Integer, nullable=False),
    Column("body", _LONG, nullable=False),
    Index("ix_predictions_run_id_time", "run_id", "time"),
    Index("ix_predictions_time", "time"),
)
outcomes = Table(
    "outcomes",
    metadata,
    Column("run_id", _ID, primary_key=True),
    Column("project", _ID, nullable=False),
    Column("name", _ID, nullable=False),
    Column("outcome", _SHORT, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("known_at", Double, nullable=False),
    Column("seconds", Double),
    Column("error_class", _SHORT, nullable=False),
    Column("first_risk", Double),
    Column("last_risk", Double),
    Column("checkpoints", Integer, nullable=False),
    Column("body", _LONG, nullable=False),
    Index("ix_outcomes_known_at", "known_at"),
)
daily_outcomes = Table(
    "daily_outcomes",
    metadata,
    Column("day", _text(10), primary_key=True),  # 2026-01-31, UTC, of when the outcome became known
    Column("project", _ID, primary_key=True),
    Column("name", _ID, primary_key=True),
    Column("runs", Integer, nullable=False),
    Column("failures", Integer, nullable=False),  # failure, error, timeout
    Column("seconds", Double, nullable=False),  # summed
    Column("forecasts", Integer, nullable=False),
    Column("scored", Integer, nullable=False),  # runs with a first and a last forecast
    Column("first_squares", Double, nullable=False),  # summed squared errors: / scored is the Brier score
    Column("last_squares", Double, nullable=False),
)
label_revisions = Table(
    "label_revisions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run_id", _ID, nullable=False, index=True),
    Column("time", Double, nullable=False),
    Column("verdict", _SHORT, nullable=False),
    Column("principal", _ID, nullable=False),
    Column("note", _LONG, nullable=False),
)
alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", _ID, primary_key=True),
    Column("run_id", _ID, nullable=False, index=True),
    Column("name", _ID),
    Column("cause", _SHORT),
    Column("severity", _SHORT),
    Column("risk", Double),
    Column("threshold", Double),
    Column("raised_at", Double, index=True),
    Column("body", _LONG),
    Column("raise_version", _VERSION),
    Column("resolved_at", Double),
    Column("why", _SHORT),
    Column("resolve_version", _VERSION),
)
anomalies = Table(
    "anomalies",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("host", _ID, nullable=False, index=True),
    Column("time", Double, nullable=False),
    Column("score", Double, nullable=False),
    Column("body", _LONG, nullable=False),
)
impacts = Table(
    "impacts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run_id", _ID, nullable=False, index=True),
    Column("host", _ID, nullable=False),
    Column("pipeline_id", _ID, nullable=False),
    Column("time", Double, nullable=False, index=True),
    Column("cause", _SHORT, nullable=False),  # failed, failing, slow
    Column("delay_seconds", Double, nullable=False),
    Column("body", _LONG, nullable=False),
)
analyses = Table(
    "analyses",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run_id", _ID, nullable=False, index=True),
    Column("name", _ID, nullable=False),
    Column("project", _ID, nullable=False),
    Column("host", _ID, nullable=False),
    Column("time", Double, nullable=False, index=True),
    Column("seconds", Double, nullable=False),
    Column("saving_seconds", Double, nullable=False),  # of the best advice
    Column("body", _LONG, nullable=False),
)
host_samples = Table(
    "host_samples",
    metadata,
    Column("host", _ID, primary_key=True),
    Column("time", Double, nullable=False),
    Column("body", _LONG, nullable=False),
    Column("version", _VERSION, nullable=False),
)
pipelines = Table(
    "pipelines",
    metadata,
    Column("pipeline_id", _ID, primary_key=True),
    Column("name", _ID, nullable=False),
    Column("project", _ID, nullable=False),
    Column("started_at", Double),
    Column("body", _LONG),
    Column("start_version", _VERSION),
    Column("finished_at", Double),
    Column("outcome", _SHORT),
    Column("seconds", Double),
    Column("finish_version", _VERSION),
)
ensemble_weights = Table(
    "ensemble_weights",
    metadata,
    Column("model_config", _ID, primary_key=True),
    Column("model_offset", Integer, primary_key=True, autoincrement=False),
    Column("member", _SHORT, primary_key=True),
    Column("weight", Double, nullable=False),
    Column("time", Double, nullable=False),
)
model_versions = Table(
    "model_versions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", _SHORT, nullable=False),  # promoted, rolled-back
    Column("model", _ID, nullable=False),
    Column("config", _ID, nullable=False),
    Column("at_offset", Integer, nullable=False),
    Column("previous", _ID, nullable=False),
    Column("principal", _ID, nullable=False),
    Column("time", Double, nullable=False, index=True),
    Column("body", _LONG, nullable=False),
    Column("sha256", _SHORT),  # of definition, code and River version
    Column("code_version", _SHORT),
    Column("river_version", _SHORT),
    Column("trigger_kind", _SHORT),
    Column("training_id", _ID),
    Column("training_seconds", Double),
)
training_runs = Table(
    "training_runs",
    metadata,
    Column("training_id", _ID, primary_key=True),
    Column("model", _ID, nullable=False),
    Column("trigger_kind", _SHORT, nullable=False),
    Column("principal", _ID),
    Column("requested_at", Double),
    Column("request_version", _VERSION),
    Column("outcome", _SHORT),
    Column("finished_at", Double),
    Column("seconds", Double),
    Column("examples", Integer),
    Column("body", _LONG),
    Column("finish_version", _VERSION),
)
drift = Table(
    "drift",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("detector", _ID, nullable=False),
    Column("model", _ID, nullable=False),
    Column("at_offset", Integer, nullable=False),
    Column("time", Double, nullable=False),
    Column("body", _LONG, nullable=False),
)
findings = Table(
    "findings",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("check_name", _ID, nullable=False),
    Column("severity", _SHORT, nullable=False),
    Column("run_id", _ID, nullable=False, index=True),
    Column("host", _ID, nullable=False),
    Column("time", Double, nullable=False),
    Column("cleared", Boolean, nullable=False),
    Column("body", _LONG, nullable=False),
)
vulnerabilities = Table(
    "vulnerabilities",
    metadata,
    Column("package", _ID, primary_key=True),
    Column("check_name", _ID, primary_key=True),
    Column("severity", _SHORT, nullable=False),
    Column("time", Double, nullable=False),
    Column("cleared", Boolean, nullable=False),
    Column("body", _LONG, nullable=False),
    Column("version", _VERSION, nullable=False),
)
advisories = Table(
    "advisories",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("modified", _ID, nullable=False),
    Column("body", _LONG, nullable=False),
)
advisory_products = Table(
    "advisory_products",
    metadata,
    Column("product", _ID, primary_key=True),
    Column("advisory_id", _ID, primary_key=True),
)
feed_positions = Table(
    "feed_positions",
    metadata,
    Column("feed", _ID, primary_key=True),
    Column("body", _LONG, nullable=False),
    Column("version", _VERSION, nullable=False),
)
audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("time", Double, nullable=False, index=True),
    Column("principal", _ID, nullable=False),
    Column("action", _SHORT, nullable=False),
    Column("subject", _ID, nullable=False),
    Column("body", _LONG, nullable=False),
    Column("before_value", _LONG),
    Column("after_value", _LONG),
)

# What the API and the page ask for: running runs, pages by time, alerts' marks in the audit trail, failures like a run.
Index("ix_runs_finished_at", runs.c.finished_at, runs.c.started_at)
Index("ix_runs_project_started_at", runs.c.project, runs.c.started_at)
Index("ix_audit_subject", audit.c.subject, audit.c.time)
Index("ix_audit_action", audit.c.action, audit.c.time)
Index("ix_outcomes_project", outcomes.c.project, outcomes.c.name, outcomes.c.known_at)
Index("ix_anomalies_time", anomalies.c.time)
Index("ix_analyses_project", analyses.c.project, analyses.c.time)
Index("ix_vulnerabilities_cleared", vulnerabilities.c.cleared)
Index("ix_findings_time", findings.c.time)
Index("ix_label_revisions_time", label_revisions.c.time)
Index("ix_ensemble_weights_time", ensemble_weights.c.time)
Index("ix_drift_time", drift.c.time)
Index("ix_steps_started_at", steps.c.started_at)
Index("ix_signals_time", signals.c.time)

TABLES: dict[str, Table] = dict(metadata.tables)
APPEND_ONLY = frozenset({"audit"})
"""Tables whose rows nobody may change: the sink's user has no right to (agents/store/users.py)."""
