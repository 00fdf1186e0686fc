"""What the database holds of a period, for the summary: counts, outcomes with forecasts, alerts with how they ended."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, desc, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store import tables

__all__ = ["alerts", "counts", "moves", "open_findings", "outcomes"]

Row = dict[str, Any]
_COUNTED = (
    ("runs", tables.runs.c.started_at),
    ("runs with an outcome", tables.outcomes.c.known_at),
    ("forecasts", tables.predictions.c.time),
    ("steps", tables.steps.c.started_at),
    ("log signals", tables.signals.c.time),
    ("host anomalies", tables.anomalies.c.time),
    ("alerts", tables.alerts.c.raised_at),
    ("restated labels", tables.label_revisions.c.time),
    ("runs that hold others up", tables.impacts.c.time),
    ("runs analysed", tables.analyses.c.time),
    ("security findings", tables.findings.c.time),
    ("changes by people", tables.audit.c.time),
)


async def counts(engine: AsyncEngine, since: float, until: float) -> dict[str, int]:
    """Rows of the period by what they are."""
    async with engine.connect() as connection:
        return {
            name: int(
                await connection.scalar(
                    select(func.count()).select_from(column.table).where(column >= since, column < until)
                )
                or 0
            )
            for name, column in _COUNTED
        }


async def outcomes(engine: AsyncEngine, since: float, until: float, before: int, most: int) -> list[Row]:
    """Outcomes up to `until`, oldest first: those of the period (at most `most`), and up to `before` earlier ones."""
    t = tables.outcomes
    columns = (t.c.run_id, t.c.project, t.c.outcome, t.c.known_at, t.c.seconds, t.c.first_risk, t.c.last_risk, t.c.body)
    order = (t.c.known_at.desc(), t.c.run_id)
    within = select(*columns).where(t.c.known_at >= since, t.c.known_at < until).order_by(*order).limit(most)
    earlier = select(*columns).where(t.c.known_at < since).order_by(*order).limit(before)
    found = await _all(engine, within) + await _all(engine, earlier)
    return found[::-1]


async def alerts(engine: AsyncEngine, since: float, until: float, most: int) -> list[Row]:
    """Alerts raised in the period, oldest first, with their run's times, outcome and the last verdict on it."""
    t, o, r = tables.alerts, tables.outcomes, tables.label_revisions
    verdict = select(r.c.verdict).where(r.c.run_id == t.c.run_id).order_by(r.c.time.desc()).limit(1).scalar_subquery()
    query = (
        select(
            t.c.alert_id,
            t.c.run_id,
            t.c.severity,
            t.c.raised_at,
            o.c.outcome,
            o.c.started_at,
            o.c.known_at,
            verdict.label("verdict"),
        )
        .outerjoin(o, o.c.run_id == t.c.run_id)
        .where(and_(t.c.raised_at >= since, t.c.raised_at < until))
        .order_by(t.c.raised_at, t.c.alert_id)
        .limit(most)
    )
    return await _all(engine, query)


async def moves(engine: AsyncEngine, since: float, until: float, most: int = 50) -> list[Row]:
    """The newest promotions, roll-backs, trainings and drift, oldest first: `time`, `what`, `which`, `why`."""
    m, g, d = tables.model_versions, tables.training_runs, tables.drift
    asked = (
        select(m.c.time, m.c.kind.label("what"), m.c.config.label("which"), m.c.principal.label("why")).where(
            m.c.time >= since, m.c.time < until
        ),
        select(
            g.c.finished_at.label("time"), ("training " + func.coalesce(g.c.outcome, "")).label("what"),
            g.c.training_id.label("which"), g.c.trigger_kind.label("why"),
        ).where(g.c.finished_at >= since, g.c.finished_at < until),
    )  # fmt: skip
    rows = [row for query in asked for row in await _all(engine, query.order_by(desc("time")).limit(most))]
    drifted = select(d.c.time, d.c.detector, d.c.model).where(d.c.time >= since, d.c.time < until)
    rows += [
        {"time": row["time"], "what": "drift", "which": row["model"], "why": row["detector"]}
        for row in await _all(engine, drifted.order_by(d.c.time.desc()).limit(most))
    ]
    return sorted(rows, key=lambda row: (row["time"], row["what"], row["which"]))[-most:]


async def open_findings(engine: AsyncEngine) -> dict[str, dict[str, int]]:
    """What is not cleared now, by kind and severity. A finding counts by what was last said of it."""
    v, f = tables.vulnerabilities, tables.findings
    open_ = select(v.c.severity, func.count().label("count")).where(v.c.cleared.is_(False)).group_by(v.c.severity)
    newest = (
        select(f.c.check_name, f.c.host, func.max(f.c.time).label("time")).group_by(f.c.check_name, f.c.host).subquery()
    )
    same = and_(f.c.check_name == newest.c.check_name, f.c.host == newest.c.host, f.c.time == newest.c.time)
    weak = (
        select(f.c.severity, func.count().label("count")).join(newest, same).where(f.c.cleared.is_(False))
    ).group_by(f.c.severity)
    return {
        "vulnerable packages": {row["severity"]: row["count"] for row in await _all(engine, open_)},
        "weaknesses of hosts": {row["severity"]: row["count"] for row in await _all(engine, weak)},
    }


async def _all(engine: AsyncEngine, query: Any) -> list[Row]:
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]
