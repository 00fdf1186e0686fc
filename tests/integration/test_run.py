"""A build under `buildcast run` with a real broker: there, away, and killed while the build runs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents.admin import create_topics
from agents.broker import KafkaBroker
from collectors.spool import Spool
from streams.events import Event, RunFinished, RunStarted
from tests.integration.conftest import PARTITIONS
from tests.integration.processes import events_on, until

pytestmark = pytest.mark.kafka

BYTES = bytes(range(256)) * 20_000
BUILD = """
import os, sys, time
data = bytes(range(256)) * 20_000
os.write(2, b"gcc: \\xff\\n")
sys.stdout.buffer.write(data)
sys.stdout.flush()
open("ready", "w").close()
while not os.path.exists("go"):
    time.sleep(0.02)
sys.stdout.buffer.write(data)
sys.stdout.flush()
{end}
"""
ENDS = {"sys.exit(7)": 7, "os.kill(os.getpid(), 9)": 137}


def _started(folder: Path, bootstrap: str, end: str) -> subprocess.Popen[bytes]:
    """A build that waits in `folder` for the file `go`, watched, its state in there too."""
    command = [sys.executable, "-c", BUILD.replace("{end}", end)]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "buildcast", "run", "--state", str(folder / "state"), "--", *command],
            cwd=folder, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
            env=os.environ | {"BUILDCAST_BOOTSTRAP": bootstrap, "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip


async def _ended(build: subprocess.Popen[bytes], folder: Path) -> tuple[int, bytes, bytes]:
    (folder / "go").touch()
    code = await asyncio.to_thread(build.wait, 60)
    return code, (folder / "out").read_bytes(), (folder / "err").read_bytes()


@pytest.mark.parametrize("end", ENDS)
async def test_build_is_the_same_with_the_broker_there(empty_topics: str, tmp_path: Path, end: str) -> None:
    build = _started(tmp_path, empty_topics, end)
    await until(lambda: _told(empty_topics))
    code, out, err = await _ended(build, tmp_path)
    assert (code, out == BYTES * 2, err) == (ENDS[end], True, b"gcc: \xff\n")
    _nothing_is_missing(await _events(empty_topics), ENDS[end])


@pytest.mark.parametrize("end", ENDS)
async def test_build_is_the_same_with_the_broker_away(tmp_path: Path, end: str) -> None:
    code, out, err = await _ended(_started(tmp_path, "127.0.0.1:9", end), tmp_path)
    assert (code, out == BYTES * 2) == (ENDS[end], True)
    _says_what_waits(err)


async def test_broker_killed_midway_changes_nothing_and_a_later_run_sends_what_it_missed(
    own_broker: KafkaBroker, tmp_path: Path
) -> None:
    await create_topics(own_broker.bootstrap, PARTITIONS)
    build = _started(tmp_path, own_broker.bootstrap, "sys.exit(7)")
    await until(lambda: _told(own_broker.bootstrap))
    own_broker.kill()
    code, out, err = await _ended(build, tmp_path)
    assert (code, out == BYTES * 2) == (7, True)
    _says_what_waits(err)
    assert Spool(tmp_path / "state/spool").waiting()

    own_broker.start()
    later = _started(tmp_path, own_broker.bootstrap, "sys.exit(0)")
    assert (await _ended(later, tmp_path))[0] == 0
    assert Spool(tmp_path / "state/spool").waiting() == []
    events = await _events(own_broker.bootstrap)
    first = next(event.run.run_id for event in events if isinstance(event, RunStarted))
    _nothing_is_missing([event for event in events if event.id.startswith(first)], 7)


async def _told(bootstrap: str) -> bool:
    """Whether a run's start stands on the topics."""
    return any(isinstance(event, RunStarted) for event in await _events(bootstrap))


async def _events(bootstrap: str) -> list[Event]:
    return [*await events_on(bootstrap, "build-events.v1"), *await events_on(bootstrap, "host-metrics.v1")]


def _says_what_waits(err: bytes) -> None:
    """After the build's own bytes, one sentence."""
    own, _, said = err.partition(b"\n")
    assert own == b"gcc: \xff"
    assert said.startswith(b"buildcast: the build ran")
    assert b"sent by the next run" in said
    assert said.count(b"\n") == 1


def _nothing_is_missing(events: list[Event], code: int) -> None:
    """A run's events are numbered by kind: each number up to the last is there, and the end is."""
    numbers: dict[str, set[int]] = {}
    for event in events:
        series, _, number = event.id.rpartition("-")
        if number.isdigit() and len(number) < 6:
            numbers.setdefault(series, set()).add(int(number))
    told = [name for name in numbers if not name.endswith(("-use", "-host"))]
    facts = numbers[told[0]]
    samples = set().union(*(numbers[name] for name in numbers if name != told[0]))  # of host and process tree in turn
    assert len(told) == 1
    assert len(samples) >= 1
    assert facts == set(range(1, max(facts) + 1))
    assert samples == set(range(1, max(samples) + 1))
    assert [event.exit_code for event in events if isinstance(event, RunFinished)] == [code]
