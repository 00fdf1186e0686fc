"""GitHub Actions jobs: the flat lists of a metrics collector, its failure annotations, or the REST API's job lists.

Flat: `[{Workflow, Job, Conclusion, Started, Completed}]`; annotations add `Path` and `Message` and become log
signals of the same run. REST: `{"jobs": [...]}` as `GET /repos/{owner}/{repo}/actions/runs/{id}/jobs` answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collectors.ci.github import CONCLUSIONS, job_events
from collectors.imports.records import (
    LINE_LIMIT,
    BadRecord,
    FinishedRun,
    Item,
    LeftOut,
    Origin,
    digest,
    moment,
    started_and_finished,
)
from streams.errors import InvalidEvent
from streams.events import LogSignal, Run

__all__ = ["parse"]

SOURCE = "/import/gha-jobs"
HOST = "github-actions"


def parse(lines: Iterable[str], origin: Origin) -> Iterator[Item]:
    """Two events a job, one an annotation."""
    try:
        document = json.loads("".join(lines))
    except ValueError as error:
        yield BadRecord("the whole file", f"no JSON: {error}")
        return
    records = document.get("jobs") if isinstance(document, dict) else document
    if not isinstance(records, list):
        yield BadRecord("the whole file", "neither a list of jobs nor an object with `jobs`")
        return
    for number, record in enumerate(records, 1):
        try:
            yield from _record(record, origin)
        except (InvalidEvent, KeyError, TypeError, ValueError, AttributeError) as error:
            yield BadRecord(f"record {number}", f"{type(error).__name__}: {error}")


def _record(record: Mapping[str, Any], origin: Origin) -> Iterable[Item]:
    if "started_at" in record:
        return _rest(record, origin)
    if "Message" in record:
        return [_annotation(record, origin)]
    return _job(record, origin)


def _rest(record: Mapping[str, Any], origin: Origin) -> Iterable[Item]:
    if record.get("status") != "completed":
        return [LeftOut(f"not finished: {record.get('status') or 'no status'}")]
    return job_events(record, repository=origin.project)


def _job(record: Mapping[str, Any], origin: Origin) -> Iterable[Item]:
    conclusion = str(record["Conclusion"])
    if conclusion == "skipped":
        return [LeftOut("skipped")]
    outcome = CONCLUSIONS.get(conclusion)
    if outcome is None:
        raise ValueError(f"unknown conclusion {conclusion!r}")
    started_at, ended_at = moment(record["Started"]), moment(record["Completed"])
    run = Run(
        run_id=_run_id(record),
        name=str(record["Job"]),
        project=origin.project or str(record["Workflow"]),
        attributes={},
    )
    finished = FinishedRun(
        run,
        origin.host or HOST,
        started_at,
        max(0.0, ended_at - started_at),
        outcome,
        timed_out=conclusion == "timed_out",
    )
    return started_and_finished(finished, SOURCE)


def _annotation(record: Mapping[str, Any], origin: Origin) -> LogSignal:
    place = f"{record.get('Path', '')}:{record.get('StartLine', '')}"
    line = f"{place}: {record['Message']}".replace("\n", " ")[:LINE_LIMIT]
    run_id = _run_id(record)
    return LogSignal(
        id=f"{run_id}/signal/{digest(line)}",
        source=SOURCE,
        time=moment(record["Completed"]),
        host=origin.host or HOST,
        run_id=run_id,
        error_class="test",
        stage="test",
        line=line,
        fatal=True,
    )


def _run_id(record: Mapping[str, Any]) -> str:
    """The lists carry no id; these five fields name a job (a job listed twice is one job)."""
    parts = (str(record[name]) for name in ("Workflow", "Job", "Conclusion", "Started", "Completed"))
    return f"gha/{digest(*parts)}"
