"""GitHub Actions' REST API: workflow runs by creation, then the jobs of each, all attempts.

A search for runs shows at most 1000 of them: a longer time is halved until it holds fewer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from collectors.ci import job as ci
from collectors.ci.github import job_events, run_events
from collectors.ci.pull import Group, readable
from collectors.ci.rest import Page, RestApi, SeenPage
from streams.errors import ConfigError, InvalidEvent
from streams.events import Event

__all__ = ["GithubProject", "github_headers"]

_MOST_FOUND = 1000
_SHORTEST_SECONDS = 60.0


def github_headers(token: str) -> dict[str, str]:
    """What GitHub's API asks for, with the token where there is one."""
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    return headers | ({"Authorization": f"Bearer {token}"} if token else {})


class GithubProject:
    """A repository, as OWNER/REPO."""

    def __init__(self, api: RestApi, repository: str) -> None:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
            raise ConfigError(f"{repository} is no repository: write OWNER/REPO")
        self._api, self._repository = api, repository

    def listing(self, since: float, now: float, seen: Mapping[str, SeenPage]) -> Iterator[Page]:
        start: float = since
        end: float | None = None  # open: the address stays the same from pull to pull
        while True:
            pages = self._runs(start, end, seen)
            first = next(pages)
            length = (now if end is None else end) - start
            if _found(first) > _MOST_FOUND and length > _SHORTEST_SECONDS:
                end = start + length / 2
                continue
            yield first
            yield from pages
            if end is None:
                return
            start, end = end, None

    def groups(self, page: Page) -> list[Group]:
        body = page.body if isinstance(page.body, dict) else {}
        return [made for run in body.get("workflow_runs") or () if (made := _group(run)) is not None]

    def own_events(self, group: Group) -> list[Event]:
        return readable([group.body], lambda run: run_events(run, self._repository), Counter())

    def jobs(self, group_id: str, seen: Mapping[str, SeenPage]) -> Iterator[Page]:
        path = f"repos/{self._repository}/actions/runs/{group_id}/jobs"
        return self._api.pages(path, {"filter": "all", "per_page": "100"}, seen)

    def job_events(self, page: Page, counts: Counter[str]) -> list[Event]:
        body = page.body if isinstance(page.body, dict) else {}
        return readable(body.get("jobs"), lambda job: job_events(job, self._repository), counts)

    def _runs(self, start: float, end: float | None, seen: Mapping[str, SeenPage]) -> Iterator[Page]:
        created = f">={_iso(start)}" if end is None else f"{_iso(start)}..{_iso(end)}"
        path = f"repos/{self._repository}/actions/runs"
        return self._api.pages(path, {"created": created, "per_page": "100"}, seen)


def _group(run: Any) -> Group | None:
    try:
        at = ci.instant(ci.required(run, "created_at"), "created_at") or 0.0
        status, updated = ci.text(run, "status"), ci.text(run, "updated_at")
        mark = f"{updated}|{status}|{run.get('run_attempt') or 1}"
        return Group(ci.identifier(run, "id"), mark, at, status != "completed", run)
    except (InvalidEvent, AttributeError):
        return None


def _found(page: Page) -> int:
    total = page.body.get("total_count") if isinstance(page.body, dict) else 0
    return total if isinstance(total, int) else 0


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
