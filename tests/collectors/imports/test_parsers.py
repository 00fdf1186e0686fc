from __future__ import annotations

import json
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.imports.formats import FORMATS
from collectors.imports.records import BadRecord, Item, LeftOut, Origin
from streams.events import (
    Event,
    HostSampled,
    LogSignal,
    PipelineFinished,
    PipelineStarted,
    RunFinished,
    RunStarted,
    StepFinished,
)

_T = TypeVar("_T")
HERE = Origin("somewhere/proj@ect/file.txt", modified_at=1_600_000_000.0)


def read(name: str, text: str, origin: Origin = HERE) -> list[Item]:
    return list(FORMATS[name].parse(text.splitlines(keepends=True), origin))


def of(items: list[Item], kind: type[_T]) -> list[_T]:
    return [item for item in items if isinstance(item, kind)]


REPORT = """
Wed Jan 15 06:04:12 UTC 2025

Book version is:\tr12.2-76-systemd-wip

INITSYS \t<systemd>
N_PARALLEL \t<3>

CPU(s):                               4
Model name:                           AMD EPYC 7763 64-Core Processor
Mem:        16373808     1108556     3108148

The SBU unit value is equal to 67 seconds at -j3.
================================================================================
\t\t\t\t[binutils-pass1-2.43.1]

Build time in seconds is:\t\t\t\t67
Required space to build the package:\t\t\t730976 KB or 713.843 MB
\t\t\t\t[m4-1.4.19]
Build time in seconds is:\t\t\t\t24
\t\t\t\t[m4-1.4.19]
Build time in seconds is:\t\t\t\t30
\t\t\t\t[broken-1.0]
"""


def test_sbu_report_is_laid_end_to_end_up_to_its_date() -> None:
    items = read("sbu-report", REPORT)
    started, finished = of(items, RunStarted), of(items, RunFinished)
    assert [event.run.name for event in started] == ["binutils-pass1", "m4", "m4#2"]
    assert [event.seconds for event in finished] == [67.0, 24.0, 30.0]
    assert finished[-1].time == 1736921052.0
    assert started[0].time == 1736921052.0 - 121
    assert finished[0].disk_used_bytes == 730976 * 1024
    run = started[0].run
    assert (run.version, run.parallelism, run.cpu_count, run.branch) == ("2.43.1", 3, 4, "systemd")
    assert run.memory_bytes == 16373808 * 1024
    assert of(items, PipelineStarted)[0].packages == ["binutils-pass1", "m4", "m4#2"]
    assert of(items, PipelineFinished)[0].seconds == 121.0


def test_sbu_report_names_the_package_without_a_time() -> None:
    assert of(read("sbu-report", REPORT), BadRecord) == [
        BadRecord("line 23", "broken-1.0 has no build time in seconds")
    ]


TRAVIS = """lang,project,build_id,commit,pull_req,branch,status,duration,started_at,n_jobs,event_type
ruby,guard@rspec,3686,98336,,"a,b",passed,469.0,2011-04-17 14:54:35,6,push
ruby,guard@rspec,3687,98336,,master,errored,60,2011-04-17 14:55:00,1,push
ruby,guard@rspec,3688,98336,,master,canceled,,,1,push
ruby,guard@rspec,3689,98336,,master,created,,,1,push
ruby,guard@rspec,oops,98336,,master,passed,1,2011-04-17 14:55:00,1,push
ruby,guard@rspec,3690,98336,,master,passed,-3,2011-04-17 14:55:00,1,push
"""


def test_travis_build_ends_after_its_share_of_the_jobs_time() -> None:
    items = read("travis-csv", TRAVIS)
    finished = of(items, RunFinished)
    assert [(event.outcome, round(event.seconds, 3)) for event in finished] == [
        ("success", 78.167),
        ("error", 60.0),
    ]
    run = of(items, RunStarted)[0].run
    assert (run.run_id, run.branch, run.build_number, run.job_count) == (
        "travis/guard/rspec/3686",
        "a,b",
        3686,
        6,
    )


def test_travis_builds_that_never_ran_are_left_out_and_bad_rows_told_by_line() -> None:
    items = read("travis-csv", TRAVIS)
    assert of(items, LeftOut) == [LeftOut("canceled before it started"), LeftOut("not finished: created")]
    assert [bad.where for bad in of(items, BadRecord)] == ["line 6", "line 7"]


def test_dlci_build_has_no_duration_and_carries_its_team_and_git_numbers() -> None:
    text = (
        "build_Failed,gh_is_pr,git_diff_src_churn,gh_team_size,tr_build_id,gh_build_started_at\n"
        "1,0,17695,,1494869,2011-08-29 0:13\n"
    )
    items = read("travis-csv", text, Origin("data/rails.csv"))
    run = of(items, RunStarted)[0].run
    assert run.project == "rails"
    assert run.attributes == {"gh_is_pr": 0.0, "git_diff_src_churn": 17695.0}
    assert of(items, RunFinished)[0].seconds == 0.0
    assert of(items, RunFinished)[0].outcome == "failure"


