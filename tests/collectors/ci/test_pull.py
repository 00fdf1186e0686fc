"""Pulling from GitHub and GitLab, against a server that behaves as documented and one that does not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collectors.ci.cursor import Cursor, CursorFile, Told
from collectors.ci.github import hook_events as github_hook
from collectors.ci.github_api import GithubProject, github_headers
from collectors.ci.gitlab import hook_events as gitlab_hook
from collectors.ci.gitlab_api import GitlabProject, gitlab_headers
from collectors.ci.pull import Source, pull
from collectors.ci.rest import RestApi, RestPolicy
from collectors.fetch import Fetcher, FetchPolicy
from streams.errors import ConfigError, Rejected, Unavailable
from streams.events import Event, PipelineFinished, RunFinished, RunStarted
from tests.collectors.ci.systems import CiServer, Fault, answer, cut, gitlab_job, job, run, serving

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
EARLY, LATER, LATEST = "2023-11-14T20:00:00Z", "2023-11-14T21:00:00Z", "2023-11-14T22:00:00Z"
RUNS = "/repos/o/r/actions/runs"
PIPELINES = "/projects/g%2Fp/pipelines"


@pytest.fixture
def github() -> Iterator[CiServer]:
    system = CiServer({
        RUNS: ("workflow_runs", [run(2, LATER, "in_progress", None), run(1, EARLY)]),
        f"{RUNS}/1/jobs": ("jobs", [job(11, 1, EARLY, LATER), job(12, 1, EARLY, LATER)]),
        f"{RUNS}/2/jobs": ("jobs", [job(21, 2, LATER, None)]),
    })  # fmt: skip
    with serving(system):
        yield system


@pytest.fixture
def gitlab() -> Iterator[CiServer]:
    pipeline: dict[str, Any] = {"id": 4, "project_id": 5, "ref": "main", "status": "failed", "created_at": EARLY,
                                "updated_at": LATER}  # fmt: skip
    system = CiServer(
        {
            PIPELINES: ("", [pipeline, {**pipeline, "id": 6, "status": "running", "updated_at": LATEST}]),
            f"{PIPELINES}/4/jobs": ("", [gitlab_job(9, 4, "failed", EARLY, LATER)]),
            f"{PIPELINES}/6/jobs": ("", [gitlab_job(10, 6, "running", LATER, None)]),
        },
        {f"{PIPELINES}/4": {**pipeline, "finished_at": LATER}},
        links=False,
    )
    with serving(system):
        yield system


def _api(system: CiServer, slept: list[float], headers: dict[str, str]) -> RestApi:
    now = [NOW]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    fetcher = Fetcher(FetchPolicy(deadline_seconds=5, allowed_networks=("127.0.0.0/8",)))
    return RestApi(RestPolicy(system.address, headers), fetcher, lambda: now[0], sleep)


def _github(system: CiServer, slept: list[float] | None = None) -> GithubProject:
    return GithubProject(_api(system, slept if slept is not None else [], github_headers("t0ken")), "o/r")


def _all(source: Source, cursor: Cursor) -> list[Event]:
    return [event for batch in pull(source, cursor, NOW, Counter()) for event in batch]


def _ids(found: list[Event]) -> list[str]:
    return [event.id for event in found]


def test_a_first_pull_tells_what_the_webhooks_would_have_told(github: CiServer) -> None:
    cursor = Cursor()
    found = _all(_github(github), cursor)
    jobs, repository = github.lists[f"{RUNS}/1/jobs"][1], {"full_name": "o/r"}
    told = [github_hook("workflow_job", {"workflow_job": one, "repository": repository}) for one in jobs]
    hooks = [event for events in told for event in events]
    assert [event for event in found if event in hooks] == hooks
    assert len({*_ids(found)}) == len(found)
    assert sum(isinstance(event, RunFinished) for event in found) == 2
    assert github.tokens == {"Bearer t0ken"}
    assert [known.is_open for known in cursor.told.values()] == [True, False]


def test_what_has_not_changed_is_asked_for_by_its_tag_and_told_no_more(github: CiServer) -> None:
    cursor = Cursor()
    _all(_github(github), cursor)
    github.answered.clear()
    assert _all(_github(github), cursor) == []
    assert github.answered == [304, 304]


def test_jobs_of_a_run_that_goes_on_are_seen_although_its_listing_is_the_same(github: CiServer) -> None:
    cursor = Cursor()
    _all(_github(github), cursor)
    _all(_github(github), cursor)
    github.lists[f"{RUNS}/2/jobs"][1][0] |= {"status": "completed", "conclusion": "success", "completed_at": LATEST}
    found = _all(_github(github), cursor)
    assert [event.id for event in found if isinstance(event, RunFinished)] == ["github/o/r/21/finished"]


def test_every_page_is_read_by_link(github: CiServer) -> None:
    github.page_size = 1
    assert sum(isinstance(event, RunFinished) for event in _all(_github(github), Cursor())) == 2
    assert sum("page=2" in asked for asked in github.asked) == 2


def test_a_time_with_more_runs_than_a_search_shows_is_halved(github: CiServer) -> None:
    many = [run(100 + n, f"2023-11-{10 + n % 4:02d}T{n % 24:02d}:00:00Z") for n in range(1500)]
    github.lists[RUNS] = ("workflow_runs", many)
    github.lists |= {f"{RUNS}/{one['id']}/jobs": ("jobs", []) for one in many}
    counts = Counter[str]()
    pages = [page for page in _github(github).listing(NOW - 6 * 86_400, NOW, {}) if page.body]
    assert {one["id"] for page in pages for one in page.body["workflow_runs"]} == {one["id"] for one in many}
    assert all(page.body["total_count"] <= 1000 for page in pages)
    assert counts == {}


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (answer(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 77)}), 77.0),
        (answer(429, {"Retry-After": "31"}), 31.0),
        (answer(403, {"Retry-After": "60"}), 60.0),
        (answer(429, {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(NOW) + 12)}), 12.0),
        (answer(502), 2.0),
        (answer(200, body=b'{"total_count": 2, "workflow_runs": [{'), 5.0),
        (cut, 30.0),
    ],
)
def test_a_system_that_is_ill_or_limits_the_rate_is_waited_for(github: CiServer, fault: Fault, seconds: float) -> None:
    slept: list[float] = []
    github.faults.append(fault)
    found = _all(_github(github, slept), Cursor())
    assert slept == [seconds]
    assert sum(isinstance(event, RunFinished) for event in found) == 2


def test_a_spent_rate_is_waited_for_before_the_next_request(github: CiServer) -> None:
    slept: list[float] = []
    github.rate_left = 0
    _all(_github(github, slept), Cursor())
    assert slept[0] == 600.0  # until the reset, which lies 600 s ahead
    assert len(github.asked) == 3


def test_a_long_wait_is_told_and_the_next_pull_goes_on(github: CiServer) -> None:
    github.lists[RUNS][1].reverse()
    source, cursor, found = _github(github), Cursor(), []
    batches = pull(source, cursor, NOW, Counter())
    found += next(batches)
    github.faults.append(answer(429, {"Retry-After": "3600"}))
    with pytest.raises(Unavailable, match=r"limits the rate \(429\)") as told:
        next(batches)
    assert told.value.retry_after_seconds == 3600.0
    assert list(cursor.told) == ["1"]
    rest = _all(_github(github), cursor)
    assert not {*_ids(found)} & {*_ids(rest)}
    assert {*_ids(found), *_ids(rest)} == {*_ids(_all(_github(github), Cursor()))}


@pytest.mark.parametrize(
    ("status", "error"), [(401, ConfigError), (403, ConfigError), (404, Rejected), (304, Rejected)]
)
def test_a_refusal_says_what_to_do_and_shows_no_token(github: CiServer, status: int, error: type[Exception]) -> None:
    github.faults.append(answer(status))
    with pytest.raises(error, match="token") as told:
        _all(_github(github), Cursor())
    assert "t0ken" not in str(told.value)


@pytest.mark.parametrize("link", ["http://127.0.0.2/x", "https://evil.example/x", "file:///etc/passwd"])
def test_a_page_on_another_server_is_not_followed(github: CiServer, link: str) -> None:
    github.faults.append(answer(200, {"Link": f'<{link}>; rel="next"'}, b'{"total_count": 0, "workflow_runs": []}'))
    with pytest.raises(Rejected, match="another server"):
        _all(_github(github), Cursor())


def test_a_redirect_is_refused(github: CiServer) -> None:
    github.faults.append(answer(301, {"Location": f"{github.address}/elsewhere"}))
    with pytest.raises(Rejected, match="redirect"):
        _all(_github(github), Cursor())


def test_a_job_that_cannot_be_read_and_a_run_that_was_deleted_are_counted(github: CiServer) -> None:
    github.lists[f"{RUNS}/1/jobs"][1][0]["conclusion"] = "delicious"
    del github.lists[f"{RUNS}/2/jobs"]
    counts: Counter[str] = Counter()
    found = [event for batch in pull(_github(github), Cursor(), NOW, counts) for event in batch]
    assert [event.id for event in found if isinstance(event, RunFinished)] == ["github/o/r/12/finished"]
    assert (counts["unreadable"], counts["gone"]) == (1, 1)


@pytest.mark.parametrize("body", [b"[]", b"7", b'{"workflow_runs": [3, {"id": 1}]}'])
def test_a_listing_of_another_shape_tells_nothing(github: CiServer, body: bytes) -> None:
    github.faults.append(answer(200, body=body))
    assert _all(_github(github), Cursor()) == []


@pytest.mark.parametrize("name", ["", "o", "o/r/x", "o/r?x", "../r/../x"])
def test_no_repository_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match="OWNER/REPO"):
        GithubProject(RestApi(RestPolicy("https://a.example"), Fetcher(FetchPolicy())), name)


def test_gitlab_pipelines_and_jobs_have_the_ids_of_their_hooks(gitlab: CiServer) -> None:
    source = GitlabProject(_api(gitlab, [], gitlab_headers("t0ken")), "g/p")
    gitlab.page_size = 1
    found = _all(source, Cursor())
    hook = {"object_kind": "build", "build_id": 9, "build_name": "test", "project_id": 5, "pipeline_id": 4,
            "ref": "main", "sha": "abc", "build_status": "failed", "build_created_at": EARLY, "build_started_at": EARLY,
            "build_finished_at": LATER, "build_queued_duration": 4.5, "runner": {"tags": ["docker"]}}  # fmt: skip
    assert [event for event in found if event.id.startswith("gitlab/5/9/")] == gitlab_hook(hook)
    (ended,) = [event for event in found if isinstance(event, PipelineFinished)]
    assert (ended.id, ended.outcome, ended.seconds) == ("gitlab/5/pipeline/4/finished", "failure", 3600.0)
    assert [event.run.run_id for event in found if isinstance(event, RunStarted)] == ["gitlab/5/9", "gitlab/5/10"]
    assert gitlab.tokens == {"t0ken"}


def test_a_cursor_comes_back_as_it_was_and_a_broken_one_costs_only_time(github: CiServer, tmp_path: Path) -> None:
    file, cursor = CursorFile(tmp_path / "ci", "github", github.address, "o/r"), Cursor()
    _all(_github(github), cursor)
    file.save(cursor)
    assert file.load() == cursor
    assert "t0ken" not in file.path.read_text()
    assert CursorFile(tmp_path / "ci", "github", "https://other", "o/r").load() == Cursor()
    file.path.write_text(json.dumps({"told": "x"}))
    assert file.load() == Cursor()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        CursorFile(tmp_path / "file", "github", "a", "o/r").save(cursor)


def test_runs_that_are_over_and_old_are_forgotten_and_those_that_go_on_are_looked_for() -> None:
    day = 86_400.0
    cursor = Cursor(
        {
            "old": Told("m", NOW - 9 * day, False),
            "new": Told("m", NOW - day, False),
            "on": Told("m", NOW - 8 * day, True),
        }
    )
    since = cursor.since(NOW, 7 * day)
    assert NOW - 8 * day - 3600 < since <= NOW - 8 * day
    cursor.forget(since)
    assert sorted(cursor.told) == ["new", "on"]
    assert cursor.since(NOW + 40 * day, 7 * day) > NOW + 32 * day  # after 35 days nobody believes that it goes on


def test_a_cursor_keeps_so_many_tags() -> None:
    cursor = Cursor()
    for page in range(600):
        cursor.remember([_page(page)])
    assert len(cursor.pages) == 500


def test_a_run_of_days_ago_that_is_run_again_is_told(github: CiServer) -> None:
    cursor, old = Cursor(), run(3, "2023-11-09T20:00:00Z")
    github.lists[RUNS][1].append(old)
    github.lists[f"{RUNS}/3/jobs"] = ("jobs", [job(31, 3, "2023-11-09T20:00:00Z", "2023-11-09T21:00:00Z")])
    _all(_github(github), cursor)
    old |= {"run_attempt": 2, "updated_at": LATEST}
    github.lists[f"{RUNS}/3/jobs"][1].append(job(32, 3, LATER, LATEST))
    assert "github/o/r/32/finished" in _ids(_all(_github(github), cursor))


def _page(number: int) -> Any:
    from collectors.ci.rest import Page

    return Page(f"https://a/{number}", None, "tag", "")
