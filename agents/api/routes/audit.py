"""Who changed what."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from agents.api.auth import Admin
from agents.api.paging import After, Limit, page, parse_cursor, reply
from agents.api.services import services

__all__ = ["router"]

router = APIRouter(tags=["audit"])


@router.get("/audit", summary="The audit trail, newest first")
async def list_audit(request: Request, _who: Admin, limit: Limit = 100, after: After = "") -> Response:
    """Every change with its principal, by people, by the API and by the trainer."""
    return reply(request, page(await services(request).reads.audit(limit, parse_cursor(after)), limit, "time", "id"))
