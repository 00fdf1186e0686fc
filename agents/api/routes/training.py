"""Adaptive training: ask for it, follow it, its history."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agents.api.auth import Reader, Writer
from agents.api.paging import After, Limit, page, parse_cursor, reply
from agents.api.problems import Problem
from agents.api.services import SOURCE, services
from streams.events import TrainingRequested

__all__ = ["router"]

router = APIRouter(tags=["training"])


class _Wish(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"model": "risk"}})

    model: str | None = Field(None, max_length=191, description="Empty for all models.")


@router.post("/training", status_code=202, summary="Ask for a training run")
async def request_training(request: Request, who: Writer, wish: _Wish | None = None) -> Response:
    """The trainer takes it up; GET /training/{training_id} tells how it went."""
    parts = services(request)
    event = TrainingRequested(
        id=uuid.uuid4().hex, source=SOURCE, time=parts.clock(), training_id=uuid.uuid4().hex,
        model=(wish.model if wish else None) or "", principal=who.name,
    )  # fmt: skip
    await parts.record(event)
    parts.count("training")
    return reply(
        request, {"training_id": event.training_id, "model": event.model, "status": "requested"}, 202,
        {"Location": f"/api/v1/training/{event.training_id}"},
    )  # fmt: skip


@router.get("/training", summary="Training runs, newest first")
async def list_training(request: Request, _who: Reader, limit: Limit = 50, after: After = "") -> Response:
    """Requested, running and finished ones with their metrics."""
    found = page(await services(request).reads.training(limit, parse_cursor(after)), limit, "at", "training_id")
    found["items"] = [row | {"status": _status(row)} for row in found["items"]]
    return reply(request, found)


@router.get("/training/{training_id}", summary="One training run")
async def show_training(
    request: Request, _who: Reader, training_id: Annotated[str, Path(min_length=1, max_length=191)]
) -> Response:
    """Its state, and its metrics when it has ended."""
    row = await services(request).reads.training_run(training_id)
    if row is None:
        raise Problem(404, f"no training run {training_id[:100]!r} is stored", "GET /api/v1/training lists what is")
    return reply(request, row | {"status": _status(row)})


def _status(row: dict[str, Any]) -> str:
    return "requested" if row["finished_at"] is None else str(row["outcome"] or "finished")
