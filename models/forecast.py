"""A forecast from its parts: pre-start risk, in-run evidence, time left, whom it blames, what would change it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from models.forecaster import Forecaster
from models.members.vector import sigmoid
from models.pace import doubt_of_pace, place
from models.risk import PriorRisk
from models.run_state import RunState
from models.standing import Standing
from models.tracker import Moment
from streams.events import AbortVerdict, Interval, Reason

__all__ = ["compose"]

_RESOLUTION = 0.5  # seconds: while a run goes on, what is shown to the second is known to the second at best
_LIMIT = 12.0  # logits beyond this are no different to a person: 6e-6


def compose(
    forecaster: Forecaster, moment: Moment, standing: Standing, evidence: Sequence[float], explain: bool = True
) -> dict[str, Any]:
    """The fields of a `ForecastMade` that the models decide. base_logit + reasons sum to logit(risk)."""
    state, now, prior = moment.state, moment.now, standing.risk
    shift = forecaster.evidence.logit(evidence)
    reasons = [*forecaster.evidence.reasons(evidence, state, now), *prior.reasons] if explain else []
    total = prior.logit + shift
    logit = max(-_LIMIT, min(_LIMIT, total))
    if explain and logit != total:
        reasons.append(Reason(text="limited to what a forecast can mean", logit=logit - total, feature="limit"))
    risk, left = sigmoid(logit), _remaining(forecaster, moment)
    certain = 1.0 - math.exp(-abs(shift) / 2.0)  # evidence speaks for itself: history's doubt counts less
    return {
        "risk": risk,
        "risk_lower": sigmoid(logit - (prior.logit - _logit(prior.lower)) * (1.0 - 0.5 * certain)),
        "risk_upper": sigmoid(logit + (_logit(prior.upper) - prior.logit) * (1.0 - 0.5 * certain)),
        "confidence": max(prior.confidence, certain),
        "variance": prior.variance,
        "base_logit": prior.base_logit,
        "reasons": sorted(reasons, key=lambda reason: -abs(reason.logit)),
        "members": prior.members,
        "weights": prior.weights,
        "blame": _blame(prior, forecaster.evidence.blame(evidence)),
        "remaining": left,
        "abort": _verdict(forecaster, moment, risk, left, shift),
        "counterfactuals": standing.changes,
    }


def _verdict(
    forecaster: Forecaster, moment: Moment, risk: float, left: Interval | None, shift: float
) -> AbortVerdict | None:
    if left is None:
        return None
    state = moment.state
    return forecaster.ledger.abort.advise(state.run, risk, state.elapsed(moment.now), left.point, shift)


def _remaining(forecaster: Forecaster, moment: Moment) -> Interval | None:
    state, elapsed = moment.state, moment.state.elapsed(moment.now)
    progress, doubt = _done(state, elapsed)
    total = forecaster.duration.predict(state.run, moment.now, state.host, elapsed, progress, doubt)
    if total is None:
        return None
    return Interval(
        point=max(0.0, total.point - elapsed),
        lower=max(0.0, total.lower - elapsed - (_RESOLUTION if elapsed > 0.0 else 0.0)),
        upper=max(0.0, total.upper - elapsed),
    )


def _done(state: RunState, elapsed: float) -> tuple[float | None, float | None]:
    """The share of the run that is done, and the doubt of what it tells: by an earlier pace, else by the tool."""
    seen = state.sampled_at - state.started_at  # lines are counted by samples; events between them tell none
    if seen <= 0.0:
        return state.progress, None
    expected = state.expected_seconds or elapsed
    found = place(state.usual_pace, state.lines, seen, state.silent_seconds, expected, max(0.0, elapsed - seen))
    if found is None:
        return state.progress, None
    return found.share, doubt_of_pace(found)


def _blame(prior: PriorRisk, shown: dict[str, float]) -> dict[str, float]:
    """History's split (worth one logit) with what the run has shown; shares sum to 1."""
    mixed = {who: prior.blame.get(who, 0.0) + shown.get(who, 0.0) for who in ("change", "package", "host")}
    total = sum(mixed.values())
    return {who: (share / total if total else 1.0 / 3.0) for who, share in mixed.items()}


def _logit(share: float) -> float:
    share = min(1.0 - 1e-9, max(1e-9, share))
    return math.log(share / (1.0 - share))
