"""Early abort on a real history, half by half in time: the rule in use, fixed thresholds, and what hindsight allows.

The records hold no in-run evidence: verdicts come from history alone, at a run's start. Settings were chosen on the
first half; the second says what they are worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.abort import AbortLedger, AbortPolicy
from streams.events import Event, ExampleRecorded, RunOpened

__all__ = ["aborted"]

_LIMIT = 0.01  # share of verdicts that may be wrong
Verdict = tuple[float, bool, float]  # risk, whether the run passed, minutes saved if not


def aborted(log: Sequence[tuple[int, Event]]) -> dict[str, Any]:
    """Verdicts, share of wrong ones, share of failing minutes saved."""
    halves = [_half(log, first) for first in (True, False)]
    found: dict[str, Any] = {"goal": "saved >= 0.15 with wrong <= 0.01"}
    for name, half in zip(("first half", "second half"), halves, strict=True):
        earned, told, failing = half
        found[name] = {"level earned by project": _share(earned, failing)}
        for least in (0.95, 0.98):
            found[name][f"risk from {least}"] = _share([each for each in told if each[0] >= least], failing)
        found[name]["best threshold in hindsight"] = _share(_hindsight(told), failing)
    return found


def _half(log: Sequence[tuple[int, Event]], first: bool) -> tuple[list[Verdict], list[Verdict], float]:
    """Verdicts of the rule in use, all runs that are long enough to be worth one, and minutes of failing runs."""
    ledger, earned, told, failing = AbortLedger(), list[Verdict](), list[Verdict](), 0.0
    for offset, event in log:
        if isinstance(event, RunOpened):
            ledger.open(event.run)
        if not isinstance(event, ExampleRecorded):
            continue
        verdict = ledger.add(event)
        if (offset <= len(log) // 2) != first or event.seconds is None:
            continue
        failed, minutes, point = event.outcome == "failure", event.seconds / 60.0, event.checkpoints[0]
        failing += minutes if failed else 0.0
        one = (point.risk, not failed, minutes if failed else 0.0)
        earned += [one] if verdict else []
        told += [one] if point.remaining and point.remaining.point >= AbortPolicy().min_left_seconds else []
    return earned, told, failing


def _hindsight(told: Sequence[Verdict]) -> list[Verdict]:
    """The longest list of the riskiest runs of which few enough passed: no threshold on these risks saves more."""
    ranked, wrong, best = sorted(told, key=lambda each: -each[0]), 0, 0
    for number, (_, passed, _) in enumerate(ranked, 1):
        wrong += passed
        best = number if wrong <= _LIMIT * number else best
    return ranked[:best]


def _share(verdicts: Sequence[Verdict], failing: float) -> dict[str, Any]:
    wrong = sum(passed for _, passed, _ in verdicts)
    return {
        "verdicts": len(verdicts), "wrong": wrong, "wrong_share": round(wrong / max(1, len(verdicts)), 4),
        "saved_share": round(sum(minutes for _, _, minutes in verdicts) / failing, 4),
    }  # fmt: skip