def test_csv_of_something_else_is_one_bad_record() -> None:
    assert [bad.where for bad in of(read("travis-csv", "a,b\n1,2\n"), BadRecord)] == ["line 1"]


FLAT = {
    "Workflow": "KinD",
    "Job": "deep",
    "Conclusion": "failure",
    "Started": "2020-06-05T14:11:38Z",
    "Completed": "2020-06-05T14:21:38Z",
}


def test_flat_github_job_and_its_annotation_are_one_run() -> None:
    skipped = {**FLAT, "Conclusion": "skipped"}
    unknown = {**FLAT, "Conclusion": "whatever"}
    note = {**FLAT, "Path": "a_test.go", "StartLine": 7, "Message": "TestX -\nfailed"}
    items = read("gha-jobs", json.dumps([FLAT, skipped, unknown, note, 7]))
    assert of(items, RunFinished)[0].seconds == 600.0
    signal = of(items, LogSignal)[0]
    assert signal.run_id == of(items, RunStarted)[0].run.run_id
    assert signal.line == "a_test.go:7: TestX - failed"
    assert [bad.where for bad in of(items, BadRecord)] == ["record 3", "record 5"]
    assert of(items, LeftOut) == [LeftOut("skipped")]


def test_github_rest_answer_is_read_as_the_connector_reads_it() -> None:
    job = {
        "id": 5,
        "run_id": 4,
        "url": "https://api.github.com/repos/o/r/actions/jobs/5",
        "name": "build",
        "status": "completed",
        "conclusion": "success",
        "created_at": "2024-01-01T00:00:00Z",
        "started_at": "2024-01-01T00:00:10Z",
        "completed_at": "2024-01-01T00:01:10Z",
    }
    items = read("gha-jobs", json.dumps({"jobs": [job, {**job, "status": "queued", "conclusion": None}]}))
    assert of(items, RunFinished)[0].run_id == "github/o/r/5"
    assert of(items, RunStarted)[0].queued_seconds == 10.0
    assert of(items, LeftOut) == [LeftOut("not finished: queued")]


@pytest.mark.parametrize("text", ["{", "7", '{"jobs": 3}'])
def test_github_jobs_that_are_no_list_are_one_bad_record(text: str) -> None:
    assert [bad.where for bad in of(read("gha-jobs", text), BadRecord)] == ["the whole file"]


JUNIT = """<?xml version="1.0"?>
<testsuites><testsuite name="unit" time="1,002.5" timestamp="2024-01-01T00:00:00" hostname="box">
<testcase classname="a.B" name="works" time="1"/>
<testcase classname="a.B" name="breaks" time="2"><failure message="1 != 2">trace</failure></testcase>
</testsuite><testsuite name="empty"/>
<testsuite name="odd" time="-3"><testcase name="x"/></testsuite>
<testsuite name="plain"><testcase name="x" time="2.5"/></testsuite></testsuites>
"""


def test_junit_suite_is_a_run_and_each_failing_test_a_signal() -> None:
    items = read("junit", JUNIT)
    finished = of(items, RunFinished)
    assert [(event.name, event.outcome, event.seconds) for event in finished] == [
        ("unit", "failure", 1002.5),
        ("plain", "success", 2.5),
    ]
    assert finished[0].host == "box"
    assert finished[1].time == HERE.modified_at
    assert [signal.line for signal in of(items, LogSignal)] == ["a.B.breaks: 1 != 2"]
    assert [bad.where for bad in of(items, BadRecord)] == ["suite 2"]


def test_junit_tells_twenty_failures_and_counts_the_rest() -> None:
    cases = "".join(f'<testcase name="t{n}"><error/></testcase>' for n in range(30))
    signals = of(read("junit", f'<testsuite name="s">{cases}</testsuite>'), LogSignal)
    assert len(signals) == 20
    assert sum(signal.count for signal in signals) == 30


def test_junit_with_entities_is_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite name="&b;"><testcase/></testsuite>'
    bad = of(read("junit", bomb), BadRecord)
    assert "DOCTYPE" in bad[0].reason


def test_junit_without_tests_is_left_out_and_broken_xml_is_bad() -> None:
    assert of(read("junit", "<testsuites/>"), LeftOut) == [LeftOut("no test suite with tests in it")]
    assert of(read("junit", "<testsuites>"), BadRecord)[0].where == "the whole file"


NINJA = (
    "# ninja log v6\n"
    "0\t2000\t1600000002000000000\tsrc/a.o\tabc\n"
    "1000\t4000\t1600000004000000000\tsrc/b.o\tabd\n"
    "4000\t5000\t1600000005000000000\tbin/tool\tabe\n"
    "0\t500\t1600000100500000000\tsrc/a.o\tabf\n"
    "5\t3\t1\tx\ty\n"
    "short\n"
)


