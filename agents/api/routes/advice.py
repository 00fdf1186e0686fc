"""What held runs back, what would save time, and whether advice that was followed kept its word."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from agents.api.auth import Reader
from agents.api.paging import After, Limit, page, parse_cursor, reply
from agents.api.services import services

__all__ = ["router"]

router = APIRouter(tags=["advice"])
_Text = Annotated[str, Query(max_length=191)]


@router.get("/advice", summary="What would save time, newest runs first")
async def list_advice(
    request: Request, _who: Reader, project: _Text = "", name: _Text = "", limit: Limit = 50, after: After = ""
) -> Response:
    """Each run with what held it back, advice with the seconds it is expected to save (95 % interval), and `checked`:
    earlier advice that this run followed, with what it saved."""
    rows = await services(request).reads.analyses(limit, parse_cursor(after), project, name)
    return reply(request, page(rows, limit, "time", "id"))
