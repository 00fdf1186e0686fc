from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from collectors.jhalfs.follower import Follower, FollowPolicy
from collectors.jhalfs.memory import Memory, load, save
from collectors.jhalfs.view import view_of
from streams.events import (
    Event,
    LogSignal,
    PipelineFinished,
    PipelineStarted,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)
from tests.collectors.jhalfs.tree import Tree

GOOD = "int main(void) { return 0; }\n"
BROKEN = "int main(void) { return 0 }\n"
FAILS_TESTS = "int main(void) { return 3; }\n"

pytestmark = pytest.mark.skipif(not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make are missing")


def lfs(tmp_path: Path, second: str = GOOD) -> Tree:
    return Tree(
        tmp_path / "jhalfs",
        [("501-binutils-pass1", "2.44", GOOD), ("502-m4", "1.4.19", second), ("801-m4", "1.4.20", FAILS_TESTS)],
    )


def follow(tree: Tree, memory: Memory | None = None, make_log: bool = True, **policy: object) -> Follower:
    return Follower(
        tree.root,
        "box",
        memory or Memory(),
        tree.make_log if make_log else None,
        policy=FollowPolicy(**policy),  # type: ignore[arg-type]
    )


def of(events: list[Event], kind: type) -> list:  # type: ignore[type-arg]
    return [event for event in events if isinstance(event, kind)]


def test_whole_build_is_a_pipeline_of_runs_with_stages(tmp_path: Path) -> None:
    tree = lfs(tmp_path)
    assert tree.make() == 0
    events = list(follow(tree).look(time.time()))
    started, finished = of(events, RunStarted), of(events, RunFinished)
    assert [event.run.name for event in started] == ["binutils-pass1", "m4", "m4#2"]
    assert started[0].run.version == "2.44"
    assert started[0].run.branch == "LUSER"
    assert [event.outcome for event in finished] == ["success"] * 3
    assert finished[0].disk_used_bytes == 512 * 1024
    assert all(0 <= event.seconds < 30 for event in finished)
    stages = [event.stage for event in of(events, StepStarted) if event.run_id == started[0].run.run_id]
    assert "configure" in stages
    assert len(of(events, StepFinished)) == len(of(events, StepStarted))
    pipeline = of(events, PipelineStarted)[0]
    assert pipeline.packages == ["creatingtoolsdir", "binutils-pass1", "m4", "m4#2"]
    assert of(events, PipelineFinished)[0].outcome == "success"


def test_failing_tests_are_told_though_the_package_succeeds(tmp_path: Path) -> None:
    tree = lfs(tmp_path)
    tree.make()
    events = list(follow(tree).look(time.time()))
    last = of(events, RunFinished)[-1]
    told = [event for event in of(events, LogSignal) if event.run_id == last.run_id]
    assert last.outcome == "success"
    assert told
    assert "Error 3" in " ".join(event.line for event in told)


def test_nothing_new_is_nothing_told_also_after_a_restart(tmp_path: Path) -> None:
    tree = lfs(tmp_path)
    tree.make()
    follower = follow(tree)
    assert list(follower.look(time.time()))
    assert list(follower.look(time.time())) == []
    save(tmp_path / "memory.json", follower.memory)
    assert list(follow(tree, load(tmp_path / "memory.json")).look(time.time())) == []


def test_following_again_from_nothing_gives_the_same_facts(tmp_path: Path) -> None:
    tree = lfs(tmp_path)
    tree.make()
    now = time.time()
    assert list(follow(tree).look(now)) == list(follow(tree).look(now))


def test_failure_is_told_with_makes_number_and_its_cause_and_the_build_resumes(tmp_path: Path) -> None:
    tree = lfs(tmp_path, second=BROKEN)
    assert tree.make() != 0
    follower = follow(tree)
    events = list(follower.look(time.time()))
    failed = of(events, RunFinished)[-1]
    assert (failed.name, failed.outcome, failed.exit_code, failed.error_class) == ("m4", "failure", 2, "compile")
    assert of(events, PipelineFinished)[0].outcome == "failure"

    tree.pack("m4", "1.4.19", GOOD)
    time.sleep(1.1)  # the log's date has seconds
    assert tree.make() == 0
    events = list(follower.look(time.time()))
    assert [(event.name, event.outcome) for event in of(events, RunFinished)] == [
        ("m4", "success"),
        ("m4#2", "success"),
    ]
    assert of(events, RunFinished)[0].run_id != failed.run_id
    assert [event.outcome for event in of(events, PipelineFinished)] == ["success"]


def test_failure_without_makes_output_is_seen_once_the_log_has_settled(tmp_path: Path) -> None:
    tree = lfs(tmp_path, second=BROKEN)
    tree.make()
    follower = follow(tree, make_log=False)
    assert [event.name for event in of(list(follower.look(time.time())), RunFinished)] == ["binutils-pass1"]
    late = list(follower.look(time.time() + 60))
    assert [(event.name, event.outcome) for event in of(late, RunFinished)] == [("m4", "failure")]


def test_import_of_a_finished_build_needs_no_make_output(tmp_path: Path) -> None:
    tree = lfs(tmp_path, second=BROKEN)
    tree.make()
    events = list(follow(tree, make_log=False, finished=True).look(time.time()))
    assert [event.outcome for event in of(events, RunFinished)] == ["success", "failure"]


def test_attaching_mid_way_and_restarting_between_tells_each_thing_once(tmp_path: Path) -> None:
    tree = lfs(tmp_path)
    whole = [event.id for event in _after(tree, tree.make)]
    parts: list[str] = []
    memory = Memory()
    tree = lfs(tmp_path / "again")
    for target in ("501-binutils-pass1", "502-m4", "801-m4"):
        tree.make(target)
        follower = follow(tree, memory)
        parts += [event.id for event in follower.look(time.time() + 10)]
        save(tmp_path / "memory.json", follower.memory)
        memory = load(tmp_path / "memory.json")
    assert len(parts) == len(set(parts))
    kinds = [part.rsplit("/", 2)[-1] for part in parts]
    assert kinds.count("finished") >= 3
    assert len(parts) == len(whole)


def _after(tree: Tree, act: object) -> list[Event]:
    act()  # type: ignore[operator]
    return list(follow(tree).look(time.time() + 10))  # a stage of one line is one after a while


def test_growing_log_is_read_on_where_it_was_left(tmp_path: Path) -> None:
    tree = lfs(tmp_path)
    log = tree.root / "logs" / "501-binutils-pass1"
    log.write_text("\nWed Jan 15 06:04:12 UTC 2025\n\nKB: 10\t/\n\nchecking for gcc... gcc\nhalf a li")
    now = 1736921060.0
    follower = follow(tree)
    events = list(follower.look(now))
    assert of(events, RunStarted)[0].time == 1736921052.0
    assert [event.stage for event in of(events, StepStarted)] == ["configure"]
    with log.open("a") as file:
        file.write("ne\na.c:1:1: error: expected ';'\n" + "gcc -O2 -c a.c -o a.o\n" * 5)
    os.utime(log, (now + 5, now + 5))
    events = list(follower.look(now + 5))
    assert [event.stage for event in of(events, StepStarted)] == ["compile"]
    assert [step.seconds for step in of(events, StepFinished)] == [pytest.approx(5.0, abs=5.0)]


def test_rotated_log_goes_on_as_the_same_run(tmp_path: Path) -> None:
    tree = lfs(tmp_path)
    log = tree.root / "logs" / "501-binutils-pass1"
    log.write_text("\nWed Jan 15 06:04:12 UTC 2025\n\nchecking for gcc... gcc\n")
    follower = follow(tree)
    list(follower.look(1736921060.0))
    log.rename(log.with_name("old"))
    log.write_text("gcc -O2 -c a.c -o a.o\n" * 5)
    events = list(follower.look(1736921070.0))
    assert of(events, RunStarted) == []
    assert [event.stage for event in of(events, StepStarted)] == ["compile"]


def test_log_that_cannot_be_read_is_no_trouble(tmp_path: Path) -> None:
    tree = lfs(tmp_path)
    (tree.root / "logs" / "501-binutils-pass1").mkdir()
    shutil.rmtree(tree.root / "test-logs")
    assert list(follow(tree).look(time.time())) == []


def test_view_tells_package_stage_and_time(tmp_path: Path) -> None:
    tree = lfs(tmp_path)
    tree.make("501-binutils-pass1")
    log = tree.root / "logs" / "502-m4"
    log.write_text("\nWed Jan 15 06:04:12 UTC 2025\n\nchecking for gcc... gcc\n")
    follower = follow(tree)
    list(follower.look(1736921060.0))
    view = view_of(follower.plan, follower.memory, 1736921060.0)
    assert view.now is not None
    assert (view.now.name, view.now.stage, view.now.seconds) == ("m4", "configure", 8.0)
    assert view.done == 1
    assert not view.over
