"""Public CI histories as events: what is a run, when its outcome was known, what is refused."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest

from models.records.ci import Record, events_of, read
from streams.errors import ConfigError
from streams.events import RunFinished, RunStarted
from tests.builders import T0, run

TRAVIS = """lang,project,build_id,commit,pull_req,branch,status,duration,started_at,n_jobs,event_type
go,a@b,2,c2,#7,"fix, too",errored,90.0,2020-01-02 10:00:00,3,pull_request
go,a@b,1,c1,,main,passed,600.0,2020-01-02 09:59:00,2,push
go,a@b,3,c3,,main,canceled,10.0,2020-01-02 11:00:00,1,push
go,a@b,4,c4,,main,failed,,,1,push
"""


def _written(tmp_path: Path, name: str, content: str) -> Path:
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(content.encode()))
    else:
        path.write_text(content)
    return path


@pytest.mark.parametrize("name", ["builds.csv", "builds.csv.gz"])
def test_travis_outcome_is_known_after_the_duration_shared_by_the_jobs(tmp_path: Path, name: str) -> None:
    first, second = read(_written(tmp_path, name, TRAVIS), "travis")
    assert [first.run.run_id, second.run.run_id] == ["1", "2"]
    assert (first.known_at - first.started_at, second.known_at - second.started_at) == (300.0, 30.0)
    assert (first.failed, second.failed) == (False, True)
    assert (first.error_class, second.error_class) == ("", "setup")
    assert (second.run.branch, second.run.pull_request, second.run.job_count) == ("fix, too", "#7", 3)


@pytest.mark.parametrize("duration", ["0", "0.0", ""])
def test_travis_duration_of_zero_is_unknown_while_the_outcome_counts(tmp_path: Path, duration: str) -> None:
    head, row = TRAVIS.splitlines()[0], dict.fromkeys(TRAVIS.splitlines()[0].split(","), "")
    first = read(_written(tmp_path, "builds.csv", TRAVIS), "travis")[0]
    started = next(line for line in csv.DictReader(TRAVIS.splitlines()) if line["started_at"])["started_at"]
    row |= {"project": "a@b", "build_id": "9", "status": "failed", "started_at": started, "n_jobs": "2"}
    content = f"{head}\n" + ",".join((row | {"duration": duration}).values()) + "\n"
    (only,) = read(_written(tmp_path, "zero.csv", content), "travis")
    assert (only.seconds, only.failed, only.known_at) == (None, True, only.started_at)
    assert first.seconds is not None


def test_dlci_leaves_the_label_and_the_ids_out_of_the_attributes(tmp_path: Path) -> None:
    head = "tr_build_id,gh_build_started_at,gh_is_pr,git_diff_src_churn,build_Failed\n"
    content = head + "7,2012-01-02 3:04:05,1,12,1\n8,2012-01-02T04:04:05Z,0,,0\n"
    first, second = read(_written(tmp_path, "rails.csv", content), "dlci")
    assert first.run.project == "rails"
    assert first.run.attributes == {"gh_is_pr": 1.0, "git_diff_src_churn": 12.0}
    assert second.run.attributes == {"gh_is_pr": 0.0}
    assert (first.failed, second.failed) == (True, False)
    assert second.started_at - first.started_at == 3600.0
    assert (first.run.event_type, second.run.event_type) == ("pull_request", "push")


def test_gha_jobs_have_their_true_start_and_end(tmp_path: Path) -> None:
    times = {"Started": "2020-01-02T10:00:00Z", "Completed": "2020-01-02T10:05:00Z"}
    rows = [
        {"Job": "unit", "Workflow": "ci", "Conclusion": "timed_out", **times},
        {"Job": "unit", "Workflow": "ci", "Conclusion": "cancelled", **times},
    ]
    (only,) = read(_written(tmp_path, "jobs.json", json.dumps(rows)), "gha")
    assert (only.failed, only.seconds, only.known_at - only.started_at) == (True, 300.0, 300.0)


def test_outcome_known_at_a_moment_comes_before_a_start_at_that_moment() -> None:
    records = [
        Record(run("slow"), T0, T0 + 100, True, 100.0),
        Record(run("quick"), T0 + 10, T0 + 20, False, 10.0),
        Record(run("next"), T0 + 20, T0 + 30, False, 10.0),
    ]
    told = [
        ("start", event.run.run_id) if isinstance(event, RunStarted) else ("end", event.run_id)
        for event in events_of(records)
        if isinstance(event, RunStarted | RunFinished)
    ]
    assert told == [
        ("start", "slow"), ("start", "quick"), ("end", "quick"), ("start", "next"), ("end", "next"), ("end", "slow"),
    ]  # fmt: skip


def test_outcome_before_its_own_start_is_told_at_the_start() -> None:
    _, end = events_of([Record(run("odd"), T0, T0 - 5, True, None)])
    assert isinstance(end, RunFinished)
    assert (end.time, end.seconds, end.outcome) == (T0, -1.0, "failure")


@pytest.mark.parametrize(
    ("name", "content", "format_", "why"),
    [
        ("x.csv", "a,b\n1,2\n", "travis", "not of the travis format"),
        ("x.csv", TRAVIS.replace("600.0", "soon"), "travis", "not of the travis format"),
        ("x.csv", TRAVIS.replace("2020-01-02 09", "yesterday"), "travis", "not of the travis format"),
        ("x.csv", TRAVIS.splitlines()[0], "travis", "no finished run"),
        ("x.json", '{"Job": 1}', "gha", "a list of jobs"),
        ("x.csv", TRAVIS, "svn", "use one of travis, dlci, gha"),
    ],
)
def test_file_of_another_kind_is_refused_with_the_reason(
    tmp_path: Path, name: str, content: str, format_: str, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        read(_written(tmp_path, name, content), format_)
