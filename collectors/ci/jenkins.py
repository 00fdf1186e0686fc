"""Jenkins' Notification plugin: JSON at the phases QUEUED, STARTED, COMPLETED and FINALIZED of a build.

The plugin's `timestamp` is the phase's own moment in milliseconds: entering the queue, the start, start + duration, and
the delivery. Each delivery tells its phase alone; a build told of by its end only is told whole, from its duration.
It names no node: all builds of a server are of one pool. Source: github.com/jenkinsci/notification-plugin, Phase.java.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from collectors.ci import job as ci
from streams.errors import InvalidEvent
from streams.events import Event, Outcome, Run

__all__ = ["RESULTS", "hook_events"]

SOURCE = "/ci/jenkins"

RESULTS: dict[str, Outcome] = {
    "SUCCESS": "success",
    "UNSTABLE": "failure",
    "FAILURE": "failure",
    "ABORTED": "cancel",
}
"""Jenkins' results as CDEvents outcomes; `NOT_BUILT` is no run at all."""


def hook_events(payload: Mapping[str, Any]) -> list[Event]:
    """Events of a notification; phases that say nothing of a build are empty."""
    build = ci.required(payload, "build")
    phase, status = ci.text(build, "phase"), ci.text(build, "status")
    at = ci.instant(_seconds(build, "timestamp"), "build.timestamp")
    if phase not in ("QUEUED", "STARTED", "COMPLETED", "FINALIZED") or status == "NOT_BUILT":
        return []
    if at is None:
        raise InvalidEvent("missing-field", "build.timestamp")
    run, pool = _run(payload, build)
    match phase:
        case "QUEUED":
            return ci.job_events(ci.Job(run, SOURCE, pool, queued_at=at))
        case "STARTED":
            return ci.job_events(ci.Job(run, SOURCE, pool, started_at=at))
        case _:
            outcome = RESULTS.get(status)
            if outcome is None:
                raise InvalidEvent("bad-field", f"status {status[:40]!r}")
            began = at - (_seconds(build, "duration") or 0.0)
            return ci.job_events(ci.Job(run, SOURCE, pool, started_at=began, finished_at=at, outcome=outcome))


def _run(payload: Mapping[str, Any], build: Mapping[str, Any]) -> tuple[Run, str]:
    """The run, and the pool it waits for: the server."""
    parts = urlsplit(ci.text(build, "full_url"))
    server = parts.netloc.rpartition("@")[2]
    address = urlunsplit(parts._replace(netloc=server))
    pool = f"jenkins/{server}" if server else "jenkins"
    job = ci.required(payload, "url")
    if not isinstance(job, str):
        raise InvalidEvent("bad-field", "url is no text")
    project = f"{pool}/{job.strip('/')[:300]}"
    number, scm = ci.identifier(build, "number"), build.get("scm") or {}
    return Run(
        run_id=f"{project}/{number}",
        name=ci.text(payload, "name") or "job",
        project=project,
        branch=ci.text(scm, "branch").removeprefix("origin/"),
        commit=ci.text(scm, "commit"),
        build_number=int(number) if number.isdecimal() and len(number) < 16 else None,
        links={"job": address} if address else {},
    ), pool


def _seconds(build: Mapping[str, Any], key: str) -> float | None:
    """A number of milliseconds as seconds."""
    value = build.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidEvent("bad-field", f"build.{key} is no number")
    return max(0.0, value / 1000.0)
