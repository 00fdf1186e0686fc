"""Hosts: their newest sample and what was odd about them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from agents.api.auth import Reader
from agents.api.paging import After, Limit, page, parse_cursor, reply
from agents.api.services import services

__all__ = ["router"]

router = APIRouter(tags=["hosts"])


@router.get("/hosts", summary="Hosts with their newest sample and anomaly")
async def list_hosts(request: Request, _who: Reader) -> Response:
    """Metrics carry their OpenTelemetry names."""
    parts = services(request)
    latest: dict[str, object] = {}
    for row in await parts.reads.anomalies(500):
        latest.setdefault(row["host"], row)
    rows = [row | {"anomaly": latest.pop(row["host"], None)} for row in await parts.reads.hosts()]
    rows += [{"host": host, "time": None, "metrics": None, "anomaly": odd} for host, odd in latest.items()]
    return reply(request, {"items": rows})


@router.get("/hosts/anomalies", summary="Odd moments of hosts, newest first")
async def list_anomalies(
    request: Request, _who: Reader, host: Annotated[str, Query(max_length=191)] = "", limit: Limit = 50,
    after: After = "",
) -> Response:  # fmt: skip
    """Each with its metrics ranked by how odd they were."""
    rows = await services(request).reads.anomalies(limit, parse_cursor(after), host)
    return reply(request, page(rows, limit, "time", "id"))
