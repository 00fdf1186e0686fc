"""GitLab: the job hook (`Job Hook`, object_kind `build`) and the pipeline hook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.ci import job as ci
from streams.errors import InvalidEvent
from streams.events import Event, Outcome, PipelineFinished, PipelineStarted, Run

__all__ = ["STATUSES", "hook_events"]

SOURCE = "/ci/gitlab"

STATUSES: dict[str, Outcome] = {"success": "success", "failed": "failure", "canceled": "cancel"}
"""Final statuses as CDEvents outcomes; `skipped` and `manual` are no runs."""

_BLAMELESS = frozenset({"runner_system_failure", "stuck_or_timeout_failure", "scheduler_failure", "api_failure"})


def hook_events(payload: Mapping[str, Any]) -> list[Event]:
    """Events of a hook; kinds that say nothing of jobs are empty."""
    match ci.required(payload, "object_kind"):
        case "build":
            return _job_events(payload)
        case "pipeline":
            return _pipeline_events(payload)
        case _:
            return []


def _job_events(hook: Mapping[str, Any]) -> list[Event]:
    status, reason = ci.text(hook, "build_status"), ci.text(hook, "build_failure_reason")
    runner = hook.get("runner") or {}
    waited = hook.get("build_queued_duration")
    outcome = STATUSES.get(status)
    return ci.job_events(
        ci.Job(
            run=_run(hook),
            source=SOURCE,
            pool=ci.pool_of("gitlab", runner.get("tags") or []),
            runner="" if runner.get("is_shared", True) else ci.text(runner, "description"),
            queued_at=ci.instant(hook.get("build_created_at"), "build_created_at"),
            started_at=ci.instant(hook.get("build_started_at"), "build_started_at"),
            finished_at=ci.instant(hook.get("build_finished_at"), "build_finished_at"),
            outcome="error" if outcome == "failure" and reason in _BLAMELESS else outcome,
            queued_seconds=max(0.0, float(waited)) if waited is not None else None,
            timed_out=reason in ("job_execution_timeout", "stuck_or_timeout_failure"),
        )
    )


def _run(hook: Mapping[str, Any]) -> Run:
    project = ci.identifier(hook, "project_id")
    return Run(
        run_id=f"gitlab/{project}/{ci.identifier(hook, 'build_id')}",
        name=ci.text(hook, "build_name") or "job",
        project=f"gitlab/{project}",
        branch=ci.text(hook, "ref"),
        commit=ci.text(hook, "sha"),
        pipeline_id=f"gitlab/{project}/pipeline/{ci.identifier(hook, 'pipeline_id')}",
    )


def _pipeline_events(hook: Mapping[str, Any]) -> list[Event]:
    told, project = ci.required(hook, "object_attributes"), ci.identifier(hook, "project", "id")
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
