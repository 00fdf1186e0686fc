"""Host, process tree and pressure: pure parsers with exact numbers, and sources that are lost."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from collectors.host import FIELDS, HostSampler
from collectors.pressure import CgroupLimits, parse_events, parse_pressure, read_pressure
from collectors.process_tree import parse_io, parse_stat, read_tree
from collectors.run_facts import RunOptions, cpu_model
from collectors.runner import CollectPolicy, collect
from collectors.sampling import busiest
from streams.events import Event, HostSampled

STAT = (
    "42 (cc1 plus) x) R 1 42 42 0 -1 4194560 900 0 0 0 150 50 300 100 20 0 1 0 12345 123456 2048 18446744073709551615"
)


def test_stat_with_blanks_and_brackets_in_the_name_is_read() -> None:
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    assert parse_stat(STAT) == ("cc1 plus) x", 200 / tick, 400 / tick, 2048 * page)


def test_io_is_read() -> None:
    assert parse_io("rchar: 9\nwchar: 8\nread_bytes: 4096\nwrite_bytes: 8192\n") == (4096, 8192)
    assert parse_io("") == (0, 0)


def fake_proc(folder: Path, tree: dict[int, list[int]]) -> Path:
    for pid, children in tree.items():
        task = folder / f"{pid}/task/{pid}"
        task.mkdir(parents=True)
        (task / "children").write_text(" ".join(map(str, children)) + " ")
        (folder / f"{pid}/stat").write_text(STAT.replace("42 (cc1 plus) x)", f"{pid} (p{pid})", 1))
        (folder / f"{pid}/io").write_text("read_bytes: 100\nwrite_bytes: 10\n")
    return folder


def test_tree_is_summed_and_strangers_are_not(tmp_path: Path) -> None:
    use = read_tree(1, fake_proc(tmp_path, {1: [2, 3], 2: [4], 3: [], 4: [], 99: []}))
    assert sorted(one.name for one in use.living) == ["p1", "p2", "p3", "p4"]
    assert (use.read_bytes, use.write_bytes) == (400, 40)
    assert use.cpu_seconds == pytest.approx(4 * 600 / os.sysconf("SC_CLK_TCK"))


def test_process_that_vanishes_while_it_is_read_is_normal(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, {1: [2, 3], 2: []})  # 3 has gone
    (proc / "2/io").unlink()  # another user's
    use = read_tree(1, proc)
    assert [one.pid for one in use.living] == [1, 2] or sorted(one.pid for one in use.living) == [1, 2]
    assert use.read_bytes == 100
    assert read_tree(7, proc).living == ()


def test_cpu_of_the_dead_stays_in_the_sum() -> None:
    script = (
        "import subprocess, sys\n"
        "for _ in range(2): subprocess.run([sys.executable, '-c', 'sum(range(4000000))'])\n"
        "input()"
    )
    with subprocess.Popen(["python3", "-c", script], stdin=subprocess.PIPE) as process:
        last, deadline = 0.0, time.monotonic() + 120
        while time.monotonic() < deadline:
            use = read_tree(process.pid)
            assert use.cpu_seconds >= last - 1e-9 or len(use.living) > 1
            last = use.cpu_seconds
            if last > 0.05 and len(use.living) == 1:
                break
            time.sleep(0.02)
        assert process.stdin is not None
        process.stdin.close()
    assert last > 0.05


def test_the_busiest_stand_first_by_name_only(tmp_path: Path) -> None:
    before = read_tree(1, fake_proc(tmp_path / "a", {1: [2], 2: []}))
    after = read_tree(1, fake_proc(tmp_path / "b", {1: [2, 5], 2: [], 5: []}))
    ranked = busiest(after, before, 2.0)
    assert ranked[0].name == "p5"  # the only one that used any
    assert ranked[0].cpu_ratio == pytest.approx(200 / os.sysconf("SC_CLK_TCK") / 2)
    assert {one.cpu_ratio for one in ranked[1:]} == {0.0}


def test_pressure_is_read_as_ratios(tmp_path: Path) -> None:
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure/cpu").write_text("some avg10=12.50 avg60=0 avg300=0 total=1\nfull avg10=0.00 avg60=0\n")
    (tmp_path / "pressure/io").write_text("some avg10=3.00 total=1\nfull avg10=1.00 total=1\n")
    (tmp_path / "pressure/memory").write_text("nonsense avg10=x\n")
    assert read_pressure(tmp_path) == {"cpu": 0.125, "io": 0.03, "io.full": 0.01}
    assert read_pressure(tmp_path / "none") == {}
    assert parse_pressure("") == {}


def test_the_tightest_limit_of_version_two_counts(tmp_path: Path) -> None:
    proc, root = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self/cgroup").write_text("0::/a/b\n")
    (root / "a/b").mkdir(parents=True)
    (root / "a/memory.max").write_text("1000\n")
    (root / "a/b/memory.max").write_text("max\n")
    (root / "a/b/memory.current").write_text("500\n")
    (root / "a/b/memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    found = CgroupLimits(proc, root).read()
    assert (found.limit_bytes, found.usage_bytes, found.oom_kills) == (1000, 500, 2)


def test_version_one_and_no_cgroup_are_read_too(tmp_path: Path) -> None:
    proc, root = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self/cgroup").write_text("4:memory:/x\n1:cpu:/\n0::/\n")
    (root / "memory/x").mkdir(parents=True)
    (root / "memory/x/memory.limit_in_bytes").write_text("9223372036854771712\n")
    (root / "memory/memory.limit_in_bytes").write_text("4096\n")
    (root / "memory/x/memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    found = CgroupLimits(proc, root).read()
    assert (found.limit_bytes, found.usage_bytes, found.oom_kills) == (4096, None, 1)
    nothing = CgroupLimits(tmp_path / "none", root).read()
    assert (nothing.limit_bytes, nothing.oom_kills) == (None, None)
    assert parse_events("oom_kill x") is None


def test_every_metric_is_described() -> None:
    sampler = HostSampler()
    found = sampler.sample(1.0) | sampler.sample(2.0)
    assert set(found) <= set(FIELDS)
    assert {"system.memory.utilization", "system.filesystem.free", "system.disk.io.read"} <= set(found)
    assert all(field.unit and field.description for field in FIELDS.values())


def test_ratios_stay_between_zero_and_one_and_rates_are_not_negative() -> None:
    sampler = HostSampler()
    sampler.sample(1.0)
    for name, value in sampler.sample(1.5).items():
        assert value >= 0, name
        if FIELDS[name].unit == "1":
            assert value <= 1, name


def test_counter_that_starts_anew_gives_no_negative_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = HostSampler()
    sampler.sample(1.0)
    monkeypatch.setattr(psutil, "net_io_counters", lambda **_: {})
    assert sampler.sample(2.0)["system.network.io.receive"] == 0.0


def test_a_clock_that_stands_still_gives_no_rates() -> None:
    sampler = HostSampler()
    sampler.sample(1.0)
    assert "system.disk.io.read" not in sampler.sample(1.0)


def test_lost_source_is_named_once_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def denied(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(psutil, "disk_io_counters", denied)
    events: list[Event] = []
    policy = CollectPolicy(sample_seconds=0.01, host="h")
    with caplog.at_level(logging.WARNING):
        assert collect(policy, events.append, threading.Event(), most=3) == 3
    assert [record.getMessage() for record in caplog.records] == [
        "host h: no disks metrics: they cannot be read here; the others go on"
    ]
    assert len({event.id for event in events}) == 3
    assert all(isinstance(event, HostSampled) and "system.memory.usage" in event.metrics for event in events)


def test_loop_goes_on_when_a_sample_cannot_be_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Event] = []

    def emit(event: Event) -> None:
        told.append(event)
        if len(told) == 1:
            raise RuntimeError("away")

    with caplog.at_level(logging.ERROR):
        assert collect(CollectPolicy(sample_seconds=0.01), emit, threading.Event(), most=2) == 2
    assert len(told) == 2


def test_loop_ends_at_once_when_told() -> None:
    stop = threading.Event()
    emit: Callable[[Event], None] = lambda event: stop.set()  # noqa: E731
    began = time.monotonic()
    assert collect(CollectPolicy(sample_seconds=60.0), emit, stop) == 1
    assert time.monotonic() - began < 40


def test_a_sample_costs_little() -> None:
    """At one sample in ten seconds, 100 ms of CPU would be the whole allowance of 1 % of a core."""
    sampler = HostSampler()
    sampler.sample(0.0)
    began = time.process_time()
    for number in range(10):
        sampler.sample(1.0 + number)
    assert (time.process_time() - began) / 10 < 0.1


def test_cpu_model_is_read() -> None:
    assert cpu_model("model name\t: Intel(R) Xeon(R)\n") == "Intel(R) Xeon(R)"
    assert cpu_model("") == ""
    assert RunOptions(host="x").host_id == "x"
