"""Events to rows: pure. Each `Write` names a table, the row, and which column guards it against older writes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
from sqlalchemy import String, Table

from agents.store import tables
from agents.store.thinning import slot_of
from streams import events
from streams.errors import InvalidEvent

__all__ = ["Write", "writes_of"]

Cell: TypeAlias = str | int | float | bool | None
_Command: TypeAlias = (
    events.LabelRevised | events.ModelPromoted | events.ModelRolledBack | events.TrainingRequested
    | events.TrainingFinished
)  # fmt: skip
_MAX_INTEGER = 2**31 - 1
_MAX_BODY = 8_000_000
_json = msgspec.json.Encoder()


@dataclass(frozen=True)
class Write:
    """One row to put. Without a guard the first value stays; with one, the row of the highest guard stays."""

    table: Table
    row: Mapping[str, Cell]
    guard: str | None = None


def writes_of(event: events.Event) -> list[Write]:
    """The rows an event leaves, or `InvalidEvent` where a value fits no column. Events without rows give none."""
    found = _writes(event)
    for write in found:
        _check(write)
    return found


def _writes(event: events.Event) -> list[Write]:
    match event:
        case events.RunStarted() | events.RunQueued():
            return [_started(event)]
        case events.RunFinished():
            return [_finished(event)]
        case events.StepFinished():
            return [_step(event)]
        case events.LogSignal():
            return [_signal(event)]
        case events.RunSampled():
            return _run_sample(event)
        case events.ChangeObserved():
            return [_changed(event)]
        case events.PipelineStarted() | events.PipelineFinished():
            return [_pipeline(event)]
        case events.HostSampled():
            return [_host_sample(event)]
        case events.FindingReported():
            return [_finding(event)]
        case events.ForecastMade():
            return [_prediction(event), *_weights(event)]
        case events.AnomalyDetected():
            return [_anomaly(event)]
        case events.ImpactForecast():
            return [_impact(event)]
        case events.RunAnalysed():
            return [_analysis(event)]
        case events.AlertRaised() | events.AlertResolved():
            return [_alert(event)]
        case events.ExampleRecorded():
            return [_outcome(event)]
        case events.LabelRevised():
            return [_revision(event), _audit(event, "label-revised", event.run_id, event.before, event.verdict)]
        case _:
            return _model_writes(event)


def _model_writes(event: events.Event) -> list[Write]:
    match event:
        case events.ModelPromoted():
            return [_version(event, "promoted"), _moved(event, "model-promoted")]
        case events.ModelRolledBack():
            return [_version(event, "rolled-back"), _moved(event, "model-rolled-back")]
        case events.TrainingRequested():
            return [_requested(event), _audit(event, "training-requested", event.training_id, "", "requested")]
        case events.TrainingFinished():
            cancelled = [_audit(event, "training-cancelled", event.training_id, "requested", "cancelled")]
            return [_trained(event), *(cancelled if event.outcome == "cancel" else [])]
        case events.DriftDetected():
            return [_drift(event)]
        case _:
            return []


def _started(event: events.RunStarted | events.RunQueued) -> Write:
    run = event.run
    begun = isinstance(event, events.RunStarted)
    return Write(
        tables.runs,
        {
            "run_id": run.run_id, "name": run.name, "project": run.project, "host": event.host,
            "pipeline_id": run.pipeline_id, "branch": run.branch, "commit_id": run.commit,
            "started_at": event.time if begun else None,
            "queued_seconds": getattr(event, "queued_seconds", None),
            "body": _body(run), "start_version": _of(event, "1" if begun else "0"),
        },
        "start_version",
    )  # fmt: skip


def _finished(event: events.RunFinished) -> Write:
    return Write(
        tables.runs,
        {
            "run_id": event.run_id, "name": event.name, "project": event.project, "host": event.host,
            "pipeline_id": event.pipeline_id, "outcome": event.outcome, "finished_at": event.time,
            "seconds": event.seconds, "exit_code": event.exit_code, "error_class": event.error_class,
            "finish_version": _of(event),
        },
        "finish_version",
    )  # fmt: skip


def _changed(event: events.ChangeObserved) -> Write:
    return Write(
        tables.runs,
        {
            "run_id": event.run_id, "name": "", "project": "", "host": event.host, "pipeline_id": "",
            "change_body": _body(event), "change_version": _of(event),
        },
        "change_version",
    )  # fmt: skip


def _step(event: events.StepFinished) -> Write:
    return Write(
        tables.steps,
        {
            "id": event.id, "run_id": event.run_id, "stage": event.stage, "position": event.index,
            "started_at": event.started_at, "seconds": event.seconds,
        },
    )  # fmt: skip


def _signal(event: events.LogSignal) -> Write:
    return Write(
        tables.signals,
        {
            "id": event.id, "run_id": event.run_id, "time": event.time, "error_class": event.error_class,
            "stage": event.stage, "line": event.line, "count": event.count, "fatal": event.fatal,
        },
    )  # fmt: skip


def _run_sample(event: events.RunSampled) -> list[Write]:
    """Samples of before `elapsed_seconds` was told have no place in the run and leave no row."""
    if event.elapsed_seconds is None:
        return []
    row: dict[str, Cell] = {
        "run_id": event.run_id, "slot": slot_of(event.elapsed_seconds), "time": event.time,
        "elapsed_seconds": event.elapsed_seconds, "cpu_ratio": event.cpu_ratio, "rss_bytes": float(event.rss_bytes),
        "version": _of(event),
    }  # fmt: skip
    return [Write(tables.run_samples, row, "version")]


def _pipeline(event: events.PipelineStarted | events.PipelineFinished) -> Write:
    base: dict[str, Cell] = {"pipeline_id": event.pipeline_id, "name": event.name, "project": event.project}
    if isinstance(event, events.PipelineStarted):
        own: dict[str, Cell] = {"started_at": event.time, "body": _body(event), "start_version": _of(event)}
        return Write(tables.pipelines, base | own, "start_version")
    end: dict[str, Cell] = {
        "finished_at": event.time, "outcome": event.outcome, "seconds": event.seconds, "finish_version": _of(event)
    }  # fmt: skip
    return Write(tables.pipelines, base | end, "finish_version")


def _host_sample(event: events.HostSampled) -> Write:
    row: dict[str, Cell] = {
        "host": event.host, "time": event.time, "body": _body(event.metrics), "version": _of(event)
    }  # fmt: skip
    return Write(tables.host_samples, row, "version")


def _finding(event: events.FindingReported) -> Write:
    shared: dict[str, Cell] = {
        "check_name": event.check, "severity": event.severity, "time": event.time, "cleared": event.cleared,
        "body": _body(event),
    }  # fmt: skip
    if event.package:
        return Write(tables.vulnerabilities, shared | {"package": event.package, "version": _of(event)}, "version")
    return Write(tables.findings, shared | {"id": event.id, "run_id": event.run_id, "host": event.host})


def _prediction(event: events.ForecastMade) -> Write:
    left = event.remaining
    return Write(
        tables.predictions,
        {
            "id": event.id, "run_id": event.run_id, "time": event.time, "elapsed_seconds": event.elapsed_seconds,
            "trigger_kind": event.trigger, "risk": event.risk, "risk_lower": event.risk_lower,
            "risk_upper": event.risk_upper, "confidence": event.confidence, "variance": event.variance,
            "remaining_seconds": left.point if left else None, "remaining_lower": left.lower if left else None,
            "remaining_upper": left.upper if left else None, "anomaly_score": event.anomaly_score,
            "model_config": event.model.config, "model_offset": event.model.offset, "body": _body(event),
        },
    )  # fmt: skip


def _weights(event: events.ForecastMade) -> list[Write]:
    return [
        Write(
            tables.ensemble_weights,
            {
                "model_config": event.model.config, "model_offset": event.model.offset, "member": member,
                "weight": weight, "time": event.time,
            },
        )
        for member, weight in event.weights.items()
    ]  # fmt: skip


def _anomaly(event: events.AnomalyDetected) -> Write:
    row: dict[str, Cell] = {
        "id": event.id, "host": event.host, "time": event.time, "score": event.score, "body": _body(event)
    }  # fmt: skip
    return Write(tables.anomalies, row)


def _impact(event: events.ImpactForecast) -> Write:
    row: dict[str, Cell] = {
        "id": event.id, "run_id": event.run_id, "host": event.host, "pipeline_id": event.pipeline_id,
        "time": event.time, "cause": event.cause, "delay_seconds": event.delay_seconds, "body": _body(event),
    }  # fmt: skip
    return Write(tables.impacts, row)


def _analysis(event: events.RunAnalysed) -> Write:
    row: dict[str, Cell] = {
        "id": event.id, "run_id": event.run_id, "name": event.name, "project": event.project, "host": event.host,
        "time": event.time, "seconds": event.seconds,
        "saving_seconds": event.advice[0].saving_seconds.point if event.advice else 0.0, "body": _body(event),
    }  # fmt: skip
    return Write(tables.analyses, row)


def _alert(event: events.AlertRaised | events.AlertResolved) -> Write:
    base: dict[str, Cell] = {"alert_id": event.alert_id, "run_id": event.run_id}
    if isinstance(event, events.AlertResolved):
        end: dict[str, Cell] = {"resolved_at": event.time, "why": event.why, "resolve_version": _of(event)}
        return Write(tables.alerts, base | end, "resolve_version")
    raised: dict[str, Cell] = {
        "name": event.name, "cause": event.cause, "severity": event.severity, "risk": event.risk,
        "threshold": event.threshold, "raised_at": event.time, "body": _body(event), "raise_version": _of(event),
    }  # fmt: skip
    return Write(tables.alerts, base | raised, "raise_version")


def _outcome(event: events.ExampleRecorded) -> Write:
    points = event.checkpoints
    return Write(
        tables.outcomes,
        {
            "run_id": event.run.run_id, "project": event.run.project, "name": event.run.name,
            "outcome": event.outcome, "started_at": event.started_at, "known_at": event.time,
            "seconds": event.seconds, "error_class": event.error_class,
            "first_risk": points[0].risk if points else None, "last_risk": points[-1].risk if points else None,
            "checkpoints": len(points), "body": _body(event),
        },
    )  # fmt: skip


def _revision(event: events.LabelRevised) -> Write:
    row: dict[str, Cell] = {
        "id": event.id, "run_id": event.run_id, "time": event.time, "verdict": event.verdict,
        "principal": event.principal, "note": event.note,
    }  # fmt: skip
    return Write(tables.label_revisions, row)


def _version(event: events.ModelPromoted | events.ModelRolledBack, kind: str) -> Write:
    row: dict[str, Cell] = {
        "id": event.id, "kind": kind, "model": event.model, "config": event.config, "at_offset": event.at_offset,
        "previous": event.previous, "principal": event.principal, "time": event.time, "body": _body(event),
    }  # fmt: skip
    if from_ := event.lineage:
        row |= {
            "sha256": from_.sha256, "code_version": from_.code, "river_version": from_.river,
            "trigger_kind": from_.trigger, "training_id": from_.training_id, "training_seconds": from_.seconds,
        }  # fmt: skip
    return Write(tables.model_versions, row)


def _moved(event: events.ModelPromoted | events.ModelRolledBack, action: str) -> Write:
    return _audit(event, action, event.config, event.previous, f"{event.config} from offset {event.at_offset} on")


def _requested(event: events.TrainingRequested) -> Write:
    row: dict[str, Cell] = {
        "training_id": event.training_id, "model": event.model, "trigger_kind": event.trigger,
        "principal": event.principal, "requested_at": event.time, "request_version": _of(event),
    }  # fmt: skip
    return Write(tables.training_runs, row, "request_version")


def _trained(event: events.TrainingFinished) -> Write:
    row: dict[str, Cell] = {
        "training_id": event.training_id, "model": event.model, "trigger_kind": event.trigger,
        "outcome": event.outcome, "finished_at": event.time, "seconds": event.seconds,
        "examples": event.examples, "body": _body(event), "finish_version": _of(event),
    }  # fmt: skip
    return Write(tables.training_runs, row, "finish_version")


def _drift(event: events.DriftDetected) -> Write:
    row: dict[str, Cell] = {
        "id": event.id, "detector": event.detector, "model": event.model, "at_offset": event.at_offset,
        "time": event.time, "body": _body(event),
    }  # fmt: skip
    return Write(tables.drift, row)


def _audit(event: _Command, action: str, subject: str, before: str, after: str) -> Write:
    row: dict[str, Cell] = {
        "id": event.id, "time": event.time, "principal": event.principal, "action": action, "subject": subject,
        "body": _body(event), "before_value": before, "after_value": after,
    }  # fmt: skip
    return Write(tables.audit, row)


def _of(event: events.Event, rank: str = "0") -> str:
    """When and by which event: sorts by rank, then time, then id."""
    return f"{rank}{event.time:018.6f}|{event.id}"


def _body(value: object) -> str:
    return _json.encode(value).decode()


def _check(write: Write) -> None:
    for name, value in write.row.items():
        match value:
            case str():
                _check_text(write.table, name, value)
            case float() if not math.isfinite(value):
                raise InvalidEvent("bad-value", f"{write.table.name}.{name} is {value}")
            case int() if abs(value) > _MAX_INTEGER and not isinstance(value, bool):
                raise InvalidEvent("bad-value", f"{write.table.name}.{name} is beyond 32 bits")
            case _:
                pass


def _check_text(table: Table, name: str, value: str) -> None:
    kind = table.c[name].type
    limit = (kind.length if isinstance(kind, String) else None) or _MAX_BODY
    if len(value) > limit:
        raise InvalidEvent("bad-value", f"{table.name}.{name} has {len(value)} characters, at most {limit} fit")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidEvent("bad-value", f"{table.name}.{name} is not UTF-8") from error
