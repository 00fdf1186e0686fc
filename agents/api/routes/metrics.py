"""What Prometheus scrapes."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from agents.api.auth import Reader
from agents.api.services import services

__all__ = ["router"]

router = APIRouter(tags=["status"])
_EXAMPLE = 'buildcast_api_forecast_cache_lookups_total{result="hit"} 812.0\n'


@router.get(
    "/metrics",
    summary="Counts for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"example": _EXAMPLE}}}},
)
async def metrics(request: Request, _who: Reader) -> Response:
    """Answers by status and their latency, hits and misses of the forecast cache, listeners, the live feed."""
    return Response(generate_latest(services(request).traffic.registry), media_type=CONTENT_TYPE_LATEST)
