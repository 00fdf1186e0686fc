"""Findings of the security checks and vulnerable packages."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from agents.api.auth import Reader
from agents.api.paging import After, Limit, page, parse_cursor, reply
from agents.api.services import services

__all__ = ["router"]

router = APIRouter(tags=["findings"])


@router.get("/findings", summary="Findings, newest first")
async def list_findings(request: Request, _who: Reader, limit: Limit = 100, after: After = "") -> Response:
    """What, how bad, the evidence, what to do."""
    return reply(request, page(await services(request).reads.findings(limit, parse_cursor(after)), limit, "time", "id"))


@router.get("/vulnerabilities", summary="Vulnerable packages that are not cleared, the worst first")
async def list_vulnerabilities(request: Request, _who: Reader, limit: Limit = 200) -> Response:
    """By package and identifier."""
    return reply(request, {"items": await services(request).reads.vulnerabilities(limit)})
