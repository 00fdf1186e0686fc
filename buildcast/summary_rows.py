"""The rows of a period that a summary is counted from."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.api.calibration import calibrate
from agents.store import period
from agents.store.database import check, connect
from agents.store.reads import Reads

__all__ = ["gather"]

_WARM, _MOST_OUTCOMES, _MOST_ALERTS, _MOST_ANALYSES = 2_000, 100_000, 20_000, 20_000


class _Interval(msgspec.Struct):
    point: float


class _Checked(msgspec.Struct):
    expected: _Interval
    saved_seconds: float


class _Analysis(msgspec.Struct):
    checked: list[_Checked] = []


async def gather(url: str, since: float, until: float) -> dict[str, Any]:
    """What `summary.sections` takes. `Unavailable` when the database does not answer."""
    await check(url)
    engine = connect(url)
    try:
        outcomes = await period.outcomes(engine, since, until, _WARM, _MOST_OUTCOMES)
        analyses = await Reads(engine).analyses(_MOST_ANALYSES)
        return {
            "counts": await period.counts(engine, since, until),
            "outcomes": outcomes,
            "calibration": calibrate([row for row in outcomes if row["known_at"] >= since]),
            "alerts": await period.alerts(engine, since, until, _MOST_ALERTS),
            "advice": [
                (each.expected.point, each.saved_seconds)
                for row in analyses
                if since <= row["time"] < until
                for each in msgspec.json.decode(bytes(row["body"]), type=_Analysis).checked
            ],
            "moves": await period.moves(engine, since, until),
            "findings": await period.open_findings(engine),
        }
    finally:
        await engine.dispose()
