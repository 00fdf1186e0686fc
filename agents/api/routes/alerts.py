"""Alerts: the list with how each ended, acknowledge, mute. Both stand in the audit trail and are read from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agents.api.auth import Reader, Writer
from agents.api.paging import After, Limit, page, parse_cursor, reply
from agents.api.problems import Problem
from agents.api.routes.models import Days
from agents.api.services import Services, services
from agents.notify.budget import Costs, budget, score

__all__ = ["budget_of", "router", "score"]

router = APIRouter(tags=["alerts"])
AlertId = Annotated[str, Path(min_length=1, max_length=191)]
ACKNOWLEDGED, MUTED = "alert-acknowledged", "alert-muted"


class _Note(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"note": "looking"}})

    note: str = Field("", max_length=2_000)


class _Mute(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"seconds": 3600, "note": "known"}})

    seconds: float = Field(3_600.0, ge=60.0, le=30 * 86_400.0, description="How long nobody is notified.")
    note: str = Field("", max_length=2_000)


@router.get("/alerts", summary="Alerts, newest first")
async def list_alerts(
    request: Request, _who: Reader, state: Literal["all", "active", "resolved"] = "all", limit: Limit = 50,
    after: After = "",
) -> Response:  # fmt: skip
    """Each with reasons, who acknowledged it, and its score: right, wrong, pending, or excused by a verdict."""
    parts = services(request)
    active = {"all": None, "active": True, "resolved": False}[state]
    rows = await parts.reads.alerts(limit, parse_cursor(after), active)
    found = page(rows, limit, "raised_at", "alert_id")
    marks = await _marks(parts, (row["alert_id"] for row in found["items"]))
    for row in found["items"]:
        row["score"] = score(row["outcome"], row["verdict"])
        row["acknowledged"], row["muted"] = (
            marks.get((row["alert_id"], ACKNOWLEDGED)),
            marks.get((row["alert_id"], MUTED)),
        )
    return reply(request, found)


@router.get("/alerts/budget", summary="Whether alerts are worth their cost")
async def show_budget(request: Request, _who: Reader, days: Days = 30.0) -> Response:
    """Right, wrong and pending ones; minutes saved less minutes spent; how many more wrong ones that pays for; and the
    risk from which an alert is worth its cost."""
    parts = services(request)
    since = max(0.0, parts.clock() - days * 86_400.0)
    rows = [row for row in await parts.reads.alerts(2_000) if row["raised_at"] >= since]
    return reply(request, {"since": since, **budget_of(parts, rows)})


@router.post("/alerts/{alert_id}/acknowledge", summary="Say that somebody looks after an alert")
async def acknowledge(request: Request, who: Writer, alert_id: AlertId, note: _Note | None = None) -> Response:
    """Twice is as good as once."""
    parts = services(request)
    await _known(parts, alert_id)
    row = await parts.audit(who, ACKNOWLEDGED, alert_id, {"note": note.note if note else ""}, "raised", "acknowledged")
    parts.hub.publish(ACKNOWLEDGED, msgspec.json.encode({"alert_id": alert_id, "principal": who.name}))
    return reply(request, row)


@router.post("/alerts/{alert_id}/mute", summary="Notify nobody about this work for a while")
async def mute(request: Request, who: Writer, alert_id: AlertId, wish: _Mute | None = None) -> Response:
    """Alerts of runs with the same name are still raised, stored and shown; only notifications rest."""
    parts = services(request)
    alert = await _known(parts, alert_id)
    wish = wish or _Mute()  # type: ignore[call-arg]
    until = parts.clock() + wish.seconds
    body = {"name": alert["name"], "until": until, "note": wish.note}
    row = await parts.audit(who, MUTED, alert_id, body, "told", f"muted until {until:.0f}")
    parts.hub.publish(MUTED, msgspec.json.encode({"alert_id": alert_id, "principal": who.name, "until": until}))
    return reply(request, row | {"until": until})


def budget_of(parts: Services, alerts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The budget of these alerts at what the settings say a right and a wrong one are worth."""
    costs = Costs(parts.settings.api_wrong_alert_minutes, parts.settings.api_right_alert_minutes)
    found = budget((score(row["outcome"], row["verdict"]) for row in alerts), costs)
    return {**asdict(found), "costs": asdict(costs), "threshold": costs.threshold}


async def _known(parts: Services, alert_id: str) -> dict[str, Any]:
    alert = await parts.reads.alert(alert_id)
    if alert is None:
        raise Problem(404, f"no alert {alert_id[:100]!r} is stored", "GET /api/v1/alerts lists what is")
    return alert


async def _marks(parts: Services, alert_ids: Iterable[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """The newest acknowledgement and mute of each alert."""
    ids = list(alert_ids)
    if not ids:
        return {}
    rows = await parts.reads.audit(2_000, actions=[ACKNOWLEDGED, MUTED], subjects=ids)
    return {
        (row["subject"], row["action"]): {"at": row["time"], "principal": row["principal"], "detail": row["body"]}
        for row in reversed(rows)
    }
