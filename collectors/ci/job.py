"""A CI job as every system tells it, and the events it makes. Ids follow from the job's, so that a hook, its repeat
and a pull of the same job are one fact.

Host: a job on a runner of the site's own carries that runner's name and so meets its metrics. A shared runner is gone
after the job: such jobs, and all that wait, carry their pool's name (system and labels).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from collectors.redaction import Redactor
from streams.errors import InvalidEvent
from streams.events import Event, Outcome, Run, RunFinished, RunQueued, RunStarted, StepFinished, StepStarted

__all__ = ["Job", "Step", "identifier", "instant", "job_events", "parsed_json", "pool_of", "required", "text"]

_REDACTOR = Redactor()
_EARLIEST, _LATEST = 0.0, 4102444800.0  # 1970 and 2100: a time outside is a mistake


@dataclass(frozen=True)
class Step:
    """A part of a job with its own times."""

    name: str
    number: int
    started_at: float | None = None
    finished_at: float | None = None


@dataclass(frozen=True)
class Job:
    """A job. Times are seconds since the epoch; None means not yet, or not told."""

    run: Run
    source: str
    pool: str
    runner: str = ""  # of the site's own; empty for shared ones
    queued_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    outcome: Outcome | None = None  # None while it is not over
    queued_seconds: float | None = None
    timed_out: bool = False
    error_class: str = ""
    exit_code: int | None = None
    steps: list[Step] = field(default_factory=list)


def job_events(job: Job) -> list[Event]:
    """What is known of the job so far, secrets masked; the whole of it each time, for a hook may have been lost."""
    job = _masked(job)
    found: list[Event] = []
    if job.queued_at is not None:
        found.append(_queued(job, job.queued_at))
    if job.started_at is None:
        return found if job.outcome is None else []  # over before it began: nothing to learn from
    found.append(_started(job, job.started_at))
    found += _steps(job)
    if job.outcome is not None:
        found.append(_finished(job, job.started_at, job.outcome))
    return found


def _masked(job: Job) -> Job:
    """What people write into names and addresses may hold secrets: a job's matrix, a branch, a step's command."""
    masked = _REDACTOR.text
    run = msgspec.structs.replace(
        job.run,
        name=masked(job.run.name),
        branch=masked(job.run.branch),
        links={kind: masked(address) for kind, address in job.run.links.items()},
    )
    return replace(job, run=run, steps=[replace(step, name=masked(step.name)) for step in job.steps])


def _queued(job: Job, at: float) -> RunQueued:
    return RunQueued(id=f"{job.run.run_id}/queued", source=job.source, time=at, host=job.pool, run=job.run)


def _started(job: Job, at: float) -> RunStarted:
    waited = job.queued_seconds
    if waited is None and job.queued_at is not None:
        waited = max(0.0, at - job.queued_at)
    return RunStarted(
        id=f"{job.run.run_id}/started",
        source=job.source,
        time=at,
        host=job.runner or job.pool,
        run=job.run,
        queued_seconds=waited,
    )


def _finished(job: Job, started_at: float, outcome: Outcome) -> RunFinished:
    ended_at = max(started_at, job.finished_at if job.finished_at is not None else started_at)
    return RunFinished(
        id=f"{job.run.run_id}/finished",
        source=job.source,
        time=ended_at,
        host=job.runner or job.pool,
        run_id=job.run.run_id,
        name=job.run.name,
        project=job.run.project,
        outcome=outcome,
        started_at=started_at,
        seconds=ended_at - started_at,
        exit_code=job.exit_code,
        error_class=job.error_class,
        timed_out=job.timed_out,
        pipeline_id=job.run.pipeline_id,
    )


def _steps(job: Job) -> Iterable[Event]:
    for step in job.steps:
        if step.started_at is None:
            continue
        common: dict[str, Any] = {
            "source": job.source,
            "host": job.runner or job.pool,
            "run_id": job.run.run_id,
            "stage": step.name,
            "index": step.number,
        }
        step_id = f"{job.run.run_id}/step/{step.number}"
        yield StepStarted(id=f"{step_id}/started", time=step.started_at, **common)
        if step.finished_at is not None:
            ended_at = max(step.started_at, step.finished_at)
            yield StepFinished(
                id=f"{step_id}/finished",
                time=ended_at,
                started_at=step.started_at,
                seconds=ended_at - step.started_at,
                **common,
            )


def pool_of(system: str, labels: Iterable[str]) -> str:
    """The name of a pool of runners: its system and labels, in an order of their own.

    >>> pool_of("github", ["x64", "linux"])
    'github/linux,x64'
    """
    names = sorted({str(label).lower() for label in labels})
    return f"{system}/{','.join(names)}" if names else system


def instant(value: object, name: str = "time") -> float | None:
    """A time in any of the forms CI systems use: ISO 8601, `2016-08-12 15:23:28 UTC`, or seconds since the epoch.

    >>> instant("2016-08-12 15:23:28 UTC"), instant("2016-08-12T15:23:28Z"), instant(None)
    (1471015408.0, 1471015408.0, None)
    """
    if value is None or value == "":
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        seconds = _parsed(value, name)
    else:
        raise InvalidEvent("bad-time", f"{name} is {type(value).__name__}")
    if not (math.isfinite(seconds) and _EARLIEST <= seconds <= _LATEST):
        raise InvalidEvent("bad-time", f"{name} is out of range")
    return seconds


def _parsed(value: str, name: str) -> float:
    try:
        parsed = datetime.fromisoformat(value.removesuffix(" UTC"))
    except ValueError as error:
        raise InvalidEvent("bad-time", f"{name} is no time: {value[:40]!r}") from error
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def required(document: Any, *path: str) -> Any:
    """The value at a path of keys; InvalidEvent names what is missing."""
    value = document
    for depth, key in enumerate(path, 1):
        value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            raise InvalidEvent("missing-field", ".".join(path[:depth]))
    return value


def text(document: Any, key: str, limit: int = 300) -> str:
    """A text field, cut; anything else is empty."""
    value = document.get(key) if isinstance(document, dict) else None
    return value[:limit] if isinstance(value, str) else ""


def identifier(document: Any, *path: str) -> str:
    """An id that is a number or text, as text that is safe in an id."""
    value = required(document, *path)
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise InvalidEvent("bad-field", f"{'.'.join(path)} is no id")
    return str(value)[:200]


def parsed_json(body: bytes) -> Any:
    """A body's JSON. InvalidEvent for what is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent("bad-json", str(error)[:200]) from error
