"""One report of the whole system over a period, as sections of plain tables: counted from rows, drawn elsewhere.

Accuracy is of the forecasts that were served, on the labels of the period; baselines see the same labels in the same
order, after as many earlier ones as warm them up. What alerts save is counted as if each had stopped its run: minutes
that a failing run went on, less minutes thrown away where the run would have succeeded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.baselines import BASELINES, Baselines

__all__ = ["Section", "accuracy", "alert_outcomes", "minutes_saved", "sections"]

_FAILED, _LABELLED = ("failure", "error"), ("success", "failure", "error")
_TITLES = {"first": "first forecast", "last": "last forecast", "prior": "failure rate so far",
           "last_outcome": "project's last outcome", "ewma5": "project's average of 5"}  # fmt: skip
_SEVERITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True)
class Section:
    """A titled table; `note` says what a reader must know of it."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]] = ()
    note: str = ""


def accuracy(rows: Sequence[Mapping[str, Any]], since: float) -> dict[str, tuple[int, float, float]]:
    """Labels, log loss (nats) and Brier score of forecasts and baselines; rows oldest first, scored from `since` on."""
    baselines, sums = Baselines(), {name: [0.0, 0.0, 0.0] for name in _TITLES}
    for row in rows:
        if row["outcome"] not in _LABELLED:
            continue
        failed = row["outcome"] in _FAILED
        if row["known_at"] >= since and row["first_risk"] is not None and row["last_risk"] is not None:
            risks = {"first": row["first_risk"], "last": row["last_risk"], **baselines.predict(row["project"])}
            for name in sums:
                _add(sums[name], risks[name], failed)
        baselines.learn(row["project"], failed)
    return {name: (int(n), loss / n, square / n) for name, (n, loss, square) in sums.items() if n}


def alert_outcomes(alerts: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Alerts by whether they were right."""
    from agents.api.routes.alerts import score

    return Counter(score(row["outcome"], row["verdict"]) for row in alerts)


def minutes_saved(alerts: Iterable[Mapping[str, Any]]) -> tuple[float, float]:
    """Minutes saved and minutes lost, had the first alert of each run stopped it."""
    from agents.api.routes.alerts import score

    saved, lost, seen = 0.0, 0.0, set[str]()
    for row in alerts:
        if row["run_id"] in seen or row["known_at"] is None:
            continue
        seen.add(row["run_id"])
        match score(row["outcome"], row["verdict"]):
            case "right":
                saved += max(0.0, row["known_at"] - row["raised_at"]) / 60.0
            case "wrong":
                lost += max(0.0, row["raised_at"] - row["started_at"]) / 60.0
    return saved, lost


def sections(found: Mapping[str, Any], since: float) -> list[Section]:
    """The report of what `summary_rows.gather` found."""
    return [
        _capabilities(found["counts"]),
        _accuracy(accuracy(found["outcomes"], since)),
        _calibration(found["calibration"]),
        _saved(found["alerts"], found["advice"]),
        _alerts(alert_outcomes(found["alerts"])),
        _models(found["moves"]),
        _security(found["findings"]),
    ]


def _capabilities(counts: Mapping[str, int]) -> Section:
    rows = [(name, str(count) if count else "none in this period") for name, count in counts.items()]
    return Section("Capabilities in use", ("what", "rows"), rows)


def _accuracy(scores: Mapping[str, tuple[int, float, float]]) -> Section:
    rows = [(_TITLES[name], str(n), f"{loss:.4f}", f"{brier:.4f}") for name, (n, loss, brier) in scores.items()]
    best = min((scores[name][1] for name in BASELINES if name in scores), default=None)
    note = "No run of the period has both forecasts and a label." if best is None else (
        f"The first forecasts are {'ahead of' if scores['first'][1] < best else 'not ahead of'} every baseline."
    )  # fmt: skip
    return Section("Accuracy against baselines", ("forecaster", "labels", "log loss", "Brier score"), rows, note)


def _calibration(figures: Mapping[str, Any]) -> Section:
    coverage = figures["coverage"]
    rows = [
        ("expected calibration error of first forecasts", _number(figures["ece"])),
        (f"share of {coverage['runs']} durations within their 95 % interval", _number(coverage["observed"])),
    ]
    for each in figures["bins"]:
        if each["runs"]:
            shares = f"{each['forecast']:.3f} forecast, {each['observed']:.3f} failed"
            rows.append((f"risk {each['from']:.1f} to {each['to']:.1f}: {each['runs']} runs", shares))
    return Section("Calibration", ("what", "value"), rows)


def _saved(alerts: Sequence[Mapping[str, Any]], advice: Sequence[tuple[float, float]]) -> Section:
    saved, lost = minutes_saved(alerts)
    rows = [
        ("saved, had each alert stopped its failing run", f"{saved:.1f}"),
        ("lost, had each wrong alert stopped its run", f"{lost:.1f}"),
        ("net", f"{saved - lost:.1f}"),
    ]
    if advice:
        rows.append((f"by {len(advice)} advices that were followed", f"{sum(done for _, done in advice) / 60.0:.1f}"))
        rows.append(("expected of these", f"{sum(expected for expected, _ in advice) / 60.0:.1f}"))
    return Section("Minutes saved", ("what", "minutes"), rows)


def _alerts(outcomes: Counter[str]) -> Section:
    rows = [(name, str(outcomes[name])) for name in ("right", "wrong", "pending", "excused", "unknown")]
    judged = outcomes["right"] + outcomes["wrong"]
    note = (
        f"{outcomes['right'] / judged:.0%} of {judged} judged alerts were right." if judged else "None is judged yet."
    )
    return Section("Alerts and their outcomes", ("outcome", "alerts"), rows, note)


def _models(moves: Iterable[Mapping[str, Any]]) -> Section:
    rows = [(when(row["time"]), str(row["what"]), str(row["which"]), str(row["why"] or "")) for row in moves]
    return Section(
        "Model history", ("when", "what", "which", "why"), rows, "" if rows else "The models did not change."
    )


def _security(findings: Mapping[str, Mapping[str, int]]) -> Section:
    rows = [(kind, *(str(counts.get(each, 0)) for each in _SEVERITIES)) for kind, counts in findings.items()]
    return Section("Security: open now", ("what", *_SEVERITIES), rows)


def when(time: float) -> str:
    """A time in a report, UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")


def _number(value: float | None) -> str:
    return "not known yet" if value is None else f"{value:.3f}"


def _add(sums: list[float], risk: float, failed: bool) -> None:
    kept = min(1.0 - 1e-6, max(1e-6, risk))
    sums[0] += 1.0
    sums[1] -= math.log(kept if failed else 1.0 - kept)
    sums[2] += (risk - failed) ** 2
