"""Finished CI builds of public histories as events of the wire, in the order of time, outcomes when they were known.

Formats: `travis` (TravisTorrent-like CSV), `dlci` (DL-CIBuild CSVs, one project a file), `gha` (GitHub Actions jobs as
JSON). A record without an outcome (canceled, created, still started) is no run to score and is left out, counted.
"""

from __future__ import annotations

import csv
import gzip
import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from streams.errors import ConfigError
from streams.events import Event, Run, RunFinished, RunStarted

__all__ = ["FORMATS", "Record", "events_of", "read"]

SOURCE = "/records/ci"


@dataclass(frozen=True)
class Record:
    """One finished run of a history; seconds since the epoch. `known_at` is when its outcome could be known."""

    run: Run
    started_at: float
    known_at: float
    failed: bool
    seconds: float | None
    error_class: str = ""


def read(path: Path, format_: str) -> list[Record]:
    """All records of a file (for `dlci` also a folder of files), by start time. `ConfigError` if it is none."""
    reader = FORMATS.get(format_)
    if reader is None:
        raise ConfigError(f"format {format_!r} is not known: use one of {', '.join(FORMATS)}")
    if not path.exists():
        raise ConfigError(f"{path} does not exist: give a file of the {format_} format")
    files = sorted(p for p in path.iterdir() if ".csv" in p.name) if path.is_dir() else [path]
    try:
        records = [record for file in files for record in reader(file)]
    except (KeyError, ValueError, TypeError, UnicodeDecodeError, EOFError, gzip.BadGzipFile, csv.Error) as error:
        raise ConfigError(f"{path} is not of the {format_} format: {type(error).__name__}: {error}") from error
    if not records:
        raise ConfigError(f"{path} holds no finished run of the {format_} format")
    return _told_apart(sorted(records, key=lambda record: record.started_at))


def _told_apart(records: list[Record]) -> list[Record]:
    """An id that comes again (a restarted build, another file) gets a number behind it: each record is a run."""
    seen: dict[str, int] = {}
    for place, record in enumerate(records):
        run_id = record.run.run_id
        seen[run_id] = times = seen.get(run_id, 0) + 1
        if times > 1:
            run = msgspec.structs.replace(record.run, run_id=f"{run_id}#{times}")
            records[place] = replace(record, run=run)
    return records


def events_of(records: Iterable[Record]) -> Iterator[Event]:
    """Starts and ends in one order of time. An outcome known at a moment comes before a start at that moment."""
    pending: list[tuple[float, int, Record]] = []
    for number, record in enumerate(records):
        while pending and pending[0][0] <= record.started_at:
            yield _finished(heapq.heappop(pending)[2])
        yield RunStarted(id=f"{record.run.run_id}-s", source=SOURCE, time=record.started_at, run=record.run)
        heapq.heappush(pending, (max(record.known_at, record.started_at), number, record))
    while pending:
        yield _finished(heapq.heappop(pending)[2])


def _finished(record: Record) -> RunFinished:
    run = record.run
    return RunFinished(
        id=f"{run.run_id}-f",
        source=SOURCE,
        time=max(record.known_at, record.started_at),
        run_id=run.run_id,
        name=run.name,
        project=run.project,
        outcome="failure" if record.failed else "success",
        started_at=record.started_at,
        seconds=record.seconds if record.seconds is not None else -1.0,
        error_class=record.error_class,
    )


def _travis(path: Path) -> Iterator[Record]:
    with _open(path) as file:
        for row in csv.DictReader(file):
            if row["status"] not in ("passed", "failed", "errored") or not row["started_at"]:
                continue
            started, jobs = _time(row["started_at"]), max(1, int(float(row["n_jobs"] or 1)))
            seconds = float(row["duration"] or 0.0) or None  # zero: no job told when it ended
            run = Run(
                run_id=row["build_id"],
                name="build",
                project=row["project"],
                branch=row["branch"],
                commit=row["commit"],
                pull_request=row["pull_req"],
                event_type=row["event_type"],
                language=row["lang"],
                build_number=int(row["build_id"]) if row["build_id"].isdecimal() else None,
                job_count=jobs,
            )
            early = "setup" if row["status"] == "errored" else ""
            yield Record(run, started, started + (seconds or 0.0) / jobs, row["status"] != "passed", seconds, early)


# Columns that are no feature: the label, its twin, ids and the time.
_DLCI_OTHER = frozenset({"build_Failed", "tr_build_id", "gh_build_started_at"})


def _dlci(path: Path) -> Iterator[Record]:
    project = path.name.split(".csv")[0]
    with _open(path) as file:
        for row in csv.DictReader(file):
            started = _time(row["gh_build_started_at"])
            given = {name: _number(value) for name, value in row.items() if name and name not in _DLCI_OTHER}
            run = Run(
                run_id=row["tr_build_id"],
                name="build",
                project=project,
                event_type="pull_request" if given.get("gh_is_pr") else "push",
                build_number=int(float(row["tr_build_id"])),
                attributes={name: value for name, value in given.items() if value is not None},
            )
            yield Record(run, started, started, float(row["build_Failed"]) > 0.5, None)


def _gha(path: Path) -> Iterator[Record]:
    with _open(path) as file:
        rows = json.load(file)
    if not isinstance(rows, list):
        raise ValueError("a list of jobs is expected")
    for number, row in enumerate(rows):
        conclusion = row["Conclusion"]
        if conclusion not in ("success", "failure", "timed_out") or not row["Started"] or not row["Completed"]:
            continue
        started, completed = _time(row["Started"]), _time(row["Completed"])
        run = Run(run_id=f"job-{number}", name=row["Job"], project=row["Workflow"], event_type="workflow")
        yield Record(run, started, max(started, completed), conclusion != "success", max(0.0, completed - started))


FORMATS: dict[str, Callable[[Path], Iterator[Record]]] = {"travis": _travis, "dlci": _dlci, "gha": _gha}


def _open(path: Path) -> IO[str]:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rt", newline="", encoding="utf-8")
    return path.open(newline="", encoding="utf-8")


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _time(text: str) -> float:
    """ISO 8601, with or without leading zeros in the hour; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        day, _, clock = text.replace("T", " ").partition(" ")
        hour, *rest = clock.split(":")
        moment = datetime.fromisoformat(f"{day} {int(hour):02d}:{':'.join(rest)}")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
