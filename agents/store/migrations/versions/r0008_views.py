"""Views that stay as they are when tables change: what dashboards and people ask, columns in docs/database.md.

A later revision that alters a table under a view drops the view first and makes it anew. On a server they are read with
the reader's own rights (`SQL SECURITY INVOKER`), so they outlive the user who made them.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_RUNS = """
SELECT r.run_id, r.name, r.project, r.host, r.pipeline_id, r.branch, r.commit_id, r.started_at, r.finished_at,
       r.queued_seconds, r.seconds, r.outcome, r.exit_code, r.error_class, o.first_risk, o.last_risk,
       o.checkpoints AS forecasts
FROM runs r LEFT JOIN outcomes o ON o.run_id = r.run_id
"""
_FORECASTS = """
SELECT id, run_id, time, elapsed_seconds, trigger_kind, risk, risk_lower, risk_upper, confidence, variance,
       remaining_seconds, remaining_lower, remaining_upper, anomaly_score, model_config, model_offset
FROM predictions
"""
_ALERTS = """
SELECT a.alert_id, a.run_id, a.name, a.cause, a.severity, a.risk, a.threshold, a.raised_at, a.resolved_at, a.why,
       CASE WHEN COALESCE(v.verdict, o.outcome) IN ('failure', 'error') THEN 'right'
            WHEN COALESCE(v.verdict, o.outcome) = 'success' THEN 'wrong'
            WHEN COALESCE(v.verdict, o.outcome) IN ('flaky', 'infrastructure') THEN 'excused'
            WHEN COALESCE(v.verdict, o.outcome) = 'cancel' THEN 'unknown'
            ELSE 'pending' END AS verdict
FROM alerts a LEFT JOIN outcomes o ON o.run_id = a.run_id
     LEFT JOIN label_revisions v ON v.run_id = a.run_id AND NOT EXISTS (
         SELECT 1 FROM label_revisions n
         WHERE n.run_id = v.run_id AND (n.time > v.time OR (n.time = v.time AND n.id > v.id)))
WHERE a.raised_at IS NOT NULL
"""
_METRICS = {
    "cpu_ratio": "cpu.utilization",
    "load_ratio": "cpu.load_average.1m",
    "memory_ratio": "memory.utilization",
    "swap_ratio": "paging.utilization",
    "disk_ratio": "filesystem.utilization",
    "cpu_pressure_ratio": "pressure.cpu",
    "memory_pressure_ratio": "pressure.memory",
    "io_pressure_ratio": "pressure.io",
}
_READ = ", ".join(f"""JSON_EXTRACT(body, '$."system.{key}"') + 0.0 AS {name}""" for name, key in _METRICS.items())
_HOSTS = f"SELECT host, time, {_READ} FROM host_samples"  # noqa: S608 - constants
_DAY_NUMBER = {"sqlite": "CAST(known_at / 86400 AS INTEGER)", "mysql": "FLOOR(known_at / 86400)"}
_DAY = {
    "sqlite": "date(day_number * 86400, 'unixepoch')",
    "mysql": "CAST(DATE_ADD('1970-01-01', INTERVAL day_number DAY) AS CHAR(10))",
}
_CALIBRATION = """
SELECT {day} AS day, day_number * 86400.0 AS time, runs, failed_ratio, first_risk, last_risk, first_brier, last_brier
FROM (
    SELECT day_number, COUNT(*) AS runs, AVG(failed) AS failed_ratio, AVG(first_risk) AS first_risk,
           AVG(last_risk) AS last_risk, AVG((first_risk - failed) * (first_risk - failed)) AS first_brier,
           AVG((last_risk - failed) * (last_risk - failed)) AS last_brier
    FROM (SELECT {day_number} AS day_number, first_risk, last_risk,
                 CASE WHEN outcome = 'failure' THEN 1.0 ELSE 0.0 END AS failed
          FROM outcomes WHERE first_risk IS NOT NULL AND outcome IN ('success', 'failure')) scored
    GROUP BY day_number) days
"""
_NAMES = ("v_runs", "v_forecasts", "v_alerts", "v_hosts", "v_calibration")


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    calibration = _CALIBRATION.format(
        day=_DAY["sqlite" if sqlite else "mysql"], day_number=_DAY_NUMBER["sqlite" if sqlite else "mysql"]
    )
    secured = "" if sqlite else "SQL SECURITY INVOKER "
    for name, query in zip(_NAMES, (_RUNS, _FORECASTS, _ALERTS, _HOSTS, calibration), strict=True):
        op.execute(f"CREATE {secured}VIEW {name} AS {query}")


def downgrade() -> None:
    for name in reversed(_NAMES):
        op.execute(f"DROP VIEW {name}")
