"""Runs: the list, one run's whole picture, its newest forecast."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from agents.api.auth import Reader
from agents.api.cache import Held
from agents.api.paging import After, Limit, encoded, page, parse_cursor, reply, send
from agents.api.problems import Problem
from agents.api.services import Services, services
from agents.api.views import Kind, curve_point, forecast_view, prediction_view
from agents.store.queries import analysis, impacts
from agents.store.queries import report as run_report
from agents.store.reads import RunFilter

__all__ = ["RunId", "newest_forecast", "router"]

router = APIRouter(tags=["runs"])
RunId = Annotated[str, Path(min_length=1, max_length=191, description="The run's id.", examples=["gcc-pass1-4711"])]
_Text = Annotated[str, Query(max_length=191)]


@router.get("/runs", summary="Runs, newest first")
async def list_runs(
    request: Request,
    _who: Reader,
    state: Literal["all", "running", "finished"] = "all",
    project: _Text = "",
    name: _Text = "",
    host: _Text = "",
    outcome: Literal["", "success", "failure", "error", "cancel"] = "",
    since: Annotated[float | None, Query(ge=0, le=1e11, description="Earliest start, seconds since the epoch.")] = None,
    limit: Limit = 50,
    after: After = "",
) -> Response:
    """Running ones carry their newest forecast where it is in memory or stored."""
    parts = services(request)
    active = {"all": None, "running": True, "finished": False}[state]
    wanted = RunFilter(active, project, name, host, outcome, since)
    rows = await parts.reads.runs(wanted, limit, parse_cursor(after))
    found = page(rows, limit, "started_at", "run_id")
    for row in found["items"]:
        row["forecast"] = await _short_forecast(parts, row) if row["finished_at"] is None else None
    return reply(request, found)


@router.get("/runs/{run_id}", summary="One run's whole picture")
async def show_run(
    request: Request, _who: Reader, run_id: RunId,
    points: Annotated[int, Query(ge=1, le=5_000, description="Newest points of the curves.")] = 1_000,
) -> Response:  # fmt: skip
    """What was known, its curves, stages, log signals, what it used, verdicts, alerts, and past failures like it."""
    parts = services(request)
    run = await parts.known_run(run_id)
    reads = parts.reads
    forecast = await reads.last_forecast(run_id)
    return reply(request, {
        **run,
        "forecast": forecast_view(forecast) | prediction_view(forecast) if forecast else None,
        "curve": [curve_point(row) for row in await reads.curve(run_id, points)],
        "steps": await reads.steps(run_id),
        "signals": await reads.signals(run_id),
        "samples": await reads.samples(run_id),
        "result": await reads.outcome(run_id),
        "revisions": await reads.revisions(run_id),
        "alerts": await reads.alerts(50, run_id=run_id),
        "impacts": await impacts(reads.engine, run_id, 1),
        "analysis": await analysis(reads.engine, run_id),
        "similar_failures": await reads.similar_failures(run["project"], run["name"], run_id),
    })  # fmt: skip


@router.get("/runs/{run_id}/curve", summary="Risk and time left over a run, as numbers")
async def show_curve(
    request: Request, _who: Reader, run_id: RunId,
    points: Annotated[int, Query(ge=1, le=5_000, description="Newest points.")] = 400,
) -> Response:  # fmt: skip
    """In order of time; empty for a run without a forecast."""
    rows = await services(request).reads.curve(run_id, points)
    return reply(request, {"run_id": run_id, "items": [curve_point(row) for row in rows]})


@router.get("/runs/{run_id}/forecast", summary="The newest forecast of a run")
async def show_forecast(request: Request, _who: Reader, run_id: RunId, kind: Kind = "all") -> Response:
    """Served from memory for five minutes, then from the database: `served_from`; headers `X-Cache` and `Age`."""
    parts = services(request)
    held, served_from = await newest_forecast(parts, run_id)
    if (answer := held.answers.get(f"{kind} {served_from}")) is None:
        view = forecast_view(held.forecast) | prediction_view(held.forecast, kind) | {"served_from": served_from}
        answer = held.answers[f"{kind} {served_from}"] = encoded(view)
    age = max(0.0, parts.clock() - held.forecast.time)
    headers = {"X-Cache": "hit" if served_from == "memory" else "miss", "Age": str(int(age))}
    return send(request, *answer, headers=headers)


@router.get("/runs/{run_id}/report", summary="One run's report")
async def show_report(request: Request, _who: Reader, run_id: RunId) -> Response:
    """The same object as `buildcast report RUN --json`."""
    found = await run_report(services(request).reads.engine, run_id)
    if found is None:
        raise Problem(404, f"no run {run_id[:100]!r} is stored", "GET /api/v1/runs lists what is")
    return reply(request, found)


async def newest_forecast(parts: Services, run_id: str) -> tuple[Held, str]:
    """The forecast and where it came from; 404 where none was made."""
    now = parts.clock()
    held = parts.cache.get(run_id, now)
    if held is not None:
        return held, "memory"
    forecast = await parts.reads.last_forecast(run_id)
    if forecast is None:
        await parts.known_run(run_id)
        raise Problem(404, f"run {run_id[:100]!r} has no forecast yet", "ask again in a second or two")
    if now - forecast.time <= parts.cache.keep_seconds:
        parts.cache.put(forecast, now)
    return Held(forecast, now), "database"


async def _short_forecast(parts: Services, row: dict[str, Any]) -> dict[str, Any] | None:
    held = parts.cache.peek(row["run_id"])
    forecast = held or await parts.reads.last_forecast(row["run_id"])
    return forecast_view(forecast) if forecast else None
