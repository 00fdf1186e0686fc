"""GitLab: the job hook (`Job Hook`, object_kind `build`), the pipeline hook, and the same of the REST API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collectors.ci import job as ci
from streams.errors import InvalidEvent
from streams.events import Event, Outcome, PipelineFinished, PipelineStarted, Run

__all__ = ["STATUSES", "hook_events", "job_events", "pipeline_events"]

SOURCE = "/ci/gitlab"

STATUSES: dict[str, Outcome] = {"success": "success", "failed": "failure", "canceled": "cancel"}
"""Final statuses as CDEvents outcomes; `skipped` and `manual` are no runs."""

_BLAMELESS = frozenset({"runner_system_failure", "stuck_or_timeout_failure", "scheduler_failure", "api_failure"})


def hook_events(payload: Mapping[str, Any]) -> list[Event]:
    """Events of a hook; kinds that say nothing of jobs are empty."""
    match ci.required(payload, "object_kind"):
        case "build":
            return _hook_job(payload)
        case "pipeline":
            return _pipeline(ci.identifier(payload, "project", "id"), ci.required(payload, "object_attributes"))
        case _:
            return []


def job_events(job: Mapping[str, Any]) -> list[Event]:
    """Events of a job of the REST API: the hook's names without `build_`, the rest in objects of its own."""
    project, pipeline = ci.identifier(job, "pipeline", "project_id"), ci.identifier(job, "pipeline", "id")
    commit, runner = job.get("commit"), job.get("runner") or {}
    run = _run(project, ci.identifier(job, "id"), pipeline, ci.text(job, "name"), ci.text(job, "ref"),
               ci.text(commit, "id"))  # fmt: skip
    return _events(run, job, "", runner, job.get("tag_list") or [], ci.text(job, "failure_reason"))


def pipeline_events(pipeline: Mapping[str, Any]) -> list[Event]:
    """The pipeline events of a pipeline of the REST API."""
    return _pipeline(ci.identifier(pipeline, "project_id"), pipeline)


def _hook_job(hook: Mapping[str, Any]) -> list[Event]:
    project, pipeline = ci.identifier(hook, "project_id"), ci.identifier(hook, "pipeline_id")
    run = _run(project, ci.identifier(hook, "build_id"), pipeline, ci.text(hook, "build_name"), ci.text(hook, "ref"),
               ci.text(hook, "sha"))  # fmt: skip
    runner = hook.get("runner") or {}
    return _events(run, hook, "build_", runner, runner.get("tags") or [], ci.text(hook, "build_failure_reason"))


def _events(
    run: Run, told: Mapping[str, Any], prefix: str, runner: Mapping[str, Any], tags: Iterable[Any], reason: str
) -> list[Event]:
    waited = told.get(f"{prefix}queued_duration")
    outcome = STATUSES.get(ci.text(told, f"{prefix}status"))
    return ci.job_events(
        ci.Job(
            run=run,
            source=SOURCE,
            pool=ci.pool_of("gitlab", tags),
            runner="" if runner.get("is_shared", True) else ci.text(runner, "description"),
            queued_at=ci.instant(told.get(f"{prefix}created_at"), f"{prefix}created_at"),
            started_at=ci.instant(told.get(f"{prefix}started_at"), f"{prefix}started_at"),
            finished_at=ci.instant(told.get(f"{prefix}finished_at"), f"{prefix}finished_at"),
            outcome="error" if outcome == "failure" and reason in _BLAMELESS else outcome,
            queued_seconds=max(0.0, float(waited)) if waited is not None else None,
            timed_out=reason in ("job_execution_timeout", "stuck_or_timeout_failure"),
        )
    )


def _run(project: str, job: str, pipeline: str, name: str, branch: str, commit: str) -> Run:
    return Run(
        run_id=f"gitlab/{project}/{job}",
        name=name or "job",
        project=f"gitlab/{project}",
        branch=branch,
        commit=commit,
        pipeline_id=f"gitlab/{project}/pipeline/{pipeline}",
    )


def _pipeline(project: str, told: Mapping[str, Any]) -> list[Event]:
    pipeline = f"gitlab/{project}/pipeline/{ci.identifier(told, 'id')}"
    begun_at = ci.instant(told.get("created_at"), "created_at")
    if begun_at is None:
        raise InvalidEvent("missing-field", "object_attributes.created_at")
    common: dict[str, Any] = {"source": SOURCE, "host": "gitlab", "pipeline_id": pipeline,
                              "name": ci.text(told, "ref"), "project": f"gitlab/{project}"}  # fmt: skip
    found: list[Event] = [PipelineStarted(id=f"{pipeline}/started", time=begun_at, **common)]
    outcome, ended_at = STATUSES.get(ci.text(told, "status")), ci.instant(told.get("finished_at"), "finished_at")
    if outcome is not None and ended_at is not None:
        ended_at = max(begun_at, ended_at)
        found.append(PipelineFinished(id=f"{pipeline}/finished", time=ended_at, outcome=outcome,
                                      seconds=ended_at - begun_at, **common))  # fmt: skip
    return found
