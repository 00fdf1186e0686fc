"""Whom failing and slow runs hold up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from agents.api.auth import Reader
from agents.api.paging import After, Limit, page, parse_cursor, reply
from agents.api.services import services

__all__ = ["router"]

router = APIRouter(tags=["impact"])


@router.get("/impact", summary="Whom failing and slow runs hold up, newest first")
async def list_impacts(
    request: Request, _who: Reader, run_id: Annotated[str, Query(max_length=191)] = "", limit: Limit = 50,
    after: After = "",
) -> Response:  # fmt: skip
    """Each names the cause (failed, failing, slow), the run's own delay, and every delayed package, host and queue."""
    rows = await services(request).reads.impacts(limit, parse_cursor(after), run_id)
    return reply(request, page(rows, limit, "time", "id"))
