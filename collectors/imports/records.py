"""What a parser is given and what it yields: events, records that cannot be read, records that are left out on purpose.

Law of the package: a parser is pure. Time comes from the record or `Origin.modified_at`, ids from the record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from streams.events import Event, Outcome, Run, RunFinished, RunStarted

__all__ = [
    "BadRecord",
    "FinishedRun",
    "Item",
    "LeftOut",
    "Origin",
    "Parser",
    "digest",
    "moment",
    "started_and_finished",
]

LINE_LIMIT = 300  # characters of a log line that an event may carry


@dataclass(frozen=True)
class Origin:
    """Where lines come from. `modified_at` serves formats that carry no time; `project` and `host` override theirs."""

    name: str
    modified_at: float = 0.0
    project: str = ""
    host: str = ""


@dataclass(frozen=True)
class BadRecord:
    """A record that cannot be read: where (`line 7`) and why, for a person."""

    where: str
    reason: str


@dataclass(frozen=True)
class LeftOut:
    """A well-formed record that is no finished run (`canceled before it started`); counted by reason."""

    reason: str


Item: TypeAlias = Event | BadRecord | LeftOut
Parser: TypeAlias = Callable[[Iterable[str], Origin], Iterator[Item]]


@dataclass(frozen=True)
class FinishedRun:
    """A run that is over. `seconds` 0.0 means that the source does not record it."""

    run: Run
    host: str
    started_at: float
    seconds: float
    outcome: Outcome
    error_class: str = ""
    exit_code: int | None = None
    timed_out: bool = False
    queued_seconds: float | None = None
    disk_used_bytes: int | None = None


def started_and_finished(finished: FinishedRun, source: str) -> tuple[RunStarted, RunFinished]:
    """The two events of a finished run, with ids that follow from the run's."""
    run = finished.run
    start = RunStarted(
        id=f"{run.run_id}/started",
        source=source,
        time=finished.started_at,
        host=finished.host,
        run=run,
        queued_seconds=finished.queued_seconds,
    )
    end = RunFinished(
        id=f"{run.run_id}/finished",
        source=source,
        time=finished.started_at + finished.seconds,
        host=finished.host,
        run_id=run.run_id,
        name=run.name,
        project=run.project,
        outcome=finished.outcome,
        started_at=finished.started_at,
        seconds=finished.seconds,
        exit_code=finished.exit_code,
        error_class=finished.error_class,
        timed_out=finished.timed_out,
        pipeline_id=run.pipeline_id,
        disk_used_bytes=finished.disk_used_bytes,
    )
    return start, end


def digest(*parts: str) -> str:
    """A short id that follows from its parts.

    >>> digest("a", "b") == digest("a", "b") != digest("ab", "")
    True
    """
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=10).hexdigest()


def moment(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 date and time; one without a zone is UTC. Raises ValueError.

    >>> moment("2012-06-01T04:07:59"), moment("2011-08-29 0:13")
    (1338523679.0, 1314576780.0)
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = datetime.strptime(text, "%Y-%m-%d %H:%M")  # noqa: DTZ007  # the zone is set below
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
