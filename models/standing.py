"""What the model says of a run apart from what the run shows: asked once a run between two lessons.

A run's description stays as it was at its start, and the model changes only by a lesson, so one answer serves all of
the run's forecasts in between, to the same digit.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.forecaster import Forecaster
from models.risk import PriorRisk
from streams.events import Counterfactual, PriorFeatures, Run

__all__ = ["Standing", "Standings"]

_LIMIT = 2_000  # runs; about 8 KB each with reasons


@dataclass(frozen=True, slots=True)
class Standing:
    """The pre-start risk of a run with its reasons, and what would change it."""

    run: Run
    prior: PriorFeatures
    risk: PriorRisk
    changes: list[Counterfactual]


class Standings:
    """Answers by run, of one forecaster since its last lesson. `explain`: with reasons and changes."""

    def __init__(self, explain: bool = True) -> None:
        self.explain = explain
        self._held: dict[str, Standing] = {}
        self._asked: tuple[Forecaster, int] | None = None

    def of(self, forecaster: Forecaster, run: Run, prior: PriorFeatures) -> Standing:
        """The answer that stands, or a fresh one."""
        if self._asked is None or self._asked[0] is not forecaster or self._asked[1] != forecaster.lessons:
            self._asked = (forecaster, forecaster.lessons)
            self._held.clear()
        held = self._held.get(run.run_id)
        if held is None or held.prior is not prior or held.run is not run:
            if len(self._held) >= _LIMIT:
                self._held.clear()
            held = self._held[run.run_id] = self._ask(forecaster, run, prior)
        return held

    def _ask(self, forecaster: Forecaster, run: Run, prior: PriorFeatures) -> Standing:
        risk = forecaster.risk
        if not self.explain:
            return Standing(run, prior, risk.score_bare(prior), [])
        answer = risk.answer(prior)
        changes = risk.counterfactuals(run, prior, forecaster.retry.chance(run), answer)
        return Standing(run, prior, risk.score(prior, answer), changes)
