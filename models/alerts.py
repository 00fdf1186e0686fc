"""When a forecast becomes an alert: a level passed with enough evidence, or a steep rise; one per run and cause.

Hysteresis: raised above `raise_at`, resolved below `resolve_at` or when the run ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.run_state import RunState

__all__ = ["AlertPolicy", "Verdict", "judge"]


@dataclass(frozen=True)
class AlertPolicy:
    """Risk levels are 0 to 1. `min_confidence` guards alerts that rest on history alone."""

    raise_at: float = 0.8
    resolve_at: float = 0.6
    slope_rise: float = 0.45  # risk gained within `slope_seconds`
    slope_floor: float = 0.65  # and at least this high
    slope_seconds: float = 60.0
    min_confidence: float = 0.6  # without in-run evidence
    min_evidence_logit: float = 1.5  # in-run evidence that needs no history


@dataclass(frozen=True)
class Verdict:
    """Causes to raise and to resolve now."""

    raised: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()


def judge(state: RunState, now: float, risk: float, confidence: float, evidence: float, policy: AlertPolicy) -> Verdict:
    """What the newest risk of a run means for its alerts. `evidence` is the in-run logit. Updates the risk path."""
    path = [point for point in state.risk_path if point[0] >= now - policy.slope_seconds][-50:]
    lowest = min((past for _, past in path), default=risk)
    state.risk_path = [*path, (now, risk)]
    sure = evidence >= policy.min_evidence_logit or confidence >= policy.min_confidence
    raised = []
    if risk >= policy.raise_at and sure and _free(state, "level"):
        raised.append("level")
    elif (
        policy.slope_floor <= risk < policy.raise_at
        and risk - lowest >= policy.slope_rise
        and evidence >= policy.min_evidence_logit
        and _free(state, "slope")
        and "level" not in state.raised
    ):
        raised.append("slope")
    resolved = tuple(state.raised) if risk < policy.resolve_at else ()
    return Verdict(tuple(raised), resolved)


def _free(state: RunState, cause: str) -> bool:
    return cause not in state.raised and cause not in state.spent
