"""Findings of the security checks and vulnerable packages."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from agents.api.auth import Reader
from agents.api.paging import After, Limit, page, parse_cursor, reply
from agents.api.services import services

__all__ = ["NVD_NOTICE", "router"]

router = APIRouter(tags=["findings"])
NVD_NOTICE = "This product uses data from the NVD API but is not endorsed or certified by the NVD."  # its terms of use


@router.get("/findings", summary="Findings, newest first")
async def list_findings(request: Request, _who: Reader, limit: Limit = 100, after: After = "") -> Response:
    """What, how bad, the evidence, what to do."""
    return reply(request, page(await services(request).reads.findings(limit, parse_cursor(after)), limit, "time", "id"))


@router.get("/vulnerabilities", summary="Vulnerable packages that are not cleared, the worst first")
async def list_vulnerabilities(request: Request, _who: Reader, limit: Limit = 200) -> Response:
    """By package and identifier, with what the NVD asks those who use its data to say."""
    return reply(request, {"items": await services(request).reads.vulnerabilities(limit), "notice": NVD_NOTICE})
