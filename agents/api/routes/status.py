"""Whether the API lives, is ready, how every part is, and one report over a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from agents.api.auth import Reader
from agents.api.calibration import calibrate
from agents.api.paging import reply
from agents.api.problems import respond
from agents.api.routes.alerts import budget_of, score
from agents.api.routes.models import Days
from agents.api.services import Services, services
from agents.store.reads import RunFilter

__all__ = ["router"]

router = APIRouter(tags=["status"])


@router.get("/health", summary="Whether this process lives")
async def health(request: Request) -> Response:
    """Needs no token and asks nobody."""
    return reply(request, {"status": "ok"})


@router.get("/ready", summary="Whether this process can answer")
async def ready(request: Request) -> Response:
    """503 while the database does not answer."""
    database = await _database(services(request))
    if database["state"] == "down":
        return respond(503, database["reason"], database["remedy"], {"Retry-After": "2"})
    return reply(request, {"status": "ready"})


@router.get("/status", summary="Every part as ok, degraded or down, with reason and remedy")
async def status(request: Request, _who: Reader) -> Response:
    """Beside the parts: hits of the forecast cache, listeners, counts since the start."""
    parts = services(request)
    known = [await _database(parts), _feed(parts), await _model(parts)]
    if parts.status is not None:
        others = await asyncio.to_thread(parts.status)  # it asks sockets
        known += [one for one in others["parts"] if one["part"] not in ("api", "database")]
    worst = max((("ok", "degraded", "down").index(each["state"]) for each in known), default=0)
    cache = parts.cache
    return reply(request, {
        "status": ("ok", "degraded", "down")[worst],
        "parts": known,
        "forecast_cache": {"held": len(cache), "hits": cache.hits, "misses": cache.misses,
                           "keep_seconds": cache.keep_seconds},
        "listeners": {"now": len(parts.hub), "lost_messages": parts.hub.lost},
        "counts": parts.counts,
        "up_seconds": round(parts.clock() - parts.started_at, 1),
    })  # fmt: skip


@router.get("/report", summary="The system over a time")
async def report(request: Request, _who: Reader, days: Days = 7.0) -> Response:
    """Runs by outcome, calibration, alerts, whether they were right and worth their cost, models, findings."""
    parts = services(request)
    now = parts.clock()
    since = max(0.0, now - days * 86_400.0)
    runs = await parts.reads.runs(RunFilter(since=since), 5_000)
    alerts = [row for row in await parts.reads.alerts(2_000) if row["raised_at"] >= since]
    findings = await parts.reads.findings(1_000)
    return reply(request, {
        "since": since,
        "until": now,
        "runs": Counter(row["outcome"] or "running" for row in runs),
        "forecasts": calibrate(await parts.reads.outcomes(since, 2_000)),
        "alerts": Counter(score(row["outcome"], row["verdict"]) for row in alerts),
        "alert_budget": budget_of(parts, alerts),
        "models": [row for row in await parts.reads.model_history(100) if row["time"] >= since],
        "findings": Counter(row["severity"] for row in findings if not row["cleared"] and row["time"] >= since),
        "vulnerabilities": Counter(row["severity"] for row in await parts.reads.vulnerabilities(2_000)),
    })  # fmt: skip


async def _database(parts: Services) -> dict[str, Any]:
    try:
        newest = await parts.reads.newest_times()
    except (SQLAlchemyError, OSError) as error:
        return _part("database", "down", f"it does not answer: {type(error).__name__}",
                     "start it, or set BUILDCAST_DATABASE; `buildcast db migrate` makes the tables")  # fmt: skip
    return _part("database", "ok", "", "") | {"newest": newest}


def _feed(parts: Services) -> dict[str, Any]:
    if parts.feed is not None and parts.feed.connected:
        return _part("live feed", "ok", "", "")
    return _part("live feed", "degraded", "it is not connected: the page does not move by itself",
                 "it tries again by itself; look after the broker or the database")  # fmt: skip


async def _model(parts: Services) -> dict[str, Any]:
    async with parts.model_lock:
        model = await parts.model()
    if model is None:
        return _part("model", "degraded", "this process holds none: POST /ensemble is not answered",
                     "start the API with a state folder or a broker")  # fmt: skip
    return _part("model", "ok", "", "") | {"config": model.ref.config, "offset": model.ref.offset}


def _part(name: str, state: str, reason: str, remedy: str) -> dict[str, Any]:
    return {"part": name, "state": state, "reason": reason, "remedy": remedy}
