"""The first schema: runs, what happened in them, what was forecast, what was learned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def _long() -> sa.Text:
    return sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4"), "mysql", "mariadb")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "alerts",
        sa.Column("alert_id", _text(191), nullable=False),
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("name", _text(191), nullable=True),
        sa.Column("cause", _text(64), nullable=True),
        sa.Column("severity", _text(64), nullable=True),
        sa.Column("risk", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("raised_at", sa.Double(), nullable=True),
        sa.Column("body", _long(), nullable=True),
        sa.Column("raise_version", _text(220), nullable=True),
        sa.Column("resolved_at", sa.Double(), nullable=True),
        sa.Column("why", _text(64), nullable=True),
        sa.Column("resolve_version", _text(220), nullable=True),
        sa.PrimaryKeyConstraint("alert_id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_raised_at", "alerts", ["raised_at"], unique=False)
    op.create_index("ix_alerts_run_id", "alerts", ["run_id"], unique=False)
    op.create_table(
        "anomalies",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("host", _text(191), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_anomalies"),
    )
    op.create_index("ix_anomalies_host", "anomalies", ["host"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("principal", _text(191), nullable=False),
        sa.Column("action", _text(64), nullable=False),
        sa.Column("subject", _text(191), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_time", "audit", ["time"], unique=False)
    op.create_table(
        "drift",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("detector", _text(191), nullable=False),
        sa.Column("model", _text(191), nullable=False),
        sa.Column("at_offset", sa.Integer(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drift"),
    )
    op.create_table(
        "ensemble_weights",
        sa.Column("model_config", _text(191), nullable=False),
        sa.Column("model_offset", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member", _text(64), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("model_config", "model_offset", "member", name="pk_ensemble_weights"),
    )
    op.create_table(
        "findings",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("check_name", _text(191), nullable=False),
        sa.Column("severity", _text(64), nullable=False),
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("host", _text(191), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
    )
    op.create_index("ix_findings_run_id", "findings", ["run_id"], unique=False)
    op.create_table(
        "host_samples",
        sa.Column("host", _text(191), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.Column("version", _text(220), nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_host_samples"),
    )
    op.create_table(
        "label_revisions",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("verdict", _text(64), nullable=False),
        sa.Column("principal", _text(191), nullable=False),
        sa.Column("note", _long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_label_revisions"),
    )
    op.create_index("ix_label_revisions_run_id", "label_revisions", ["run_id"], unique=False)
    op.create_table(
        "model_versions",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("kind", _text(64), nullable=False),
        sa.Column("model", _text(191), nullable=False),
        sa.Column("config", _text(191), nullable=False),
        sa.Column("at_offset", sa.Integer(), nullable=False),
        sa.Column("previous", _text(191), nullable=False),
        sa.Column("principal", _text(191), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_model_versions"),
    )
    op.create_index("ix_model_versions_time", "model_versions", ["time"], unique=False)
    op.create_table(
        "outcomes",
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("project", _text(191), nullable=False),
        sa.Column("name", _text(191), nullable=False),
        sa.Column("outcome", _text(64), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("known_at", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("error_class", _text(64), nullable=False),
        sa.Column("first_risk", sa.Double(), nullable=True),
        sa.Column("last_risk", sa.Double(), nullable=True),
        sa.Column("checkpoints", sa.Integer(), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_outcomes"),
    )
    op.create_index("ix_outcomes_known_at", "outcomes", ["known_at"], unique=False)
    op.create_table(
        "pipelines",
        sa.Column("pipeline_id", _text(191), nullable=False),
        sa.Column("name", _text(191), nullable=False),
        sa.Column("project", _text(191), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("body", _long(), nullable=True),
        sa.Column("start_version", _text(220), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("outcome", _text(64), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("finish_version", _text(220), nullable=True),
        sa.PrimaryKeyConstraint("pipeline_id", name="pk_pipelines"),
    )
    op.create_table(
        "predictions",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("elapsed_seconds", sa.Double(), nullable=False),
        sa.Column("trigger_kind", _text(64), nullable=False),
        sa.Column("risk", sa.Double(), nullable=False),
        sa.Column("risk_lower", sa.Double(), nullable=False),
        sa.Column("risk_upper", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("variance", sa.Double(), nullable=False),
        sa.Column("remaining_seconds", sa.Double(), nullable=True),
        sa.Column("remaining_lower", sa.Double(), nullable=True),
        sa.Column("remaining_upper", sa.Double(), nullable=True),
        sa.Column("anomaly_score", sa.Double(), nullable=False),
        sa.Column("model_config", _text(191), nullable=False),
        sa.Column("model_offset", sa.Integer(), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_predictions"),
    )
    op.create_index("ix_predictions_run_id_time", "predictions", ["run_id", "time"], unique=False)
    op.create_index("ix_predictions_time", "predictions", ["time"], unique=False)
    op.create_table(
        "runs",
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("name", _text(191), nullable=False),
        sa.Column("project", _text(191), nullable=False),
        sa.Column("host", _text(191), nullable=False),
        sa.Column("pipeline_id", _text(191), nullable=False),
        sa.Column("branch", _text(191), nullable=True),
        sa.Column("commit_id", _text(191), nullable=True),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("queued_seconds", sa.Double(), nullable=True),
        sa.Column("body", _long(), nullable=True),
        sa.Column("start_version", _text(220), nullable=True),
        sa.Column("outcome", _text(64), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("error_class", _text(64), nullable=True),
        sa.Column("finish_version", _text(220), nullable=True),
        sa.Column("change_body", _long(), nullable=True),
        sa.Column("change_version", _text(220), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_project", "runs", ["project"], unique=False)
    op.create_index("ix_runs_started_at", "runs", ["started_at"], unique=False)
    op.create_table(
        "signals",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("error_class", _text(64), nullable=False),
        sa.Column("stage", _text(191), nullable=False),
        sa.Column("line", _long(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("fatal", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signals"),
    )
    op.create_index("ix_signals_run_id", "signals", ["run_id"], unique=False)
    op.create_table(
        "steps",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("stage", _text(191), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
    )
    op.create_index("ix_steps_run_id", "steps", ["run_id"], unique=False)
    op.create_table(
        "training_runs",
        sa.Column("training_id", _text(191), nullable=False),
        sa.Column("model", _text(191), nullable=False),
        sa.Column("trigger_kind", _text(64), nullable=False),
        sa.Column("principal", _text(191), nullable=True),
        sa.Column("requested_at", sa.Double(), nullable=True),
        sa.Column("request_version", _text(220), nullable=True),
        sa.Column("outcome", _text(64), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("examples", sa.Integer(), nullable=True),
        sa.Column("body", _long(), nullable=True),
        sa.Column("finish_version", _text(220), nullable=True),
        sa.PrimaryKeyConstraint("training_id", name="pk_training_runs"),
    )
    op.create_table(
        "vulnerabilities",
        sa.Column("package", _text(191), nullable=False),
        sa.Column("check_name", _text(191), nullable=False),
        sa.Column("severity", _text(64), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.Column("version", _text(220), nullable=False),
        sa.PrimaryKeyConstraint("package", "check_name", name="pk_vulnerabilities"),
    )
    # ### end Alembic commands ###


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("vulnerabilities")
    op.drop_table("training_runs")
    op.drop_index("ix_steps_run_id", table_name="steps")
    op.drop_table("steps")
    op.drop_index("ix_signals_run_id", table_name="signals")
    op.drop_table("signals")
    op.drop_index("ix_runs_started_at", table_name="runs")
    op.drop_index("ix_runs_project", table_name="runs")
    op.drop_table("runs")
    op.drop_index("ix_predictions_time", table_name="predictions")
    op.drop_index("ix_predictions_run_id_time", table_name="predictions")
    op.drop_table("predictions")
    op.drop_table("pipelines")
    op.drop_index("ix_outcomes_known_at", table_name="outcomes")
    op.drop_table("outcomes")
    op.drop_index("ix_model_versions_time", table_name="model_versions")
    op.drop_table("model_versions")
    op.drop_index("ix_label_revisions_run_id", table_name="label_revisions")
    op.drop_table("label_revisions")
    op.drop_table("host_samples")
    op.drop_index("ix_findings_run_id", table_name="findings")
    op.drop_table("findings")
    op.drop_table("ensemble_weights")
    op.drop_table("drift")
    op.drop_index("ix_audit_time", table_name="audit")
    op.drop_table("audit")
    op.drop_index("ix_anomalies_host", table_name="anomalies")
    op.drop_table("anomalies")
    op.drop_index("ix_alerts_run_id", table_name="alerts")
    op.drop_index("ix_alerts_raised_at", table_name="alerts")
    op.drop_table("alerts")
    # ### end Alembic commands ###
