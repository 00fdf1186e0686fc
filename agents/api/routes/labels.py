"""What people know better: verdicts on runs, which models learn from, and whether a forecast was useful."""

from __future__ import annotations

import uuid
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agents.api.auth import Reader, Writer
from agents.api.paging import After, Limit, page, parse_cursor, reply
from agents.api.services import SOURCE, services
from streams.events import LabelRevised

__all__ = ["router"]

router = APIRouter(tags=["feedback and labels"])


class _Label(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"run_id": "gcc-pass1-4711", "verdict": "flaky", "note": "net"}}
    )

    run_id: str = Field(min_length=1, max_length=191)
    verdict: Literal["failure", "success", "flaky", "infrastructure"]
    note: str = Field("", max_length=2_000)


class _Feedback(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"run_id": "gcc-pass1-4711", "useful": True, "note": "early"}}
    )

    run_id: str = Field(min_length=1, max_length=191)
    forecast_id: str = Field("", max_length=191)
    useful: bool
    note: str = Field("", max_length=2_000)


@router.post("/labels", status_code=202, summary="Restate a run's label")
async def revise_label(request: Request, who: Writer, label: _Label) -> Response:
    """The run's example is learned anew under this verdict. A run that is not stored yet is taken too."""
    parts = services(request)
    known = await parts.reads.outcome(label.run_id)
    said = [row["verdict"] for row in await parts.reads.revisions(label.run_id)]
    event = LabelRevised(
        id=uuid.uuid4().hex, source=SOURCE, time=parts.clock(), run_id=label.run_id, verdict=label.verdict,
        principal=who.name, note=label.note, before=said[-1] if said else known["outcome"] if known else "",
    )  # fmt: skip
    await parts.record(event)
    parts.take(event)
    parts.count("labels")
    return reply(
        request, {"id": event.id, "run_id": label.run_id, "verdict": label.verdict, "principal": who.name}, 202
    )


@router.get("/labels", summary="Verdicts, newest first")
async def list_labels(request: Request, _who: Reader, limit: Limit = 50, after: After = "") -> Response:
    """Who restated which run's label."""
    return reply(request, page(await services(request).reads.labels(limit, parse_cursor(after)), limit, "time", "id"))


@router.post("/feedback", status_code=201, summary="Say whether a forecast was useful")
async def give_feedback(request: Request, who: Writer, feedback: _Feedback) -> Response:
    """Kept in the audit trail; it changes no label (that is POST /labels)."""
    parts = services(request)
    row = await parts.audit(who, "feedback", feedback.run_id, feedback.model_dump(), "",
                            "useful" if feedback.useful else "not useful")  # fmt: skip
    return reply(request, row, 201)


@router.get("/feedback", summary="Feedback, newest first")
async def list_feedback(request: Request, _who: Reader, limit: Limit = 50, after: After = "") -> Response:
    """What people said of forecasts."""
    rows = await services(request).reads.audit(limit, parse_cursor(after), actions=["feedback"])
    return reply(request, page(rows, limit, "time", "id"))
