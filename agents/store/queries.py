"""Questions of readers: reports, the page, the API. Plain dicts out; nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store import tables

__all__ = [
    "alerts", "analysis", "anomalies", "audit_trail", "calibration", "findings", "hosts", "impacts", "last_forecast",
    "last_run_id", "model_history", "report", "run_forecasts", "runs", "training_runs", "vulnerabilities", "weights",
]  # fmt: skip

Row = dict[str, Any]


async def runs(engine: AsyncEngine, limit: int = 50, active: bool | None = None, project: str = "") -> list[Row]:
    """Runs by start, newest first, each with its newest forecast's `risk` and `remaining_seconds`, or None."""
    table, made = tables.runs, tables.predictions
    newest = [
        select(column).where(made.c.run_id == table.c.run_id).order_by(made.c.time.desc()).limit(1).scalar_subquery()
        for column in (made.c.risk, made.c.remaining_seconds)
    ]
    columns = (table, newest[0].label("risk"), newest[1].label("remaining_seconds"))
    query = select(*columns).order_by(table.c.started_at.desc()).limit(limit)
    if active is not None:
        query = query.where(table.c.outcome.is_(None) if active else table.c.outcome.is_not(None))
    if project:
        query = query.where(table.c.project == project)
    return [_decoded(row) for row in await _all(engine, query)]


async def last_run_id(engine: AsyncEngine) -> str | None:
    """The run that started last."""
    t = tables.runs
    # Two questions that an index answers; one over both times would read every run.
    started = select(t.c.run_id, t.c.started_at.label("at")).where(t.c.started_at.is_not(None))
    ended = select(t.c.run_id, t.c.finished_at.label("at")).where(
        t.c.started_at.is_(None), t.c.finished_at.is_not(None)
    )
    found = await _all(engine, started.order_by(t.c.started_at.desc()).limit(1))
    found += await _all(engine, ended.order_by(t.c.finished_at.desc()).limit(1))
    return str(max(found, key=lambda row: row["at"])["run_id"]) if found else None


async def report(engine: AsyncEngine, run_id: str) -> Row | None:
    """All that is known of a run in the report's form, or None when it is unknown."""
    found = await _all(engine, select(tables.runs).where(tables.runs.c.run_id == run_id))
    if not found:
        return None
    run = found[0]
    return {
        "run_id": run_id,
        **{name: run[name] for name in ("name", "outcome", "error_class", "started_at", "finished_at", "seconds")},
        "forecasts": await run_forecasts(engine, run_id),
        "alerts": await alerts(engine, run_id=run_id),
        "impacts": await impacts(engine, run_id),
        "analysis": await analysis(engine, run_id),
    }


async def run_forecasts(engine: AsyncEngine, run_id: str) -> list[Row]:
    """A run's forecasts in order of time, in the report's form."""
    table = tables.predictions
    query = select(table.c.body).where(table.c.run_id == run_id).order_by(table.c.time, table.c.elapsed_seconds)
    return [_forecast(msgspec.json.decode(row["body"])) for row in await _all(engine, query)]


async def last_forecast(engine: AsyncEngine, run_id: str) -> Row | None:
    """A run's newest forecast in the report's form."""
    table = tables.predictions
    query = select(table.c.body).where(table.c.run_id == run_id).order_by(table.c.time.desc()).limit(1)
    found = await _all(engine, query)
    return _forecast(msgspec.json.decode(found[0]["body"])) if found else None


async def alerts(engine: AsyncEngine, run_id: str = "", limit: int = 200, active: bool = False) -> list[Row]:
    """Alerts, newest first, with reasons and links; resolved ones with when and why."""
    table = tables.alerts
    query = select(table).where(table.c.raised_at.is_not(None)).order_by(table.c.raised_at.desc()).limit(limit)
    if run_id:
        query = query.where(table.c.run_id == run_id)
    if active:
        query = query.where(table.c.resolved_at.is_(None))
    return [_alert(row) for row in await _all(engine, query)]


async def analysis(engine: AsyncEngine, run_id: str) -> Row | None:
    """What held a run back, what would save time, and how earlier advice that it followed fared."""
    t = tables.analyses
    query = select(t.c.body).where(t.c.run_id == run_id).order_by(t.c.time.desc(), t.c.id).limit(1)
    rows = await _all(engine, query)
    told = msgspec.json.decode(rows[0]["body"]) if rows else None
    return told and {name: told.get(name, []) for name in ("held_back", "advice", "checked")}


async def impacts(engine: AsyncEngine, run_id: str, limit: int = 50) -> list[Row]:
    """Whom a run holds up, newest first: cause, delay, and each delayed one."""
    t = tables.impacts
    query = select(t.c.body).where(t.c.run_id == run_id).order_by(t.c.time.desc(), t.c.id).limit(limit)
    told = [msgspec.json.decode(row["body"]) for row in await _all(engine, query)]
    return [{name: one[name] for name in ("time", "cause", "delay_seconds", "delayed")} for one in told]


