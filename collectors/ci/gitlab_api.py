"""GitLab's REST API: pipelines by their last change, then the jobs of each, retried ones too.

A listed pipeline does not say when it ended, and is asked for alone once it has. The API tells a job's own tags where
the hook tells its runner's: jobs of shared runners may be of another pool than their hooks say, under the same ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from collectors.ci import job as ci
from collectors.ci.gitlab import STATUSES, job_events, pipeline_events
from collectors.ci.pull import Group, readable
from collectors.ci.rest import Page, RestApi, SeenPage
from streams.errors import ConfigError, InvalidEvent, Rejected
from streams.events import Event

__all__ = ["GitlabProject", "gitlab_headers"]

_OVER = frozenset({*STATUSES, "skipped"})


def gitlab_headers(token: str) -> dict[str, str]:
    """The token where there is one."""
    return {"PRIVATE-TOKEN": token} if token else {}


class GitlabProject:
    """A project, as its number or GROUP/PROJECT."""

    def __init__(self, api: RestApi, project: str) -> None:
        if not project.strip("/") or any(c.isspace() for c in project):
            raise ConfigError(f"{project!r} is no project: write its number or GROUP/PROJECT")
        self._api, self._path = api, f"projects/{quote(project.strip('/'), '')}"

    def listing(self, since: float, now: float, seen: Mapping[str, SeenPage]) -> Iterator[Page]:
        after = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = {"updated_after": after, "order_by": "updated_at", "sort": "asc", "per_page": "100"}
        return self._api.pages(f"{self._path}/pipelines", query, seen)

    def groups(self, page: Page) -> list[Group]:
        listed = page.body if isinstance(page.body, list) else []
        return [made for pipeline in listed if (made := _group(pipeline)) is not None]

    def own_events(self, group: Group) -> list[Event]:
        pipeline = group.body
        if ci.text(pipeline, "status") in STATUSES:
            try:
                pipeline = next(self._api.pages(f"{self._path}/pipelines/{group.id}", {}, {})).body
            except Rejected:  # deleted meanwhile
                return []
        return readable([pipeline], pipeline_events, Counter())

    def jobs(self, group_id: str, seen: Mapping[str, SeenPage]) -> Iterator[Page]:
        query = {"include_retried": "true", "per_page": "100"}
        return self._api.pages(f"{self._path}/pipelines/{group_id}/jobs", query, seen)

    def job_events(self, page: Page, counts: Counter[str]) -> list[Event]:
        return readable(page.body, job_events, counts)


def _group(pipeline: Any) -> Group | None:
    try:
        at = ci.instant(ci.required(pipeline, "updated_at"), "updated_at") or 0.0
        status = ci.text(pipeline, "status")
        return Group(
            ci.identifier(pipeline, "id"),
            f"{ci.text(pipeline, 'updated_at')}|{status}",
            at,
            status not in _OVER,
            pipeline,
        )
    except (InvalidEvent, AttributeError):
        return None
