"""The one door: an event in, what follows from it out. Live worker, local mode, replay and evaluation all enter here.

`handle` returns events to send: forecasts, alerts, and for the fold a run opened and an example recorded. The core
does not fold them itself: they take effect when they come back from `examples.v1`, so every replica agrees. Ids of
outputs are derived from the input's id: the same input again gives the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from models.alerts import AlertPolicy, judge
from models.evidence import observe
from models.forecast import compose
from models.forecaster import Forecaster
from models.impact import ImpactPolicy, delayed_by, lateness
from models.outputs import SOURCE, alert_resolved, checkpoint_of, derive, example_of, run_opened
from models.run_state import RunState
from models.standing import Standing, Standings
from models.tracker import Moment, Tracker, TrackerLimits
from models.tracker_state import dump, restore
from streams import events

__all__ = ["SOURCE", "Core", "CoreConfig"]

_NO_POSITIONS: Mapping[str, int] = {}


@dataclass(frozen=True)
class CoreConfig:
    """Policies of the live path."""

    alerts: AlertPolicy = field(default_factory=AlertPolicy)
    limits: TrackerLimits = field(default_factory=TrackerLimits)
    impact: ImpactPolicy = field(default_factory=ImpactPolicy)
    anomaly_at: float = 0.9  # host anomaly scores from here on are told
    explain: bool = True  # reasons, blame and counterfactuals; the risk is the same without, for bulk replays


class Core:
    """A tracker and the shared forecaster, behind one function."""

    def __init__(self, forecaster: Forecaster, config: CoreConfig | None = None) -> None:
        self.forecaster = forecaster
        self.config = config or CoreConfig()
        self.tracker = Tracker(self.config.limits)
        self._standings = Standings(self.config.explain)

    def handle(self, event: events.Event, positions: Mapping[str, int] = _NO_POSITIONS) -> list[events.Event]:
        """What follows from one event."""
        return self.handle_batch([(event, positions)])[0]

    def handle_batch(self, items: Sequence[tuple[events.Event, Mapping[str, int]]]) -> list[list[events.Event]]:
        """What follows from each of several events, in order; the same digits as one at a time."""
        return [self._handle(event, positions) for event, positions in items]

    def state(self) -> bytes:
        """The tracker as plain bytes, for a partition's snapshot."""
        return dump(self.tracker)

    def load(self, raw: bytes) -> None:
        """Go on from a snapshot's bytes."""
        restore(self.tracker, raw)

    def _handle(self, event: events.Event, positions: Mapping[str, int]) -> list[events.Event]:
        if isinstance(event, events.RunFinished):
            return self._finish(event)
        moment = self.tracker.update(event)
        if moment is not None:
            return self._score(event, moment, positions)
        if isinstance(event, events.HostSampled):
            return self._anomaly(event)
        return []

    def _score(self, event: events.Event, moment: Moment, positions: Mapping[str, int]) -> list[events.Event]:
        state, now = moment.state, moment.now
        outputs: list[events.Event] = []
        if state.prior is None:
            self._describe(state, now)
            outputs.append(run_opened(event, state))
        assert state.prior is not None
        standing = self._standings.of(self.forecaster, state.run, state.prior)
        evidence = observe(state, now)
        forecast = self._forecast(event, moment, standing, evidence, positions)
        state.keep(checkpoint_of(forecast, standing.risk, evidence))
        judged = self._judge(event, state, forecast, evidence)
        return [forecast, *outputs, *judged, *self._held_up(event, state, forecast, judged)]

    def _describe(self, state: RunState, now: float) -> None:
        fc = self.forecaster
        state.prior = fc.risk.describe(state.run, now, host=state.host)
        expected = fc.duration.predict(state.run, now, host=state.host)
        if expected is not None:
            state.expected_seconds, state.upper_seconds = expected.point, expected.upper
        usual = fc.usual.of(state.run)
        state.usual_silence_seconds, state.usual_errors = usual.silence_seconds, dict(usual.errors)
        state.disk_needed_bytes, state.usual_runs, state.usual_pace = usual.disk_bytes, usual.runs, usual.pace

    def _forecast(
        self,
        event: events.Event,
        moment: Moment,
        standing: Standing,
        evidence: Sequence[float],
        positions: Mapping[str, int],
    ) -> events.ForecastMade:
        odd = self.tracker.odd.get(moment.state.host)
        parts = compose(self.forecaster, moment, standing, evidence, self.config.explain)
        return events.ForecastMade(
            id=derive(event.id, "forecast", self.forecaster.config.name),
            source=SOURCE,
            time=moment.now,
            host=moment.state.host,
            run_id=moment.state.run.run_id,
            name=moment.state.run.name,
            project=moment.state.run.project,
            elapsed_seconds=moment.state.elapsed(moment.now),
            trigger=moment.trigger,
            stage=moment.state.stage,
            model=self.forecaster.ref,
            anomaly_score=odd.score if odd else 0.0,
            anomalies=odd.ranked[:5] if odd and odd.score >= self.config.anomaly_at else [],
            positions=dict(positions),
            **parts,
        )

    def _judge(
        self, event: events.Event, state: RunState, forecast: events.ForecastMade, evidence: Sequence[float]
    ) -> list[events.Event]:
        shown = self.forecaster.evidence.logit(evidence)
        verdict = judge(state, forecast.time, forecast.risk, forecast.confidence, shown, self.config.alerts)
        outputs: list[events.Event] = []
        for cause in verdict.raised:
            alert_id = derive(state.run.run_id, "alert", cause)
            state.raised[cause] = alert_id
            state.spent.append(cause)
            outputs.append(self._alert(event, state, forecast, cause, alert_id))
        for cause in verdict.resolved:
            outputs.append(alert_resolved(event, state, state.raised.pop(cause), "fell"))
        return outputs

    def _alert(
        self, event: events.Event, state: RunState, forecast: events.ForecastMade, cause: str, alert_id: str
    ) -> events.AlertRaised:
        policy = self.config.alerts
        return events.AlertRaised(
            id=derive(event.id, "raised", cause),
            source=SOURCE,
            time=forecast.time,
            host=state.host,
            alert_id=alert_id,
            run_id=state.run.run_id,
            name=state.run.name,
            cause=cause,
            severity="critical" if forecast.risk >= 0.95 else "warning",
            risk=forecast.risk,
            threshold=policy.raise_at if cause == "level" else policy.slope_floor,
            reasons=sorted((r for r in forecast.reasons if r.logit > 0), key=lambda r: -r.logit)[:5],
            links=state.run.links,
            remaining=forecast.remaining,
        )

    def _held_up(
        self, event: events.Event, state: RunState, forecast: events.ForecastMade, judged: Sequence[events.Event]
    ) -> list[events.Event]:
        """Whom a running run holds up: it is late, or it has just become likely to fail."""
        now, left = forecast.time, forecast.remaining
        late = lateness(state, left.point, now, self.config.impact) if left is not None else 0.0
        found = self._impact(event, state, "slow", late, now)
        if found:
            state.told_delay_seconds = late
        if any(isinstance(one, events.AlertRaised) and one.cause == "level" for one in judged):
            again = forecast.risk * (state.expected_seconds or state.elapsed(now))
            found += self._impact(event, state, "failing", again, now)
        return found

    def _impact(
        self,
        event: events.Event,
        state: RunState,
        cause: Literal["failed", "failing", "slow"],
        seconds: float,
        now: float,
    ) -> list[events.Event]:
        if seconds <= 0.0:
            return []
        delayed = delayed_by(self.tracker, state, seconds, now, cause == "slow", self.config.impact)
        run = state.run
        impact = events.ImpactForecast(
            id=derive(event.id, "impact", cause), source=SOURCE, time=now, host=state.host, run_id=run.run_id,
            name=run.name, project=run.project, cause=cause, delay_seconds=seconds, delayed=delayed,
            pipeline_id=run.pipeline_id,
        )  # fmt: skip
        return [impact] if delayed else []

    def _finish(self, event: events.RunFinished) -> list[events.Event]:
        state = self.tracker.finish(event)
        if state is None:
            return []
        outputs: list[events.Event] = [
            alert_resolved(event, state, alert_id, f"finished-{event.outcome}") for alert_id in state.raised.values()
        ]
        if event.outcome in ("failure", "error"):
            again = state.expected_seconds or max(0.0, event.seconds)
            outputs += self._impact(event, state, "failed", again, event.time)
        example = example_of(event, state)
        return [*outputs, *self._analysed(event, example), example]

    def _analysed(self, event: events.RunFinished, example: events.ExampleRecorded) -> list[events.Event]:
        fc, run = self.forecaster, example.run
        held_back, advice, checked = fc.advisor.analyse(example, fc.duration)
        if not held_back and not advice and not checked:
            return []
        analysed = events.RunAnalysed(
            id=derive(event.id, "analysed"), source=SOURCE, time=event.time, host=example.host, run_id=run.run_id,
            name=run.name, project=run.project, seconds=event.seconds, held_back=held_back, advice=advice,
            checked=checked,
        )  # fmt: skip
        return [analysed]

    def _anomaly(self, event: events.HostSampled) -> list[events.Event]:
        odd = self.tracker.odd.get(event.host)
        if odd is None or odd.score < self.config.anomaly_at or not odd.ranked:
            return []
        return [
            events.AnomalyDetected(
                id=derive(event.id, "anomaly"),
                source=SOURCE,
                time=event.time,
                host=event.host,
                score=odd.score,
                ranked=odd.ranked[:5],
            )
        ]
