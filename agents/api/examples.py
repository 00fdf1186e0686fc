"""What operations answer, as the OpenAPI document shows it: abridged, every key as in a real answer."""

from __future__ import annotations

from typing import Any

__all__ = ["EXAMPLES", "PROBLEM", "show"]

_AT = 1760000060.0
_SPAN = {"point": 240.0, "lower": 180.0, "upper": 420.0}
_RUN = {"run_id": "gcc-pass1-4711", "name": "gcc-pass1", "project": "lfs", "host": "host-1"}
_STATE = {**_RUN, "started_at": 1760000000.0, "outcome": None, "seconds": None}
_FORECAST = {"run_id": "gcc-pass1-4711", "at": _AT, "risk": 0.82, "risk_lower": 0.7, "risk_upper": 0.9,
             "remaining_seconds": _SPAN, "risk_level": "critical",
             "reasons": [{"text": "4 compile errors in the last minute", "logit": 1.9}]}  # fmt: skip
_ANSWER = {**_FORECAST, "overall_risk": 0.82, "served_from": "memory", "predictions": {"failure_risk": 0.82,
           "anomaly_detected": False, "advanced_prediction": {"remaining_seconds": _SPAN, "stage": "compile"}},
           "recommendations": ["look at the build now: 4 compile errors in the last minute"]}  # fmt: skip
_POINT = {"at": _AT, "elapsed_seconds": 60.0, "trigger": "signal", "risk": 0.82, "remaining_seconds": _SPAN}
_ALERT = {"alert_id": "alert-1", "run_id": "gcc-pass1-4711", "cause": "level", "risk": 0.83, "threshold": 0.8,
          "raised_at": _AT, "resolved_at": None, "score": "pending", "acknowledged": None}  # fmt: skip
_HELD = {"resource": "io", "share": 0.2, "seconds": 60.0, "text": "some task waited for the disk"}
_ADVICE = {"change": "jobs=8", "text": "-j8, as many as there are cores",
           "saving_seconds": {"point": 90.0, "lower": 20.0, "upper": 140.0}}  # fmt: skip
_ODD = {"host": "host-1", "time": _AT, "score": 0.97, "body": {"ranked": [
    {"metric": "system.memory.utilization", "value": 0.97, "lower": 0.3, "upper": 0.6, "score": 8.2}]}}  # fmt: skip
_SCORES = {"runs": 420, "base_rate": 0.25, "log_loss": 0.33, "log_loss_of_base_rate": 0.56, "brier": 0.08, "ece": 0.03,
           "bins": [{"from": 0.0, "to": 0.1, "runs": 230, "forecast": 0.04, "observed": 0.03}],
           "coverage": {"level": 0.95, "runs": 420, "observed": 0.94, "median_width_seconds": 140.0}}  # fmt: skip
_BUDGET = {"right": 9, "wrong": 3, "pending": 1, "precision": 0.75, "balance_minutes": 165.0, "wrong_left": 33,
           "costs": {"wrong_minutes": 5.0, "saved_minutes": 20.0}, "threshold": 0.2}  # fmt: skip
_MOVE = {"kind": "promoted", "model": "risk", "config": "faster-2", "at_offset": 900, "previous": "default",
         "principal": "trainer", "time": _AT}  # fmt: skip
_TRAINING = {"training_id": "training-1", "model": "risk", "trigger_kind": "drift", "outcome": "success",
             "seconds": 12.5, "examples": 900, "status": "success"}  # fmt: skip
_WEAK = {"check_name": "setuid-in-build-root", "severity": "high", "host": "host-1", "time": _AT, "cleared": False,
         "body": {"evidence": "/build/tmp/x is 4755", "remedy": "chmod u-s /build/tmp/x"}}  # fmt: skip
_HOLE = {"package": "pkg:generic/openssl@3.0.1", "check_name": "CVE-2026-0001", "severity": "critical", "time": _AT,
         "cleared": False}  # fmt: skip
_LINE = {"id": "5f2c", "time": _AT, "principal": "ann", "action": "alert-acknowledged", "subject": "alert-1"}
_NOTICE = "This product uses data from the NVD API but is not endorsed or certified by the NVD."


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return {"items": [item], "next": "WzE3NjAwMDAwNjAuMCwiYSJd"}


