"""`buildcast jhalfs` on generated trees with real package builds inside, and on reports."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from buildcast.system_build import Outlook, SystemBuild, duration_model, outlook_line
from collectors.jhalfs.facts import Machine
from collectors.jhalfs.follower import Follower
from collectors.jhalfs.layout import Plan, Target
from collectors.jhalfs.machine import jobs_told, this_machine
from collectors.jhalfs.memory import Memory, Package
from collectors.jhalfs.view import view_of
from models.duration import DurationModel
from streams.events import ForecastMade, Interval, ModelRef
from tests.collectors.jhalfs.tree import Tree

GOOD = "int main(void) { return 0; }\n"
BROKEN = "int main(void) { return 0 }\n"
LFS = ("binutils-pass1", "gcc-pass1", "glibc", "m4", "ncurses", "bash", "coreutils")
REPORT = """\
Sun Mar 17 12:00:00 UTC 2024
Book version is:\tr12.1-17-systemd
Model name:\tAMD EPYC 7763 64-Core Processor
CPU(s):\t4
MAKEFLAGS: <-j3>
[binutils-pass1-2.42]
Build time in seconds is:\t60
Required space to build the package\t: 731 MB
[gcc-pass1-13.2.0]
Build time in seconds is:\t300
"""

pytestmark = pytest.mark.skipif(not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make are missing")


def _buildcast(*words: str | Path, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "buildcast", *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def _stored(state: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(state / "buildcast.sqlite") as database:
        return database.execute("SELECT name, outcome FROM runs ORDER BY name").fetchall()


def _plan(names: tuple[str, ...] = LFS) -> Plan:
    return Plan(tuple(Target(f"{500 + n}-{name}", name, "1.0") for n, name in enumerate(names)))


def _memory(*done: tuple[str, float], now: str = "", at: float = 1000.0) -> Memory:
    packages, begun = {}, 0.0
    for number, (name, seconds) in enumerate(done):
        target = f"{500 + number}-{name}"
        packages[target] = Package(run_id=target, begun_at=begun, log=target, state="success", seconds=seconds,
                                   ended_at=begun + seconds)  # fmt: skip
        begun += seconds
    if now:
        target = f"{500 + len(done)}-{now}"
        packages[target] = Package(run_id=target, begun_at=at, log=target)
    return Memory(build="b", begun=True, packages=packages)


def test_a_whole_build_is_followed_stored_and_forecast_without_a_server(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "jhalfs", [("501-binutils-pass1", "2.44", GOOD), ("502-m4", "1.4.19", GOOD)])
    assert tree.make() == 0
    said = _buildcast("jhalfs", tree.root, "--make-log", tree.make_log, "--local", "--state", tmp_path / "s", "--once")
    assert "2 of 3 targets logged and done" in said
    assert "over" in said
    report = json.loads(_buildcast("report", "--last", "--state", tmp_path / "s", "--json"))
    assert report["outcome"] == "success"
    assert report["forecasts"]
    assert _stored(tmp_path / "s") == [("binutils-pass1", "success"), ("m4", "success")]


def test_a_failed_package_is_told_as_such_and_following_again_changes_nothing(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "jhalfs", [("501-binutils-pass1", "2.44", GOOD), ("502-m4", "1.4.19", BROKEN)])
    assert tree.make() != 0
    words = ("jhalfs", tree.root, "--make-log", tree.make_log, "--local", "--state", tmp_path / "s", "--once")
    _buildcast(*words)
    first = _stored(tmp_path / "s")
    assert first == [("binutils-pass1", "success"), ("m4", "failure")]
    _buildcast(*words)
    assert _stored(tmp_path / "s") == first


def test_backfill_imports_logs_and_reports_and_the_next_build_starts_trained(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "jhalfs", [("501-binutils-pass1", "2.44", GOOD)])
    assert tree.make() == 0
    (tree.root / "SBU_DU-17-mar-2024.report").write_text(REPORT)
    said = _buildcast("jhalfs", tree.root, "--backfill", "--local", "--state", tmp_path / "s")
    assert "targets imported from the logs" in said
    assert "1 SBU reports imported, bad records: 0" in said
    assert duration_model(tmp_path / "s").coverage != DurationModel().coverage


def test_a_folder_of_reports_alone_can_be_backfilled(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "a.report").write_text(REPORT)
    said = _buildcast("jhalfs", tmp_path / "reports", "--backfill", "--local", "--state", tmp_path / "s")
    assert "1 SBU reports imported" in said


@pytest.mark.parametrize("words", [(), ("--backfill",)])
def test_a_folder_that_is_no_jhalfs_build_is_refused_with_what_to_do(tmp_path: Path, words: tuple[str, ...]) -> None:
    said = _buildcast("jhalfs", tmp_path, "--local", "--state", tmp_path / "s", *words, code=2)
    assert "is no jhalfs folder: name the one that holds the Makefile" in said


@pytest.mark.parametrize("factor", [0.5, 1.0, 4.0])
def test_a_first_build_has_a_whole_build_estimate_after_binutils_pass_1(factor: float) -> None:
    """The published costs at -j3: 99 s, 504 s ... ; this host takes `factor` times as long."""
    build = SystemBuild(DurationModel(), "new host", Machine(parallelism=3))
    assert build.outlook(_plan(), _memory(), 0.0).remaining is None
    usual = {name: _published(name) for name in LFS}
    memory = _memory(("binutils-pass1", usual["binutils-pass1"] * factor))
    remaining = build.outlook(_plan(), memory, 1000.0).remaining
    assert remaining is not None
    truly = factor * sum(usual[name] for name in LFS[1:])
    assert remaining.lower < truly < remaining.upper
    assert abs(remaining.point / truly - 1.0) < 0.5


def _published(name: str) -> float:
    from models.sbu import published_costs

    costs = published_costs(180.0)
    mean = costs["package", name][0] + costs["package@parallel", f"{name}\x1f3"][0]
    return float(180.5 * 2.718281828**mean - 0.5)


def test_steps_that_build_no_package_take_no_time() -> None:
    plan = Plan((*_plan(("binutils-pass1",)).targets, Target("600-unheard-of", "unheard-of")))
    build = SystemBuild(DurationModel(), "h", Machine(parallelism=3))
    remaining = build.outlook(plan, _memory(("binutils-pass1", 100.0)), 200.0).remaining
    assert remaining == Interval(point=0.0, lower=0.0, upper=0.0)


def test_the_line_tells_risk_time_left_and_what_will_not_suffice() -> None:
    plan, memory = _plan(), _memory(("binutils-pass1", 100.0), now="gcc-pass1", at=100.0)
    build = SystemBuild(DurationModel(), "h", Machine(parallelism=8))
    build.hear(
        ForecastMade(id="f", source="/t", time=110.0, run_id="501-gcc-pass1", name="gcc-pass1", project="lfs",
                     elapsed_seconds=10.0, trigger="stage", risk=0.25, risk_lower=0.1, risk_upper=0.4, confidence=0.5,
                     variance=0.1, model=ModelRef(config="default", offset=0))
    )  # fmt: skip
    ahead = build.outlook(plan, memory, 160.0)
    assert ahead.risk == 0.25
    line = outlook_line(view_of(plan, memory, 160.0), ahead, disk_free_bytes=10**8, memory_free_bytes=4 * 10**9)
    for said in (
        "1 of 7 targets",
        "now gcc-pass1 1.0 (begun, 1:00, risk 25%)",
        "whole build: ",
        " left (",
        "DISK: glibc needs about 0.9 GB, 0.1 GB free",
        "MEMORY: compilers side by side may need 8.0 GB",
    ):
        assert said in line
    calm = outlook_line(view_of(plan, memory, 160.0), ahead, 10**12, 10**12)
    assert "DISK" not in calm
    assert "MEMORY" not in calm


def test_a_build_that_has_not_begun_says_so() -> None:
    plan, memory = _plan(), Memory()
    line = outlook_line(view_of(plan, memory, 0.0), Outlook(None, None, None, "", 0), 0, 0)
    assert line == "0 of 7 targets logged and done in 0:00; nothing is being built"


def test_the_machine_is_told_and_its_jobs_are_read_from_the_build(tmp_path: Path) -> None:
    assert jobs_told(tmp_path) is None
    (tmp_path / "Makefile").write_text("export MAKEFLAGS = -j4\n")
    assert jobs_told(tmp_path) == 4
    (tmp_path / "envars").write_text('export MAKEFLAGS="-j6"\n')
    machine = this_machine(tmp_path)
    assert machine.parallelism == 6
    assert machine.memory_bytes
    assert machine.cpu_count
    assert this_machine(tmp_path, jobs=2, proc=tmp_path / "none").parallelism == 2


def test_a_run_carries_the_machine(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "jhalfs", [("501-m4", "1.4.19", GOOD)])
    assert tree.make() == 0
    follower = Follower(tree.root, "box", Memory(), tree.make_log, Machine("cpu x", 4, 10**9, 3))
    runs = [event.run for event in follower.look(time.time()) if hasattr(event, "run")]
    assert [(run.cpu_model, run.parallelism) for run in runs] == [("cpu x", 3)]
