"""Models: the present version and its weights, promotions and roll-backs, drift, calibration and coverage."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from agents.api.auth import Reader
from agents.api.calibration import calibrate
from agents.api.paging import After, Limit, page, parse_cursor, reply
from agents.api.services import services
from models.ledger import KINDS, Ledger

__all__ = ["Days", "router"]

_MOST = 100  # of each kind that are told

router = APIRouter(tags=["models"])
Days = Annotated[float, Query(gt=0, le=3_650, description="How far back, in days.")]


@router.get("/models", summary="The present model and its history")
async def list_models(request: Request, _who: Reader, limit: Limit = 50, after: After = "") -> Response:
    """History newest first; weights as of the newest forecast; drift as it was seen."""
    parts = services(request)
    history = page(await parts.reads.model_history(limit, parse_cursor(after)), limit, "time", "id")
    async with parts.model_lock:
        model = await parts.model()
    return reply(
        request,
        {
            "present": model.ref if model else None,
            "weights": await parts.reads.weights(),
            "drift": await parts.reads.drift(20),
            **history,
        },
    )


@router.get("/models/calibration", summary="Whether the forecasts were right as often as they said")
async def show_calibration(request: Request, _who: Reader, days: Days = 30.0) -> Response:
    """Reliability by bins of risk, log loss and Brier beside the base rate, coverage of the 95 % intervals.

    `ledger` weighs about the last 500 labels: all together, and by model, package and host, first and revised scores,
    beside prior, last outcome, EWMA-5 and last duration.
    """
    parts = services(request)
    rows = await parts.reads.outcomes(max(0.0, parts.clock() - days * 86_400.0), 2_000)
    async with parts.model_lock:
        model = await parts.model()
    return reply(request, calibrate(rows) | {"ledger": _ledger(model.ledger) if model else None})


def _ledger(ledger: Ledger) -> dict[str, Any]:
    """Served forecasts of all time beside the baselines, together and by model, package and host."""
    parts = {kind: {name: one.figures() for name, one in ledger.largest(kind, _MOST)} for kind in KINDS}
    return {"all": ledger.whole.figures(), **parts}
