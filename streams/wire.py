"""Which CDEvents type each event travels as, and which of its fields the standard's `content` holds.

A standard type is used where one fits (CDEvents 0.5.1); its content allows nothing extra, so the rest of the event
stands in `customData`. Own types follow the registry's pattern `dev.cdeventsx.<tool>-<subject>.<predicate>.<version>`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from streams import events

__all__ = ["KINDS", "Kind", "kind_of"]


@dataclass(frozen=True)
class Kind:
    """One event on the wire. `subject` and `content` read the event; decoding needs only `customData`."""

    name: str  # the CDEvents type
    struct: type[events.Event]
    subject: Callable[[Any], str]
    content: Callable[[Any], dict[str, Any]]


def _nothing(event: events.Event) -> dict[str, Any]:
    return {}


def _task(name: str, pipeline_id: str) -> dict[str, Any]:
    content: dict[str, Any] = {"taskName": name}
    if pipeline_id:
        content["pipelineRun"] = {"id": pipeline_id}
    return content


def _run_started(event: events.RunStarted) -> dict[str, Any]:
    return _task(event.run.name, event.run.pipeline_id)


def _run_finished(event: events.RunFinished) -> dict[str, Any]:
    content = _task(event.name, event.pipeline_id) | {"outcome": event.outcome}
    return content | ({"errors": event.error_class} if event.error_class else {})


def _pipeline_finished(event: events.PipelineFinished) -> dict[str, Any]:
    return {"pipelineName": event.name, "outcome": event.outcome}


def _repository(event: events.ChangeObserved) -> dict[str, Any]:
    return {"repository": {"id": event.repository}} if event.repository else {}


def _run_id(event: Any) -> str:
    return str(event.run_id)


def _inner_run_id(event: Any) -> str:
    return str(event.run.run_id)


def _standard(
    type_: str,
    struct: type[events.Event],
    subject: Callable[[Any], str],
    content: Callable[[Any], dict[str, Any]],
) -> Kind:
    return Kind(f"dev.cdevents.{type_}", struct, subject, content)


def _own(
    name: str, struct: type[events.Event], subject: Callable[[Any], str] = _run_id, version: str = "0.1.0"
) -> Kind:
    return Kind(f"dev.cdeventsx.buildcast-{name}.{version}", struct, subject, _nothing)


_ALL = (
    _own("run.queued", events.RunQueued, _inner_run_id),
    _standard("taskrun.started.0.3.0", events.RunStarted, _inner_run_id, _run_started),
    _own("step.started", events.StepStarted),
    _own("step.finished", events.StepFinished),
    _own("logsignal.observed", events.LogSignal),
    _own("runsample.observed", events.RunSampled),
    _standard("taskrun.finished.0.3.0", events.RunFinished, _run_id, _run_finished),
    _standard(
        "pipelinerun.started.0.3.0",
        events.PipelineStarted,
        lambda event: str(event.pipeline_id),
        lambda event: {
            "pipelineName": event.name,
            "uri": f"urn:buildcast:pipeline:{quote(event.pipeline_id, safe='')}",
        },
    ),
    _standard(
        "pipelinerun.finished.0.3.0",
        events.PipelineFinished,
        lambda event: str(event.pipeline_id),
        _pipeline_finished,
    ),
    _standard("change.updated.0.3.0", events.ChangeObserved, _run_id, _repository),
    _own("hostsample.observed", events.HostSampled, lambda event: str(event.host)),
    _own("anomaly.detected", events.AnomalyDetected, lambda event: str(event.host)),
    _own("finding.reported", events.FindingReported, lambda event: str(event.check)),
    _own("prediction.created", events.ForecastMade),
    _own("impact.forecast", events.ImpactForecast),
    _own("run.analysed", events.RunAnalysed),
    _own("alert.raised", events.AlertRaised, lambda event: str(event.alert_id)),
    _own("alert.resolved", events.AlertResolved, lambda event: str(event.alert_id)),
    _own("run.opened", events.RunOpened, _inner_run_id),
    _own("example.recorded", events.ExampleRecorded, _inner_run_id),
    _own("label.revised", events.LabelRevised),
    _own("training.requested", events.TrainingRequested, lambda event: str(event.training_id)),
    _own("training.finished", events.TrainingFinished, lambda event: str(event.training_id)),
    _own("model.promoted", events.ModelPromoted, lambda event: str(event.model)),
    _own("model.rolledback", events.ModelRolledBack, lambda event: str(event.model)),
    _own("drift.detected", events.DriftDetected, lambda event: str(event.model)),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
_BY_STRUCT = {kind.struct: kind for kind in _ALL}


def kind_of(event: events.Event) -> Kind:
    """The wire kind of an event."""
    return _BY_STRUCT[type(event)]
