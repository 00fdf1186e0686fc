"""What the core sends, put together from a run's state. Ids follow from the input's: the same input, the same id."""

from __future__ import annotations

import hashlib

from models.pace import finished
from models.risk import PriorRisk
from models.run_state import RunState
from streams import events

__all__ = ["SOURCE", "alert_resolved", "checkpoint_of", "derive", "example_of", "run_opened"]

SOURCE = "/buildcast/core"


def derive(*parts: str) -> str:
    """An id that follows from its parts: the same input, the same id."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def run_opened(event: events.Event, state: RunState) -> events.RunOpened:
    """A run has started, for the fold."""
    return events.RunOpened(
        id=derive(event.id, "opened"),
        source=SOURCE,
        time=state.started_at,
        host=state.host,
        run=state.run,
        prior=state.prior,
    )


def checkpoint_of(forecast: events.ForecastMade, prior: PriorRisk, evidence: list[float]) -> events.Checkpoint:
    """A served forecast as its run's example keeps it."""
    return events.Checkpoint(
        at=forecast.time,
        elapsed_seconds=forecast.elapsed_seconds,
        trigger=forecast.trigger,
        evidence=evidence,
        risk=forecast.risk,
        prior_logit=prior.logit,
        remaining=forecast.remaining,
        model=forecast.model,
        stage=forecast.stage,
    )


def alert_resolved(event: events.Event, state: RunState, alert_id: str, why: str) -> events.AlertResolved:
    """An alert is over, and why."""
    return events.AlertResolved(
        id=derive(event.id, "resolved", alert_id),
        source=SOURCE,
        time=event.time,
        host=state.host,
        alert_id=alert_id,
        run_id=state.run.run_id,
        why=why,
    )


def example_of(event: events.RunFinished, state: RunState) -> events.ExampleRecorded:
    """What a run that has ended teaches."""
    lines = max(state.lines, event.lines or 0)
    return events.ExampleRecorded(
        id=derive(event.id, "example"),
        source=SOURCE,
        time=event.time,
        host=state.host,
        run=state.run,
        outcome=event.outcome,
        started_at=state.started_at,
        seconds=event.seconds if event.seconds >= 0.0 else None,  # negative: a history that does not say
        error_class=event.error_class,
        prior=state.prior,
        checkpoints=state.checkpoints,
        stages=state.stages,
        peak_rss_bytes=state.peak_rss_bytes or None,
        lines=lines or None,
        errors=state.errors,
        disk_used_bytes=event.disk_used_bytes,
        longest_silence_seconds=state.longest_silence_seconds or None,
        use=state.use,
        pace=finished(state.pace, lines, event.seconds),
    )