PROBLEM: dict[str, Any] = {
    "type": "about:blank", "title": "Not Found", "status": 404, "detail": "no run 'gcc' is stored",
    "remedy": "GET /api/v1/runs lists what is",
}  # fmt: skip
EXAMPLES: dict[str, dict[str, Any]] = {
    "GET /runs": _page({**_STATE, "forecast": _FORECAST}),
    "GET /runs/{run_id}": {**_STATE, "forecast": _FORECAST, "curve": [_POINT], "signals": [
        {"time": _AT, "error_class": "compile", "line": "tree.cc:112: error: 'x' was not declared", "fatal": False}],
        "samples": [{"elapsed_seconds": 60.0, "cpu_ratio": 3.7, "rss_bytes": 812_000_000.0}],
        "similar_failures": [], "analysis": None},
    "GET /runs/{run_id}/curve": {"run_id": "gcc-pass1-4711", "items": [_POINT]},
    "GET /runs/{run_id}/forecast": _ANSWER,
    "GET /runs/{run_id}/report": {"run_id": "gcc-pass1-4711", "outcome": None, "forecasts": [
        {"at": _AT, "risk": 0.82, "remaining_seconds": _SPAN}], "alerts": [], "impacts": [], "analysis": None},
    "POST /ensemble": {"ensemble_prediction": 0.31, "risk_level": "medium", "confidence": 0.8,
        "prediction_variance": 0.01, "model_count": 2, "individual_predictions": {"priors": 0.25, "trees": 0.37},
        "interval": {"lower": 0.2, "upper": 0.45}, "duration_seconds": _SPAN},
    "GET /training": _page(_TRAINING),
    "POST /training": {"training_id": "training-1", "model": "risk", "status": "requested"},
    "GET /training/{training_id}": _TRAINING,
    "GET /models": {"present": None, "drift": [], **_page(_MOVE), "weights": [
        {"model_config": "default", "model_offset": 1204, "member": "trees", "weight": 0.4, "time": _AT}]},
    "GET /models/calibration": {**_SCORES, "ledger": None},
    "GET /alerts": _page(_ALERT),
    "GET /alerts/budget": {"since": 1757408060.0, **_BUDGET},
    "POST /alerts/{alert_id}/acknowledge": _LINE,
    "POST /alerts/{alert_id}/mute": {**_LINE, "action": "alert-muted", "until": _AT + 3_600.0},
    "GET /labels": _page({"run_id": "gcc-pass1-4711", "time": _AT, "verdict": "flaky", "principal": "ann", "note": ""}),
    "POST /labels": {"id": "5f2c", "run_id": "gcc-pass1-4711", "verdict": "flaky", "principal": "ann"},
    "GET /feedback": _page({**_LINE, "action": "feedback", "body": {"useful": True, "note": "early"}}),
    "POST /feedback": {**_LINE, "action": "feedback", "subject": "gcc-pass1-4711"},
    "GET /hosts": {"items": [
        {"host": "host-1", "time": _AT, "metrics": {"system.cpu.utilization": 0.62}, "anomaly": _ODD}]},
    "GET /hosts/anomalies": _page(_ODD),
    "GET /impact": _page({"run_id": "gcc-pass1-4711", "time": _AT, "cause": "failing", "delay_seconds": 540.0, "body": {
        "delayed": [{"kind": "package", "name": "glibc", "delay_seconds": 540.0}]}}),
    "GET /advice": _page({"run_id": "gcc-pass1-4711", "time": _AT, "seconds": 300.0, "saving_seconds": 90.0, "body": {
        "held_back": [_HELD], "advice": [_ADVICE]}}),
    "GET /findings": _page(_WEAK),
    "GET /vulnerabilities": {"items": [_HOLE], "notice": _NOTICE},
    "GET /health": {"status": "ok"},
    "GET /ready": {"status": "ready"},
    "GET /status": {"status": "ok", "parts": [{"part": "database", "state": "ok", "reason": "", "remedy": ""}],
        "forecast_cache": {"held": 3, "hits": 812, "misses": 4, "keep_seconds": 300.0},
        "listeners": {"now": 2, "lost_messages": 0}, "counts": {"labels": 1}, "up_seconds": 3600.0},
    "GET /report": {"since": 1759395260.0, "until": _AT, "runs": {"success": 18, "failure": 6}, "forecasts": _SCORES,
        "alerts": {"right": 9, "wrong": 3, "pending": 1}, "alert_budget": _BUDGET, "models": [_MOVE],
        "findings": {"high": 1}, "vulnerabilities": {"critical": 1}},
    "GET /audit": _page({**_LINE, "before_value": "raised", "after_value": "acknowledged"}),
    "POST /webhooks/{provider}": {"events": 1},
}  # fmt: skip


def show(spec: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with an example of each answer, and its errors as the problems that they are."""
    problem = {"description": "A problem", "content": {"application/problem+json": {"example": PROBLEM}}}
    for path, methods in spec["paths"].items():
        for method, one in methods.items():
            example = EXAMPLES.get(f"{method.upper()} {path.removeprefix('/api/v1')}")
            good = next(status for status in one["responses"] if status.startswith("2"))
            if example is not None:
                one["responses"][good]["content"] = {"application/json": {"schema": {}, "example": example}}
            one["responses"] = {good: one["responses"][good], "default": problem}
    for unused in ("HTTPValidationError", "ValidationError"):
        spec.get("components", {}).get("schemas", {}).pop(unused, None)
    return spec
