"""Events and rows as the API shows them: pure. Every answer about a forecast has these keys, whatever it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from streams.events import ForecastMade, Interval

__all__ = ["KINDS", "curve_point", "forecast_view", "prediction_view", "recommendations", "risk_level"]

Kind = Literal["all", "failure", "anomaly", "advanced"]
KINDS: tuple[Kind, ...] = ("all", "failure", "anomaly", "advanced")
ANOMALY_AT = 0.9  # host anomaly scores from here on count as detected (models.core.CoreConfig)
_LEVELS = ((0.8, "critical"), (0.6, "high"), (0.3, "medium"), (0.0, "low"))


def risk_level(risk: float) -> str:
    """A word for a risk.

    >>> [risk_level(each) for each in (0.1, 0.3, 0.6, 0.8)]
    ['low', 'medium', 'high', 'critical']
    """
    return next(word for floor, word in _LEVELS if risk >= floor)


def forecast_view(forecast: ForecastMade) -> dict[str, Any]:
    """The whole forecast, flat."""
    view: dict[str, Any] = {
        field: getattr(forecast, field)
        for field in (
            "id", "run_id", "name", "project", "host", "elapsed_seconds", "trigger", "stage", "risk", "risk_lower",
            "risk_upper", "confidence", "variance", "anomaly_score", "anomalies", "base_logit", "reasons", "members",
            "weights", "blame", "counterfactuals", "model",
        )
    }  # fmt: skip
    found: dict[str, Any] = msgspec.to_builtins(
        view | {"at": forecast.time, "remaining_seconds": _interval(forecast.remaining),
                "risk_level": risk_level(forecast.risk)}
    )  # fmt: skip
    return found


def prediction_view(forecast: ForecastMade, kind: Kind = "all") -> dict[str, Any]:
    """The forecast in the keys that callers of `MLEngine.get_real_time_prediction` know."""
    parts: dict[str, Any] = {
        "failure_risk": forecast.risk,
        "anomaly_detected": forecast.anomaly_score >= ANOMALY_AT,
        "advanced_prediction": {
            "remaining_seconds": _interval(forecast.remaining),
            "risk_interval": {"lower": forecast.risk_lower, "upper": forecast.risk_upper},
            "confidence": forecast.confidence,
            "stage": forecast.stage,
            "blame": forecast.blame,
            "anomaly_score": forecast.anomaly_score,
            "counterfactuals": msgspec.to_builtins(forecast.counterfactuals),
        },
    }
    wanted = {"failure": "failure_risk", "anomaly": "anomaly_detected", "advanced": "advanced_prediction"}
    return {
        "overall_risk": forecast.risk,
        "risk_level": risk_level(forecast.risk),
        "predictions": parts if kind == "all" else {wanted[kind]: parts[wanted[kind]]},
        "recommendations": recommendations(forecast),
    }


def recommendations(forecast: ForecastMade) -> list[str]:
    """What a person may do, most useful first; empty when there is nothing to be said."""
    found = []
    for each in sorted(forecast.counterfactuals, key=lambda one: one.risk_change):
        if each.upper < 0.0:
            found.append(f"{each.change}: risk {each.risk_change:+.0%} ({each.lower:+.0%} to {each.upper:+.0%})")
        elif each.seconds_change is not None and each.seconds_change < 0.0:
            found.append(f"{each.change}: about {-each.seconds_change:.0f} s faster")
    if forecast.risk >= 0.6:
        signs = [reason.text for reason in forecast.reasons if reason.logit > 0][:2]
        found.append(f"look at the build now: {'; '.join(signs)}" if signs else "look at the build now")
    if forecast.anomaly_score >= ANOMALY_AT and forecast.anomalies:
        odd = forecast.anomalies[0]
        found.append(f"look at the host: {odd.metric} is {odd.value:.4g}, usual is {odd.lower:.4g} to {odd.upper:.4g}")
    return found[:5]


def curve_point(row: Mapping[str, Any]) -> dict[str, Any]:
    """One point of a run's curves from its prediction row."""
    return {
        "at": row["time"], "elapsed_seconds": row["elapsed_seconds"], "trigger": row["trigger_kind"],
        "risk": row["risk"], "risk_lower": row["risk_lower"], "risk_upper": row["risk_upper"],
        "remaining_seconds": None if row["remaining_seconds"] is None else {
            "point": row["remaining_seconds"], "lower": row["remaining_lower"], "upper": row["remaining_upper"]
        },
    }  # fmt: skip


def _interval(interval: Interval | None) -> dict[str, float] | None:
    if interval is None:
        return None
    return {"point": interval.point, "lower": interval.lower, "upper": interval.upper}
