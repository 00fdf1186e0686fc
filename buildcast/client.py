"""The Python API of the origin system, on this one's HTTP API.

>>> engine = MLEngine("http://127.0.0.1:8640")              # doctest: +SKIP
>>> engine.get_real_time_prediction("run-1")["risk_level"]  # doctest: +SKIP
'medium'
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from streams.errors import BuildcastError, ConfigError, Rejected, Unavailable

__all__ = ["MLEngine"]

Kind = Literal["all", "failure", "anomaly", "advanced"]
_RETRIED = (429, 502, 503, 504)
_KEYS = ("overall_risk", "risk_level", "predictions", "recommendations")
_ENSEMBLE = ("ensemble_prediction", "confidence", "prediction_variance", "model_count", "individual_predictions")


class MLEngine:
    """One server. Answers are plain dicts; what cannot be answered raises.

    `Unavailable`: the server is away, try again. `Rejected`: it refuses this question, the message says why and what
    to do. `ConfigError`: the token or the address is wrong. Questions are retried, changes are not repeated once sent.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8640",
        token: str | None = None,
        timeout_seconds: float = 10.0,
        retries: int = 3,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout_seconds
        self._session = requests.Session()
        token = token if token is not None else os.environ.get("BUILDCAST_TOKEN", "")
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        retry = Retry(total=retries, backoff_factor=0.2, status_forcelist=_RETRIED, allowed_methods=["GET"],
                      raise_on_status=False, respect_retry_after_header=True)  # fmt: skip
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def get_real_time_prediction(self, build_id: str, kind: Kind = "all") -> dict[str, Any]:
        """`overall_risk`, `risk_level`, `predictions` (by kind), `recommendations` of a run as of now."""
        found = self.forecast(build_id, kind)
        return {key: found[key] for key in _KEYS}

    def get_ensemble_prediction(self, features: Mapping[str, Any], host: str = "") -> dict[str, Any]:
        """`ensemble_prediction`, `confidence`, `prediction_variance`, `model_count`, `individual_predictions`."""
        found = self._call("POST", "ensemble", json={"features": dict(features), "host": host})
        return {key: found[key] for key in _ENSEMBLE}

    def trigger_adaptive_training(self, model: str | None = None) -> dict[str, Any]:
        """`training_id` and `status`; follow it with `training(training_id)`."""
        return self._call("POST", "training", json={"model": model})

    def training(self, training_id: str) -> dict[str, Any]:
        """How a training run goes or went."""
        return self._call("GET", f"training/{_part(training_id)}")

    def forecast(self, run_id: str, kind: Kind = "all") -> dict[str, Any]:
        """The whole forecast: intervals, reasons, members, blame, what would change it."""
        return self._call("GET", f"runs/{_part(run_id)}/forecast", params={"kind": kind})

    def runs(self, **wanted: Any) -> Iterator[dict[str, Any]]:
        """All runs that fit (`state`, `project`, `name`, `host`, `outcome`, `since`), newest first, page by page."""
        after = ""
        while True:
            page = self._call("GET", "runs", params={**wanted, "after": after})
            yield from page["items"]
            if not (after := page["next"]):
                return

    def run(self, run_id: str) -> dict[str, Any]:
        """A run's whole picture: curves, stages, log signals, verdicts, alerts, failures like it."""
        return self._call("GET", f"runs/{_part(run_id)}")

    def get_performance_analysis(self, run_id: str) -> dict[str, Any]:
        """Where a run's time went, how the forecast of it fared, and what would make it quicker or safer."""
        run = self.run(run_id)
        forecast, analysis = run["forecast"] or {}, run["analysis"] or {}
        return {
            "run_id": run_id,
            "seconds": run["seconds"],
            "stages": {step["stage"]: step["seconds"] for step in run["steps"]},
            "anomalies": forecast.get("anomalies", []),
            "blame": forecast.get("blame", {}),
            "held_back": analysis.get("held_back", []),
            "advice": analysis.get("advice", []),
            "checked": analysis.get("checked", []),
            "risk_changes": forecast.get("counterfactuals", []),
            "recommendations": forecast.get("recommendations", []),
        }

    def revise_label(self, run_id: str, verdict: str, note: str = "") -> dict[str, Any]:
        """Say what a run really was: failure, success, flaky or infrastructure."""
        return self._call("POST", "labels", json={"run_id": run_id, "verdict": verdict, "note": note})

    def give_feedback(self, run_id: str, useful: bool, note: str = "") -> dict[str, Any]:
        """Say whether a forecast was useful."""
        return self._call("POST", "feedback", json={"run_id": run_id, "useful": useful, "note": note})

    def acknowledge(self, alert_id: str, note: str = "") -> dict[str, Any]:
        """Say that somebody looks after an alert."""
        return self._call("POST", f"alerts/{_part(alert_id)}/acknowledge", json={"note": note})

    def health(self) -> dict[str, Any]:
        """`{"status": "ok"}` while the server lives."""
        return self._call("GET", "health")

    def status(self) -> dict[str, Any]:
        """Every part as ok, degraded or down, with reason and remedy."""
        return self._call("GET", "status")

    def report(self, days: float = 7.0) -> dict[str, Any]:
        """The system over a time: runs, calibration, alerts and whether they were right, models, findings."""
        return self._call("GET", "report", params={"days": days})

    def _call(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        try:
            answer = self._session.request(method, f"{self.url}/api/v1/{path}", timeout=self._timeout, **sent)
        except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema,
                requests.exceptions.InvalidSchema) as error:  # fmt: skip
            raise ConfigError(f"{self.url!r} is no address of an API: use http://HOST:PORT") from error
        except requests.RequestException as error:
            raise Unavailable(f"no API answers at {self.url}: start it with `buildcast api`") from error
        if answer.ok:
            return _object(answer, self.url)
        raise _error(answer, self.url)


def _object(answer: requests.Response, url: str) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError as error:
        raise ConfigError(f"{url} answers, but is no Buildcast API: check the address") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{url} answers, but is no Buildcast API: check the address")
    return found


def _error(answer: requests.Response, url: str) -> BuildcastError:
    try:
        problem = answer.json()
        said = f"{problem['detail']}; {problem['remedy']}"
    except (ValueError, KeyError, TypeError):
        said = f"{url} answered {answer.status_code}"
    if answer.status_code in (401, 403):
        return ConfigError(said)
    if answer.status_code in _RETRIED or answer.status_code >= 500:
        wait = answer.headers.get("Retry-After", "1")
        return Unavailable(said, float(wait) if wait.isdigit() else 1.0)
    return Rejected(said)


def _part(name: str) -> str:
    if not name:
        raise Rejected("the id is empty; give the id of a run, as `runs()` lists them")
    return quote(name, safe="")
