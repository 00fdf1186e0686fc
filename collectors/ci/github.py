"""GitHub Actions: the hooks `workflow_job` and `workflow_run`, the jobs and runs of the REST API, which look alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.ci import job as ci
from streams.errors import InvalidEvent
from streams.events import Event, Outcome, PipelineFinished, PipelineStarted, Run

__all__ = ["CONCLUSIONS", "hook_events", "job_events", "run_events"]

SOURCE = "/ci/github"

CONCLUSIONS: dict[str, Outcome] = {
    "success": "success",
    "neutral": "success",
    "failure": "failure",
    "cancelled": "cancel",
    "stale": "cancel",
    "action_required": "cancel",
    "timed_out": "error",
    "startup_failure": "error",
}
"""GitHub's conclusions as CDEvents outcomes; `skipped` is no run at all."""


def hook_events(kind: str, payload: Mapping[str, Any]) -> list[Event]:
    """Events of a hook; `kind` is the `X-GitHub-Event` header. Kinds that say nothing of jobs are empty."""
    match kind:
        case "workflow_job":
            return job_events(ci.required(payload, "workflow_job"), ci.identifier(payload, "repository", "full_name"))
        case "workflow_run":
            return run_events(ci.required(payload, "workflow_run"), ci.identifier(payload, "repository", "full_name"))
        case _:
            return []


def job_events(job: Mapping[str, Any], repository: str = "") -> list[Event]:
    """Events of a job object. Without `repository` it is read from the job's own address."""
    project = repository or _repository(job)
    status, conclusion = ci.text(job, "status"), ci.text(job, "conclusion")
    if conclusion == "skipped":
        return []
    outcome = None
    if status == "completed":
        outcome = CONCLUSIONS.get(conclusion)
        if outcome is None:
            raise InvalidEvent("bad-field", f"conclusion {conclusion[:40]!r}")
    begun = status in ("in_progress", "completed")
    labels = [str(label) for label in job.get("labels") or []]
    return ci.job_events(
        ci.Job(
            run=_run(job, project),
            source=SOURCE,
            pool=ci.pool_of("github", labels),
            runner=ci.text(job, "runner_name") if "self-hosted" in labels else "",
            queued_at=ci.instant(job.get("created_at"), "created_at"),
            started_at=ci.instant(job.get("started_at"), "started_at") if begun else None,
            finished_at=ci.instant(job.get("completed_at"), "completed_at"),
            outcome=outcome,
            timed_out=conclusion == "timed_out",
            steps=[_step(step) for step in job.get("steps") or []],
        )
    )


def run_events(run: Mapping[str, Any], repository: str) -> list[Event]:
    """The pipeline events of a workflow run object."""
    pipeline = f"github/{repository}/run/{ci.identifier(run, 'id')}"
    attempt = run.get("run_attempt") or 1
    begun_at = ci.instant(run.get("run_started_at") or run.get("created_at"), "run_started_at")
    if begun_at is None:
        raise InvalidEvent("missing-field", "run_started_at")
    common: dict[str, Any] = {
        "source": SOURCE,
        "pipeline_id": pipeline,
        "name": ci.text(run, "name"),
        "project": repository,
    }
    host = "github"
    found: list[Event] = [PipelineStarted(id=f"{pipeline}/{attempt}/started", time=begun_at, host=host, **common)]
    outcome = CONCLUSIONS.get(ci.text(run, "conclusion"))
    if ci.text(run, "status") == "completed" and outcome is not None:
        ended_at = max(begun_at, ci.instant(run.get("updated_at"), "updated_at") or begun_at)
        found.append(
            PipelineFinished(
                id=f"{pipeline}/{attempt}/finished",
                time=ended_at,
                host=host,
                outcome=outcome,
                seconds=ended_at - begun_at,
                **common,
            )
        )
    return found


def _run(job: Mapping[str, Any], project: str) -> Run:
    address = ci.text(job, "html_url")
    return Run(
        run_id=f"github/{project}/{ci.identifier(job, 'id')}",
        name=ci.text(job, "name") or "job",
        project=project,
        branch=ci.text(job, "head_branch"),
        commit=ci.text(job, "head_sha"),
        pipeline_id=f"github/{project}/run/{ci.identifier(job, 'run_id')}",
        links={"job": address} if address else {},
        attributes={"ci.attempt": float(job.get("run_attempt") or 1)},
    )


def _step(step: Mapping[str, Any]) -> ci.Step:
    return ci.Step(
        name=ci.text(step, "name", 100),
        number=int(step.get("number") or 0),
        started_at=ci.instant(step.get("started_at"), "step.started_at"),
        finished_at=ci.instant(step.get("completed_at"), "step.completed_at"),
    )


def _repository(job: Mapping[str, Any]) -> str:
    """`owner/name` out of `https://api.github.com/repos/owner/name/actions/...`."""
    _, found, rest = ci.text(job, "url").partition("/repos/")
    parts = rest.split("/")
    if not found or len(parts) < 2:
        raise InvalidEvent("missing-field", "repository")
    return "/".join(parts[:2])
