"""What the API asks: pages by key (newest first), one run's whole picture, the newest of what is followed live.

Every query is bounded and goes by an index; JSON bodies are handed on as they are stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store import tables
from agents.store.thinning import SLOTS
from streams.events import AlertRaised, AnomalyDetected, ForecastMade

__all__ = ["Reads", "RunFilter"]

Row = dict[str, Any]
Cursor = tuple[float, str]
_forecasts = msgspec.json.Decoder(ForecastMade)
_alerts = msgspec.json.Decoder(AlertRaised)
_anomalies = msgspec.json.Decoder(AnomalyDetected)
_CURVE = ("time", "elapsed_seconds", "trigger_kind", "risk", "risk_lower", "risk_upper", "remaining_seconds",
          "remaining_lower", "remaining_upper")  # fmt: skip
_RUN = ("run_id", "name", "project", "host", "pipeline_id", "branch", "commit_id", "started_at", "queued_seconds",
        "outcome", "finished_at", "seconds", "exit_code", "error_class")  # fmt: skip


@dataclass(frozen=True)
class RunFilter:
    """Which runs; empty text means all. `active` is None for both, `since` the earliest start."""

    active: bool | None = None
    project: str = ""
    name: str = ""
    host: str = ""
    outcome: str = ""
    since: float | None = None


class Reads:
    """Questions over one engine. Nothing here writes."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def runs(self, wanted: RunFilter, limit: int, after: Cursor | None = None) -> list[Row]:
        """Runs that have started, newest first, with the first risk that was told of those that were scored."""
        t, o = tables.runs, tables.outcomes
        query = select(*(t.c[name] for name in _RUN), o.c.first_risk).where(t.c.started_at.is_not(None))
        query = query.outerjoin(o, o.c.run_id == t.c.run_id)
        for name in ("project", "name", "host", "outcome"):
            if value := getattr(wanted, name):
                query = query.where(t.c[name] == value)
        if wanted.active is not None:
            query = query.where(t.c.finished_at.is_(None) if wanted.active else t.c.finished_at.is_not(None))
        if wanted.since is not None:
            query = query.where(t.c.started_at >= wanted.since)
        return await self._all(_paged(query, t.c.started_at, t.c.run_id, limit, after))

    async def run(self, run_id: str) -> Row | None:
        """One run with what was known at its start (`run`) and its change (`change`)."""
        found = await self._all(select(tables.runs).where(tables.runs.c.run_id == run_id))
        if not found:
            return None
        row = found[0]
        return {name: row[name] for name in _RUN} | {"run": _raw(row["body"]), "change": _raw(row["change_body"])}

    async def curve(self, run_id: str, limit: int) -> list[Row]:
        """The newest forecasts of a run in order of time, as numbers."""
        t = tables.predictions
        query = select(*(t.c[name] for name in _CURVE)).where(t.c.run_id == run_id)
        return (await self._all(query.order_by(t.c.time.desc(), t.c.id.desc()).limit(limit)))[::-1]

    async def last_forecast(self, run_id: str) -> ForecastMade | None:
        """The newest forecast of a run."""
        t = tables.predictions
        query = select(t.c.body).where(t.c.run_id == run_id).order_by(t.c.time.desc(), t.c.id.desc()).limit(1)
        found = await self._all(query)
        return _forecasts.decode(found[0]["body"]) if found else None

    async def forecasts_since(self, time: float, limit: int) -> list[ForecastMade]:
        """Forecasts made from a time on, oldest first."""
        t = tables.predictions
        query = select(t.c.body).where(t.c.time >= time).order_by(t.c.time.desc()).limit(limit)
        return [_forecasts.decode(row["body"]) for row in await self._all(query)][::-1]

    async def alerts_since(self, time: float, limit: int) -> list[AlertRaised]:
        """Alerts raised from a time on, oldest first."""
        t = tables.alerts
        query = select(t.c.body).where(t.c.raised_at >= time).order_by(t.c.raised_at.desc()).limit(limit)
        return [_alerts.decode(row["body"]) for row in await self._all(query)][::-1]

    async def anomalies_since(self, time: float, limit: int) -> list[AnomalyDetected]:
        """Host anomalies from a time on, oldest first."""
        t = tables.anomalies
        query = select(t.c.body).where(t.c.time >= time).order_by(t.c.time.desc()).limit(limit)
        return [_anomalies.decode(row["body"]) for row in await self._all(query)][::-1]

    async def resolved(self, alert_ids: Sequence[str]) -> list[Row]:
        """Which of these alerts are resolved, when and why."""
        t = tables.alerts
        query = select(t.c.alert_id, t.c.run_id, t.c.resolved_at, t.c.why).where(
            t.c.alert_id.in_(alert_ids), t.c.resolved_at.is_not(None)
        )
        return await self._all(query) if alert_ids else []

    async def finished(self, run_ids: Sequence[str]) -> list[Row]:
        """Which of these runs have ended, and how."""
        t = tables.runs
        query = select(*(t.c[name] for name in _RUN)).where(t.c.run_id.in_(run_ids), t.c.finished_at.is_not(None))
        return await self._all(query) if run_ids else []

    async def steps(self, run_id: str) -> list[Row]:
        """Stages of a run in order."""
        t = tables.steps
        query = select(t.c.stage, t.c.position, t.c.started_at, t.c.seconds).where(t.c.run_id == run_id)
        return await self._all(query.order_by(t.c.started_at, t.c.position).limit(500))

    async def signals(self, run_id: str, limit: int = 200) -> list[Row]:
        """The last log signals of a run in order."""
        t = tables.signals
        query = select(t.c.time, t.c.error_class, t.c.stage, t.c.line, t.c.count, t.c.fatal)
        query = query.where(t.c.run_id == run_id).order_by(t.c.time.desc(), t.c.id).limit(limit)
        return (await self._all(query))[::-1]

    async def samples(self, run_id: str) -> list[Row]:
        """What a run's process tree used over time: cores and bytes, thinned to at most a fixed number of points."""
        t = tables.run_samples
        query = select(t.c.elapsed_seconds, t.c.cpu_ratio, t.c.rss_bytes).where(t.c.run_id == run_id)
        return await self._all(query.order_by(t.c.elapsed_seconds).limit(SLOTS))

    async def similar_failures(self, project: str, name: str, run_id: str, limit: int = 5) -> list[Row]:
        """The latest failures of the same work, with their class of error and what was told last."""
        t = tables.outcomes
        columns = (t.c.run_id, t.c.outcome, t.c.started_at, t.c.seconds, t.c.error_class, t.c.last_risk)
        query = select(*columns).where(
            t.c.project == project, t.c.name == name, t.c.outcome.in_(("failure", "error")), t.c.run_id != run_id
        )
        return await self._all(query.order_by(t.c.known_at.desc()).limit(limit))

    async def outcome(self, run_id: str) -> Row | None:
        """What a finished run became, with its example."""
        t = tables.outcomes
        found = await self._all(select(t).where(t.c.run_id == run_id))
        return found[0] | {"body": _raw(found[0]["body"])} if found else None

    async def revisions(self, run_id: str) -> list[Row]:
        """Verdicts on a run, oldest first."""
        t = tables.label_revisions
        query = select(t.c.id, t.c.time, t.c.verdict, t.c.principal, t.c.note).where(t.c.run_id == run_id)
        return await self._all(query.order_by(t.c.time, t.c.id).limit(100))

    async def labels(self, limit: int, after: Cursor | None = None) -> list[Row]:
        """Verdicts on all runs, newest first."""
        t = tables.label_revisions
        return await self._all(_paged(select(t), t.c.time, t.c.id, limit, after))

    async def alerts(
        self, limit: int, after: Cursor | None = None, active: bool | None = None, run_id: str = ""
    ) -> list[Row]:
        """Alerts, newest first, with how their run ended (`outcome`), so that right and wrong can be told."""
        t, o, r = tables.alerts, tables.outcomes, tables.label_revisions
        verdict = (
            select(r.c.verdict).where(r.c.run_id == t.c.run_id).order_by(r.c.time.desc()).limit(1).scalar_subquery()
        )
        columns = [column for column in t.c if not column.name.endswith("version")]
        query = select(*columns, o.c.outcome, verdict.label("verdict"))
        query = query.outerjoin(o, o.c.run_id == t.c.run_id).where(t.c.raised_at.is_not(None))
        if active is not None:
            query = query.where(t.c.resolved_at.is_(None) if active else t.c.resolved_at.is_not(None))
        if run_id:
            query = query.where(t.c.run_id == run_id)
        return [
            row | {"body": _raw(row["body"])}
            for row in await self._all(_paged(query, t.c.raised_at, t.c.alert_id, limit, after))
        ]

    async def alert(self, alert_id: str) -> Row | None:
        """One alert."""
        t = tables.alerts
        found = await self._all(select(t.c.alert_id, t.c.run_id, t.c.name).where(t.c.alert_id == alert_id))
        return found[0] if found else None

    async def hosts(self) -> list[Row]:
        """The newest sample of each host."""
        t = tables.host_samples
        query = select(t.c.host, t.c.time, t.c.body.label("metrics")).order_by(t.c.host).limit(2_000)
        return [row | {"metrics": _raw(row["metrics"])} for row in await self._all(query)]

    async def anomalies(self, limit: int, after: Cursor | None = None, host: str = "") -> list[Row]:
        """Odd moments of hosts, newest first."""
        t = tables.anomalies
        query = select(t)
        if host:
            query = query.where(t.c.host == host)
        return [
            row | {"body": _raw(row["body"])} for row in await self._all(_paged(query, t.c.time, t.c.id, limit, after))
        ]

    async def impacts(self, limit: int, after: Cursor | None = None, run_id: str = "") -> list[Row]:
        """Whom runs hold up, newest first."""
        t = tables.impacts
        query = select(t).where(t.c.run_id == run_id) if run_id else select(t)
        rows = await self._all(_paged(query, t.c.time, t.c.id, limit, after))
        return [row | {"body": _raw(row["body"])} for row in rows]

    async def analyses(self, limit: int, after: Cursor | None = None, project: str = "", name: str = "") -> list[Row]:
        """What held runs back and what would save time, newest first."""
        t = tables.analyses
        query = select(t)
        if project:
            query = query.where(t.c.project == project)
        if name:
            query = query.where(t.c.name == name)
        rows = await self._all(_paged(query, t.c.time, t.c.id, limit, after))
        return [row | {"body": _raw(row["body"])} for row in rows]

    async def findings(self, limit: int, after: Cursor | None = None) -> list[Row]:
        """Findings of the security checks, newest first."""
        t = tables.findings
        rows = await self._all(_paged(select(t), t.c.time, t.c.id, limit, after))
        return [row | {"body": _raw(row["body"])} for row in rows]

    async def vulnerabilities(self, limit: int) -> list[Row]:
        """Vulnerable packages that are not cleared, the worst first."""
        t = tables.vulnerabilities
        rank = case({"critical": 0, "high": 1, "medium": 2}, value=t.c.severity, else_=3)
        columns = [column for column in t.c if column.name != "version"]
        query = select(*columns).where(t.c.cleared.is_(False)).order_by(rank, t.c.package, t.c.check_name).limit(limit)
        return [row | {"body": _raw(row["body"])} for row in await self._all(query)]

    async def model_history(self, limit: int, after: Cursor | None = None) -> list[Row]:
        """Promotions and roll-backs, newest first."""
        t = tables.model_versions
        rows = await self._all(_paged(select(t), t.c.time, t.c.id, limit, after))
        return [row | {"body": _raw(row["body"])} for row in rows]

    async def drift(self, limit: int) -> list[Row]:
        """Drift that was seen, newest first."""
        t = tables.drift
        query = select(t).order_by(t.c.time.desc(), t.c.id.desc()).limit(limit)
        return [row | {"body": _raw(row["body"])} for row in await self._all(query)]

    async def weights(self) -> list[Row]:
        """Weights of the ensemble's members at its newest version."""
        t = tables.ensemble_weights
        newest = select(t.c.model_config, t.c.model_offset).order_by(t.c.time.desc()).limit(1)
        found = await self._all(newest)
        if not found:
            return []
        query = select(t).where(
            t.c.model_config == found[0]["model_config"], t.c.model_offset == found[0]["model_offset"]
        )
        return await self._all(query.order_by(t.c.weight.desc()))

    async def training(self, limit: int, after: Cursor | None = None) -> list[Row]:
        """Training runs by when they were asked for or ended, newest first."""
        t = tables.training_runs
        at = func.coalesce(t.c.requested_at, t.c.finished_at, 0.0)
        columns = [column for column in t.c if not column.name.endswith("version")]
        query = select(*columns, at.label("at"))
        rows = await self._all(_paged(query, at, t.c.training_id, limit, after))
        return [row | {"body": _raw(row["body"])} for row in rows]

    async def training_run(self, training_id: str) -> Row | None:
        """One training run."""
        t = tables.training_runs
        columns = [column for column in t.c if not column.name.endswith("version")]
        found = await self._all(select(*columns).where(t.c.training_id == training_id))
        return found[0] | {"body": _raw(found[0]["body"])} if found else None

    async def outcomes(self, since: float, limit: int) -> list[Row]:
        """Scored outcomes from a time on, newest first: what calibration and coverage are counted from."""
        t = tables.outcomes
        query = select(t.c.outcome, t.c.seconds, t.c.first_risk, t.c.body).where(t.c.known_at >= since)
        return await self._all(query.order_by(t.c.known_at.desc(), t.c.run_id).limit(limit))

    async def audit(
        self, limit: int, after: Cursor | None = None, actions: Iterable[str] = (), subjects: Iterable[str] = ()
    ) -> list[Row]:
        """Who changed what, newest first."""
        t = tables.audit
        query = select(t)
        if wanted := list(actions):
            query = query.where(t.c.action.in_(wanted))
        if about := list(subjects):
            query = query.where(t.c.subject.in_(about))
        rows = await self._all(_paged(query, t.c.time, t.c.id, limit, after))
        return [row | {"body": _raw(row["body"])} for row in rows]

    async def newest_times(self) -> Mapping[str, float | None]:
        """When each kind of row was last written: whether the chain is alive."""
        found: dict[str, float | None] = {}
        for name, column in (
            ("runs", tables.runs.c.started_at),
            ("predictions", tables.predictions.c.time),
            ("outcomes", tables.outcomes.c.known_at),
            ("alerts", tables.alerts.c.raised_at),
            ("model_versions", tables.model_versions.c.time),
        ):
            rows = await self._all(select(func.max(column).label("newest")))
            found[name] = rows[0]["newest"]
        return found

    async def _all(self, query: Select[Any]) -> list[Row]:
        async with self.engine.connect() as connection:
            found = await connection.execute(query)
            names = tuple(found.keys())
            return [dict(zip(names, row, strict=True)) for row in found]


def _paged(
    query: Select[Any], time: ColumnElement[Any], key: ColumnElement[Any], limit: int, after: Cursor | None
) -> Select[Any]:
    """One row more than the page, so that the caller knows whether there is another."""
    if after is not None:
        query = query.where(time <= after[0], or_(time < after[0], key < after[1]))  # the first part bounds the index
    return query.order_by(time.desc(), key.desc()).limit(limit + 1)


def _raw(body: str | None) -> msgspec.Raw:
    return msgspec.Raw(body.encode() if body else b"null")
