"""A forecast for given features, before any run exists: what the ensemble's members say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agents.api.auth import Reader
from agents.api.paging import reply
from agents.api.problems import Problem
from agents.api.services import services
from agents.api.views import risk_level
from streams.events import Run

if TYPE_CHECKING:
    from models.forecaster import Forecaster

__all__ = ["router", "run_of"]

router = APIRouter(tags=["forecasts"])
_FIELDS = {field.name: field.type for field in msgspec.structs.fields(Run)}
_OWN = {"links", "attributes"}
_EXAMPLE: dict[str, Any] = {"features": {"name": "gcc-pass1", "project": "lfs", "branch": "main", "parallelism": 4}}


class _Question(BaseModel):
    """What is known of a run: fields of `Run` by name; other numbers are attributes."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    features: dict[str, str | float | int | bool | None] = Field(max_length=200)
    host: str = Field("", max_length=191)


@router.post("/ensemble", summary="The ensemble's forecast for given features")
async def ask_ensemble(request: Request, _who: Reader, question: _Question) -> Response:
    """Nothing is stored; the answer names the model's version."""
    parts = services(request)
    run, now = run_of(question.features), parts.clock()
    async with parts.model_lock:
        forecaster = await parts.model()
        if forecaster is None:
            raise Problem(503, "this process holds no model", "start the API with a state folder or a broker")
        found = _answer(forecaster, run, question.host, now)
    parts.count("ensemble")
    return reply(request, found)


def _answer(forecaster: Forecaster, run: Run, host: str, now: float) -> dict[str, Any]:
    scored = forecaster.risk.score(forecaster.risk.describe(run, now, host=host))
    duration = forecaster.duration.predict(run, now, host=host)
    return {
        "ensemble_prediction": scored.risk,
        "risk_level": risk_level(scored.risk),
        "confidence": scored.confidence,
        "prediction_variance": scored.variance,
        "model_count": len(scored.members),
        "individual_predictions": scored.members,
        "weights": scored.weights,
        "interval": {"lower": scored.lower, "upper": scored.upper},
        "reasons": scored.reasons,
        "duration_seconds": duration and {"point": duration.point, "lower": duration.lower, "upper": duration.upper},
        "model": forecaster.ref,
    }


def run_of(features: dict[str, Any]) -> Run:
    """The run that features describe; a 422 names what does not fit.

    >>> run_of({"project": "lfs", "parallelism": 4, "temperature": 61.5}).attributes
    {'temperature': 61.5}
    """
    known: dict[str, Any] = {"run_id": "ensemble", "name": "", "project": ""}
    attributes: dict[str, float] = {}
    for name, value in features.items():
        if value is None:
            continue
        if isinstance(value, float) and not math.isfinite(value):
            raise Problem(422, f"feature {name[:60]!r} is not finite", "send a finite number")
        if name in _FIELDS and name not in _OWN:
            known[name] = value
        elif isinstance(value, (int, float)):
            attributes[name[:100]] = float(value) if abs(value) < 1e300 else math.copysign(1e300, value)
        else:
            raise Problem(422, f"feature {name[:60]!r} is no field of a run, so it must be a number",
                          f"known by name: {', '.join(sorted(set(_FIELDS) - _OWN))}")  # fmt: skip
    try:
        return msgspec.convert(known | {"attributes": attributes}, Run, strict=False)
    except (msgspec.ValidationError, OverflowError, ValueError) as error:
        raise Problem(422, f"the features do not fit: {error}"[:300], "see the example in /api/v1/docs") from error