async def calibration(engine: AsyncEngine, limit: int = 5000) -> list[Row]:
    """The newest outcomes beside what was forecast: `first_risk`, `last_risk`, `outcome`, `seconds`."""
    t = tables.outcomes
    columns = (t.c.run_id, t.c.project, t.c.name, t.c.outcome, t.c.known_at, t.c.seconds, t.c.first_risk, t.c.last_risk)
    return await _all(engine, select(*columns).order_by(t.c.known_at.desc()).limit(limit))


async def weights(engine: AsyncEngine, config: str = "", limit: int = 1000) -> list[Row]:
    """Ensemble weights by model offset, newest first."""
    table = tables.ensemble_weights
    query = select(table).order_by(table.c.model_offset.desc(), table.c.member).limit(limit)
    return await _all(engine, query.where(table.c.model_config == config) if config else query)


async def hosts(engine: AsyncEngine) -> list[Row]:
    """The newest sample of each host."""
    return [
        _decoded(row) for row in await _all(engine, select(tables.host_samples).order_by(tables.host_samples.c.host))
    ]


async def anomalies(engine: AsyncEngine, host: str = "", limit: int = 200) -> list[Row]:
    """Odd host samples, newest first."""
    table = tables.anomalies
    query = select(table).order_by(table.c.time.desc()).limit(limit)
    return [_decoded(row) for row in await _all(engine, query.where(table.c.host == host) if host else query)]


async def model_history(engine: AsyncEngine, limit: int = 200) -> list[Row]:
    """Promotions and roll-backs, newest first."""
    return await _newest(engine, tables.model_versions, limit)


async def training_runs(engine: AsyncEngine, limit: int = 200) -> list[Row]:
    """Trainings, newest first."""
    t = tables.training_runs
    query = select(t).order_by(func.coalesce(t.c.finished_at, t.c.requested_at).desc()).limit(limit)
    return [_decoded(row) for row in await _all(engine, query)]


async def findings(engine: AsyncEngine, limit: int = 500) -> list[Row]:
    """Security findings, newest first."""
    return await _newest(engine, tables.findings, limit)


async def vulnerabilities(engine: AsyncEngine, limit: int = 1000) -> list[Row]:
    """Vulnerable packages that have not been cleared."""
    t = tables.vulnerabilities
    query = select(t).where(t.c.cleared.is_(False)).order_by(t.c.package, t.c.check_name).limit(limit)
    return [_decoded(row) for row in await _all(engine, query)]


async def audit_trail(engine: AsyncEngine, limit: int = 500) -> list[Row]:
    """Who did what, newest first."""
    return await _newest(engine, tables.audit, limit)


async def _newest(engine: AsyncEngine, table: Any, limit: int) -> list[Row]:
    rows = await _all(engine, select(table).order_by(table.c.time.desc(), table.c.id).limit(limit))
    return [_decoded(row) for row in rows]


async def _all(engine: AsyncEngine, query: Select[Any]) -> list[Row]:
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


def _decoded(row: Row) -> Row:
    """The row with its JSON parts parsed and its bookkeeping left out."""
    out = {name: value for name, value in row.items() if not name.endswith("version")}
    for name in ("body", "change_body"):
        if out.get(name) is not None:
            out[name] = msgspec.json.decode(out[name])
    return out


def _forecast(body: Mapping[str, Any]) -> Row:
    # Defaults are left out on the wire; the report names them all.
    defaults = {
        "stage": "", "anomaly_score": 0.0, "anomalies": [], "reasons": [], "members": {}, "weights": {}, "blame": {},
        "counterfactuals": [], "base_logit": 0.0,
    }  # fmt: skip
    names = ("id", "elapsed_seconds", "trigger", "risk", "risk_lower", "risk_upper", "confidence", "variance", "model")
    found = {name: body[name] for name in names} | {name: body.get(name, value) for name, value in defaults.items()}
    found["reasons"] = [{"feature": ""} | reason for reason in found["reasons"]]
    return {"at": body["time"], "remaining_seconds": body.get("remaining"), **found}


def _alert(row: Row) -> Row:
    body = msgspec.json.decode(row["body"])
    names = ("alert_id", "run_id", "name", "cause", "severity", "risk", "threshold", "raised_at", "resolved_at", "why")
    reasons = [{"feature": ""} | reason for reason in body.get("reasons", [])]
    return {
        "at": row["raised_at"],
        **{name: row[name] for name in names},
        "reasons": reasons,
        "links": body.get("links", {}),
    }
