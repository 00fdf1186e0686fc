"""Travis CI histories as CSV: the columns of TravisTorrent's 2021 crawl, or of DL-CIBuild (told apart by the header).

Travis's `duration` behaves like the sum over a build's jobs, so a build takes `duration / n_jobs` at least: that is
when its outcome counts as known. DL-CIBuild records no duration: `seconds` is 0.0, its outcome is known at once.
Build ids rise with each new build; a restart keeps its id, so it serves as the build's number.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping

from collectors.imports.records import (
    BadRecord,
    FinishedRun,
    Item,
    LeftOut,
    Origin,
    moment,
    started_and_finished,
)
from streams.events import Outcome, Run

__all__ = ["parse"]

SOURCE = "/import/travis-csv"
HOST = "travis-ci"  # one key: one partition, so that the order of the history is kept
_OUTCOMES: dict[str, Outcome] = {
    "passed": "success",
    "failed": "failure",
    "errored": "error",
    "canceled": "cancel",
}
_TRAVIS_COLUMNS = {"project", "build_id", "status", "duration", "started_at"}
_DLCI_COLUMNS = {"build_Failed", "tr_build_id", "gh_build_started_at"}


def parse(lines: Iterable[str], origin: Origin) -> Iterator[Item]:
    """Two events a finished build, in the file's order."""
    rows = csv.DictReader(lines)
    columns = set(rows.fieldnames or ())
    if columns >= _TRAVIS_COLUMNS:
        read = _travis
    elif columns >= _DLCI_COLUMNS:
        read = _dlci
    else:
        yield BadRecord("line 1", f"no Travis history: it needs the columns {', '.join(sorted(_TRAVIS_COLUMNS))}")
        return
    for row in rows:
        try:
            found = read(row, origin)
        except (ValueError, KeyError, TypeError) as error:
            yield BadRecord(f"line {rows.line_num}", str(error))
            continue
        if isinstance(found, LeftOut):
            yield found
        else:
            yield from started_and_finished(found, SOURCE)


def _travis(row: Mapping[str, str], origin: Origin) -> FinishedRun | LeftOut:
    outcome = _OUTCOMES.get(row["status"])
    if outcome is None:
        return LeftOut(f"not finished: {row['status'] or 'no status'}")
    if not row["started_at"]:
        return LeftOut(f"{row['status']} before it started")
    jobs = max(1, int(row.get("n_jobs") or 1))
    project = origin.project or row["project"].replace("@", "/", 1)
    build_id = int(row["build_id"])
    run = Run(
        run_id=f"travis/{project}/{build_id}",
        name="build",
        project=project,
        branch=row.get("branch") or "",
        commit=row.get("commit") or "",
        pull_request=row.get("pull_req") or "",
        event_type=row.get("event_type") or "",
        language=row.get("lang") or "",
        build_number=build_id,
        job_count=jobs,
    )
    seconds = _seconds(row["duration"]) / jobs
    return FinishedRun(run, origin.host or HOST, moment(row["started_at"]), seconds, outcome)


def _dlci(row: Mapping[str, str], origin: Origin) -> FinishedRun:
    project = origin.project or origin.name.rsplit("/", 1)[-1].split(".", 1)[0]
    build_id = int(row["tr_build_id"])
    known = {name: float(value) for name, value in row.items() if name.startswith(("gh_", "git_")) and _number(value)}
    run = Run(
        run_id=f"dlci/{project}/{build_id}",
        name="build",
        project=project,
        event_type="pull_request" if row.get("gh_is_pr") == "1" else "push",
        build_number=build_id,
        attributes=known,
    )
    outcome: Outcome = "failure" if int(row["build_Failed"]) else "success"
    return FinishedRun(run, origin.host or HOST, moment(row["gh_build_started_at"]), 0.0, outcome)


def _seconds(text: str) -> float:
    seconds = float(text or 0.0)
    if not (math.isfinite(seconds) and seconds >= 0.0):
        raise ValueError(f"a duration of {text!r} seconds")
    return seconds


def _number(text: str | None) -> bool:
    try:
        return math.isfinite(float(text or ""))
    except ValueError:
        return False
