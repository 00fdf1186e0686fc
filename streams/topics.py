"""The topics: one table that the broker is made from, the agents subscribe by and the docs show."""

from __future__ import annotations

from dataclasses import dataclass

from streams import events

__all__ = ["TOPICS", "Topic", "key_of", "topic_of"]

_DAY = 86_400


@dataclass(frozen=True)
class Topic:
    """A topic as declared. `partitions` None means the site's setting (default 8); `keep_seconds` None for ever."""

    name: str
    key: str
    carries: tuple[type[events.Event], ...]
    partitions: int | None
    keep_seconds: int | None
    meaning: str


TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic(
            "build-events.v1",
            "host",
            (
                events.RunQueued,
                events.RunStarted,
                events.StepStarted,
                events.StepFinished,
                events.LogSignal,
                events.RunFinished,
                events.PipelineStarted,
                events.PipelineFinished,
                events.ChangeObserved,
                events.FindingReported,
            ),
            None,
            30 * _DAY,
            "what runs do",
        ),
        Topic(
            "host-metrics.v1",
            "host",
            (events.HostSampled, events.RunSampled),
            None,
            7 * _DAY,
            "what hosts and process trees use",
        ),
        Topic(
            "predictions.v1",
            "run_id",
            (events.ForecastMade, events.AnomalyDetected, events.ImpactForecast, events.RunAnalysed),
            None,
            30 * _DAY,
            "forecasts",
        ),
        Topic(
            "alerts.v1",
            "run_id",
            (events.AlertRaised, events.AlertResolved),
            None,
            90 * _DAY,
            "alerts raised and resolved",
        ),
        Topic(
            "examples.v1",
            "run_id",
            (events.RunOpened, events.ExampleRecorded, events.LabelRevised),
            1,
            None,
            "the log that models are folded over: runs opened, finished, revised",
        ),
        Topic(
            "model-events.v1",
            "model",
            (
                events.TrainingRequested,
                events.TrainingFinished,
                events.ModelPromoted,
                events.ModelRolledBack,
                events.DriftDetected,
            ),
            1,
            None,
            "promotions, roll-backs, drift, training",
        ),
        Topic(
            "dead-letters.v1",
            "origin topic",
            (),
            1,
            30 * _DAY,
            "raw bytes that were refused, with the reason in headers",
        ),
    )
}

_TOPIC_OF = {kind: topic.name for topic in TOPICS.values() for kind in topic.carries}


def topic_of(event: events.Event) -> str:
    """The topic an event belongs on.

    >>> topic_of(events.HostSampled(id="1", source="/h", time=0.0, host="h", metrics={}))
    'host-metrics.v1'
    """
    return _TOPIC_OF[type(event)]


def key_of(event: events.Event) -> bytes:
    """The record key: the host for what hosts send, else the run or model it is about."""
    match TOPICS[topic_of(event)].key:
        case "host":
            return event.host.encode()
        case "model":
            return str(getattr(event, "model", "")).encode()
        case _:
            run = getattr(event, "run", None)
            return str(run.run_id if run is not None else getattr(event, "run_id", event.host)).encode()