def test_ninja_log_splits_where_the_clock_starts_again() -> None:
    items = read("ninja-log", NINJA)
    finished = of(items, RunFinished)
    assert [(event.started_at, event.seconds) for event in finished] == [
        (1_600_000_000.0, 5.0),
        (1_600_000_100.0, 0.5),
    ]
    steps = [(step.stage, step.seconds) for step in of(items, StepFinished)]
    assert steps == [("compile", 4.0), ("link", 1.0), ("compile", 0.5)]
    assert [bad.where for bad in of(items, BadRecord)] == ["line 6", "line 7"]


def test_ninja_log_of_another_version_is_one_bad_record() -> None:
    assert "v4" in of(read("ninja-log", "# ninja log v4\n0\t1\t2\ta\tb\n"), BadRecord)[0].reason


def test_sccache_statistics_become_a_host_sample() -> None:
    stats = {
        "stats": {
            "compile_requests": 40,
            "cache_hits": {"counts": {"C/C++": 30}, "adv_counts": {}},
            "cache_misses": {"counts": {"C/C++": 8, "Rust": 2}},
            "cache_errors": {"counts": {}},
            "cache_write_errors": 1,
        },
        "cache_size": 1024,
        "max_cache_size": None,
    }
    sample = of(read("sccache", json.dumps(stats)), HostSampled)[0]
    assert sample.time == HERE.modified_at
    assert sample.metrics["buildcast.cache.hit_ratio"] == 0.75
    assert sample.metrics["buildcast.cache.size"] == 1024.0
    assert "buildcast.cache.limit" not in sample.metrics


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"stats": {"cache_hits": 3, "cache_misses": 4}}'])
def test_sccache_of_another_shape_is_one_bad_record(text: str) -> None:
    assert of(read("sccache", text), BadRecord)[0].where == "the whole file"


LOG = (
    "travis_fold:start:git.checkout\n"
    "travis_time:start:01\n$ git clone x\n"
    "travis_time:end:01:start=1600000000000000000,finish=1600000005000000000,duration=5\r\n"
    "travis_fold:end:git.checkout\n"
    "travis_time:start:02\n$ make\ngcc -c a.c\n"
    "a.c:1:1: error: expected ';'\nmake: *** [all] Error 1\n"
    "travis_time:end:02:start=1600000006000000000,finish=1600000026000000000,duration=20\n"
)


def test_travis_log_has_a_step_a_command_and_a_signal_an_error_class() -> None:
    items = read("travis-log", LOG + "\nDone. Your build exited with 1.\n")
    finished = of(items, RunFinished)[0]
    assert (finished.outcome, finished.exit_code, finished.seconds) == ("failure", 1, 26.0)
    assert finished.error_class == "compile"
    assert finished.project == "proj/ect"
    assert [(step.stage, step.seconds) for step in of(items, StepFinished)] == [("git", 5.0), ("script", 20.0)]
    assert {signal.error_class for signal in of(items, LogSignal)} == {"compile", "make"}


@pytest.mark.parametrize(
    ("ending", "outcome", "timed_out"),
    [
        ("Done. Your build exited with 0.", "success", False),
        ('The command "x" failed and exited with 8 during .', "error", False),
        ("The job exceeded the maximum time limit for jobs, and has been terminated.", "error", True),
        ("No output has been received in the last 10m0s, this potentially", "error", True),
        ("Done: Job Cancelled", "cancel", False),
    ],
)
def test_travis_log_says_how_it_ended(ending: str, outcome: str, timed_out: bool) -> None:
    finished = of(read("travis-log", LOG + ending + "\n"), RunFinished)[0]
    assert (finished.outcome, finished.timed_out) == (outcome, timed_out)


def test_travis_log_without_times_or_end_is_left_out_and_an_empty_one_is_bad() -> None:
    assert read("travis-log", "hello\n") == [LeftOut("no times in it")]
    assert read("travis-log", LOG) == [LeftOut("it does not say how it ended")]
    assert read("travis-log", "") == [BadRecord("the whole file", "it is empty")]


def test_metric_rows_become_host_samples_with_the_names_of_the_standard() -> None:
    text = "timestamp,value\n2014-04-02 14:29:00,50\n2014-04-02 14:34:00,nan\nx\n"
    items = read("metric-csv", text, Origin("data/ec2_cpu_utilization_5f5533.csv"))
    assert [sample.metrics for sample in of(items, HostSampled)] == [{"system.cpu.utilization": 0.5}]
    assert [bad.where for bad in of(items, BadRecord)] == ["line 3", "line 4"]
    assert of(read("metric-csv", "a,b\n"), BadRecord)[0].where == "line 1"


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(text=st.text(max_size=200))
def test_any_text_ends_in_items_never_in_an_exception(name: str, text: str) -> None:
    assert all(isinstance(item, Event | BadRecord | LeftOut) for item in read(name, text))


@pytest.mark.parametrize(
    ("name", "text"),
    [("sbu-report", REPORT), ("travis-csv", TRAVIS), ("junit", JUNIT), ("ninja-log", NINJA), ("travis-log", LOG)],
)
def test_reading_again_gives_the_same_ids(name: str, text: str) -> None:
    first, second = (of(read(name, text), Event) for _ in range(2))
    assert first == second
    assert len({event.id for event in first}) == len(first)
