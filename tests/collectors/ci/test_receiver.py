"""Webhooks: who is believed, and what their jobs become."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from collectors.ci import receive
from collectors.ci.proof import signature
from collectors.ci.receiver import MOST_BYTES, STALE_SECONDS
from streams.codec import encode
from streams.errors import ConfigError, InvalidEvent, Rejected
from streams.events import Event, LogSignal, PipelineFinished, Run, RunFinished, RunQueued, RunStarted

SECRET, NOW = "a secret of the test", 1_700_000_000.0
GITHUB: dict[str, Any] = {"repository": {"full_name": "o/r"}, "workflow_job": {
    "id": 7, "run_id": 3, "name": "build", "status": "completed", "conclusion": "failure", "labels": ["linux"],
    "created_at": "2023-11-14T22:00:00Z", "started_at": "2023-11-14T22:01:00Z",
    "completed_at": "2023-11-14T22:03:00Z", "steps": []}}  # fmt: skip
GITLAB: dict[str, Any] = {"object_kind": "build", "build_id": 9, "build_name": "test", "project_id": 5,
          "pipeline_id": 4, "build_status": "success", "build_created_at": "2023-11-14 22:00:00 UTC",
          "build_queued_duration": 12.5, "build_started_at": "2023-11-14 22:01:00 UTC",
          "build_finished_at": "2023-11-14 22:03:00 UTC"}  # fmt: skip


def _github(payload: Any, kind: str = "workflow_job") -> list[Event]:
    body = json.dumps(payload).encode()
    headers = {"X-GitHub-Event": kind, "X-Hub-Signature-256": signature(SECRET, body)}
    return receive("github", headers, body, SECRET, NOW)


def _gitlab(payload: Any) -> list[Event]:
    return receive("gitlab", {"X-Gitlab-Token": SECRET}, json.dumps(payload).encode(), SECRET, NOW)


def _generic(body: bytes, stamp: str) -> list[Event]:
    headers = {"X-Buildcast-Timestamp": stamp,
               "X-Buildcast-Signature": signature(SECRET, stamp.encode() + b"." + body)}  # fmt: skip
    return receive("generic", headers, body, SECRET, NOW)


def test_a_finished_github_job_is_told_whole_and_the_same_twice() -> None:
    found = _github(GITHUB)
    queued, started, finished = found
    assert isinstance(queued, RunQueued)
    assert isinstance(started, RunStarted)
    assert isinstance(finished, RunFinished)
    assert started.queued_seconds == 60.0
    assert (finished.outcome, finished.seconds, finished.run_id) == ("failure", 120.0, "github/o/r/7")
    assert _github(GITHUB) == found


def test_the_known_signature_of_githubs_documentation_is_computed() -> None:
    assert signature("It's a Secret to Everybody", b"Hello, World!") == (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )


def test_gitlabs_own_queue_time_is_kept() -> None:
    started, finished = _gitlab(GITLAB)[1:]
    assert isinstance(started, RunStarted)
    assert started.queued_seconds == 12.5
    assert isinstance(finished, RunFinished)
    assert finished.outcome == "success"


def test_a_gitlab_pipeline_ends() -> None:
    told = {"id": 4, "ref": "main", "status": "failed", "created_at": "2023-11-14 22:00:00 UTC",
            "finished_at": "2023-11-14 22:10:00 UTC"}  # fmt: skip
    ended = _gitlab({"object_kind": "pipeline", "project": {"id": 5}, "object_attributes": told})[-1]
    assert isinstance(ended, PipelineFinished)
    assert (ended.seconds, ended.outcome) == (600.0, "failure")


def test_a_generic_event_comes_back_as_it_was() -> None:
    event = RunQueued(id="a", source="/t", time=NOW, run=Run(run_id="r", name="n", project="p"))
    assert _generic(encode(event), str(int(NOW))) == [event]


def test_a_ci_system_cannot_tell_what_is_not_its_own() -> None:
    event = LogSignal(id="a", source="/t", time=NOW, run_id="r", error_class="network")
    with pytest.raises(InvalidEvent, match="LogSignal"):
        _generic(encode(event), str(int(NOW)))


@pytest.mark.parametrize("stamp", [str(int(NOW) - 301), str(int(NOW) + 301), "", "soon", "-1"])
def test_outside_the_replay_window_nothing_is_taken(stamp: str) -> None:
    with pytest.raises(Rejected, match="within 300 s"):
        _generic(b"{}", stamp)


@pytest.mark.parametrize("provider", ["github", "gitlab", "jenkins", "generic"])
@pytest.mark.parametrize("given", [{}, {"X-Hub-Signature-256": "sha256=00", "X-Gitlab-Token": "é"}])
def test_without_the_right_proof_nothing_is_taken(provider: str, given: dict[str, str]) -> None:
    with pytest.raises(Rejected, match="missing or wrong"):
        receive(provider, given, b"{}", SECRET, NOW)


def test_without_a_secret_nothing_is_taken() -> None:
    with pytest.raises(ConfigError, match="BUILDCAST_WEBHOOK_SECRET_GITLAB"):
        receive("gitlab", {"x-gitlab-token": ""}, b"{}", "", NOW)


def test_strangers_and_large_bodies_are_refused() -> None:
    with pytest.raises(Rejected, match="not known"):
        receive("nobody", {}, b"{}", SECRET, NOW)
    with pytest.raises(InvalidEvent, match="larger"):
        receive("gitlab", {"X-Gitlab-Token": SECRET}, b" " * (MOST_BYTES + 1), SECRET, NOW)


@pytest.mark.parametrize("payload", [[], 1, None, {}, {"workflow_job": 3, "repository": {"full_name": "o/r"}},
                                     GITHUB | {"workflow_job": GITHUB["workflow_job"] | {"steps": 5}}])  # fmt: skip
def test_a_proved_body_that_is_none_is_invalid(payload: Any) -> None:
    with pytest.raises(InvalidEvent):
        _github(payload)
    if not isinstance(payload, dict) or not payload:
        with pytest.raises(InvalidEvent):
            _gitlab(payload)


def test_hooks_that_say_nothing_of_jobs_are_empty() -> None:
    assert _github({"zen": "."}, "ping") == []
    assert _gitlab({"object_kind": "push"}) == []


JENKINS: dict[str, Any] = {"name": "asgard", "url": "job/asgard/", "build": {
    "full_url": "https://me:pw@ci.example.org/job/asgard/18/", "number": 18, "phase": "COMPLETED", "status": "FAILURE",
    "timestamp": 1_699_999_990_000, "duration": 90_000, "url": "job/asgard/18/",
    "scm": {"branch": "origin/main", "commit": "c6d86dc"}}}  # fmt: skip


def _jenkins(**build: Any) -> list[Event]:
    body = json.dumps(JENKINS | {"build": JENKINS["build"] | build}).encode()
    proof = base64.b64encode(f"jenkins:{SECRET}".encode()).decode()
    return receive("jenkins", {"Authorization": f"Basic {proof}"}, body, SECRET, NOW)


def test_a_jenkins_build_is_told_phase_by_phase() -> None:
    (queued,) = _jenkins(phase="QUEUED", status=None, timestamp=1_699_999_880_000, duration=0)
    (started,) = _jenkins(phase="STARTED", status=None, timestamp=1_699_999_900_000, duration=0)
    again, finished = _jenkins()
    assert isinstance(queued, RunQueued)
    assert isinstance(finished, RunFinished)
    assert (queued.time, started.time, queued.host) == (NOW - 120.0, NOW - 100.0, "jenkins/ci.example.org")
    assert (again.id, again.time) == (started.id, started.time)
    assert (finished.outcome, finished.seconds, finished.time) == ("failure", 90.0, NOW - 10.0)
    assert finished.run_id == "jenkins/ci.example.org/job/asgard/18"
    assert isinstance(started, RunStarted)
    assert (started.run.branch, started.run.build_number) == ("main", 18)
    assert started.run.links == {"job": "https://ci.example.org/job/asgard/18/"}


@pytest.mark.parametrize(
    ("status", "outcome"), [("SUCCESS", "success"), ("UNSTABLE", "failure"), ("ABORTED", "cancel")]
)
def test_jenkins_results_are_outcomes(status: str, outcome: str) -> None:
    finished = _jenkins(phase="FINALIZED", status=status)[-1]
    assert isinstance(finished, RunFinished)
    assert finished.outcome == outcome


def test_jenkins_builds_that_were_none_and_notes_are_empty() -> None:
    assert _jenkins(status="NOT_BUILT") == []
    assert _jenkins(phase="NONE") == []


@pytest.mark.parametrize("build", [{"status": "FINE"}, {"timestamp": None}, {"timestamp": "now"}, {"number": []},
                                   {"timestamp": 1e300}, {"duration": True}, {"scm": 5}])  # fmt: skip
def test_a_jenkins_body_that_is_none_is_invalid(build: dict[str, Any]) -> None:
    if build == {"scm": 5}:
        assert _jenkins(**build)  # it matters nothing
        return
    with pytest.raises(InvalidEvent):
        _jenkins(**build)


def test_jenkins_may_sign_with_its_time_instead() -> None:
    body, stamp = json.dumps(JENKINS).encode(), str(int(NOW))
    headers = {"X-Buildcast-Timestamp": stamp,
               "X-Buildcast-Signature": signature(SECRET, stamp.encode() + b"." + body)}  # fmt: skip
    assert len(receive("jenkins", headers, body, SECRET, NOW)) == 2
    with pytest.raises(Rejected, match="within 300 s"):
        receive("jenkins", headers, body, SECRET, NOW + 301)


@pytest.mark.parametrize("seconds", [STALE_SECONDS + 700, -STALE_SECONDS - 2000])
def test_a_delivery_kept_for_long_and_sent_again_tells_nothing(seconds: float) -> None:
    body = json.dumps(GITHUB).encode()
    headers = {"X-GitHub-Event": "workflow_job", "X-Hub-Signature-256": signature(SECRET, body)}
    assert receive("github", headers, body, SECRET, NOW + seconds) == []
    assert len(receive("github", headers, body, SECRET, NOW + STALE_SECONDS - 3600)) == 3


def test_secrets_that_people_wrote_into_names_and_addresses_are_masked() -> None:
    token = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    job = GITHUB["workflow_job"] | {
        "name": f"deploy --token {token}", "head_branch": f"fix-{token}", "html_url": f"https://ann:{token}@ci.example/1",
        "steps": [{"name": f"curl -u ann:{token} example.org", "number": 1, "started_at": "2023-11-14T22:01:00Z",
                   "completed_at": "2023-11-14T22:02:00Z"}],
    }  # fmt: skip
    found = _github(GITHUB | {"workflow_job": job})
    assert len(found) == 5
    assert not any(token.encode() in encode(event) for event in found)
    assert any(b"[redacted]" in encode(event) for event in found)
