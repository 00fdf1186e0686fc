"""`buildcast run --abort` on real builds: off unless asked for, and then only once its verdicts have proven right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collectors.stop import Stop
from collectors.wrapper import RunOptions, run_build
from streams.events import Checkpoint, Event, ExampleRecorded, Interval, ModelRef, Run, RunFinished, RunOpened
from streams.journal import Journal
from tests.builders import T0

DOOMED = "echo $$ > pid; echo 'main.c:1:5: error: expected expression' >&2; sleep {seconds} & sleep {seconds}; exit 3"


def doomed_history(builds: int) -> list[Event]:
    """A package that always takes ten minutes to fail, which its forecasts knew after a minute."""
    found: list[Event] = []
    for number in range(builds):
        start = T0 + 3600.0 * number
        run = Run(run_id=f"old{number}", name="slow", project="slow", branch="main", event_type="local")
        left = Interval(point=540.0, lower=500.0, upper=600.0)
        point = Checkpoint(at=start + 60.0, elapsed_seconds=60.0, trigger="signal", evidence=[], risk=0.99,
                           prior_logit=1.0, remaining=left, model=ModelRef(config="default", offset=0))  # fmt: skip
        found += [
            RunOpened(id=f"o{number}", source="/t", time=start, host="h1", run=run),
            ExampleRecorded(id=f"e{number}", source="/t", time=start + 600.0, host="h1", run=run, outcome="failure",
                            started_at=start, seconds=600.0, checkpoints=[point]),
        ]  # fmt: skip
    return found


def _built(folder: Path, *options: str, builds: int = 120, seconds: float = 240.0) -> tuple[int, str, float]:
    state = folder / "state"
    Journal(state / "examples.jsonl").append(doomed_history(builds))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUILDCAST_")}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "buildcast", "run", "--local", "--state", str(state), "--name", "slow", "--json",
         *options, "--", "sh", "-c", DOOMED.format(seconds=seconds)],
        cwd=folder, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    (folder / "out").write_text(done.stdout)
    return done.returncode, done.stderr, time.monotonic() - began


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder called as in the history."""
    found = tmp_path / "slow"
    found.mkdir()
    return found


def test_a_doomed_build_is_given_up_with_all_its_processes_and_says_so(folder: Path) -> None:
    code, said, seconds = _built(folder, "--abort")
    assert code == 124
    assert seconds < 200.0
    assert "this build was given up (risk " in said
    report = json.loads((folder / "out").read_text())
    assert (report["outcome"], report["error_class"]) == ("cancel", "stopped")
    with pytest.raises(ProcessLookupError):
        os.killpg(int((folder / "pid").read_text()), 0)


def test_without_the_option_the_same_build_runs_to_its_end(folder: Path) -> None:
    code, said, _ = _built(folder, seconds=0.5)
    assert (code, "given up" in said) == (3, False)
    report = json.loads((folder / "out").read_text())
    assert report["outcome"] == "failure"
    assert max(forecast["risk"] for forecast in report["forecasts"]) >= 0.98


def test_with_too_little_evidence_nothing_is_stopped_but_what_would_have_been_is_said(folder: Path) -> None:
    code, said, _ = _built(folder, "--abort", builds=60, seconds=0.5)
    assert code == 3
    assert "this build would have been given up" in said
    assert "0 of 60 such verdicts so far were wrong, 100 with at most 1 % wrong are asked" in said


def test_what_ignores_the_request_is_killed_after_the_grace(tmp_path: Path) -> None:
    stop, events = Stop(grace_seconds=0.3), list[Event]()

    def emit(event: Event) -> None:
        events.append(event)
        assert stop.ask("test") == (len(events) == 1)

    command = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"]
    result = run_build(command, RunOptions(folder=tmp_path, observe_git=False), emit, stop=stop)
    ended = events[-1]
    assert isinstance(ended, RunFinished)
    assert (result.stopped, result.outcome, ended.error_class) == ("test", "cancel", "stopped")
    assert result.seconds < 50.0


def test_a_build_asked_to_stop_before_it_starts_is_stopped_and_one_that_has_ended_is_not(tmp_path: Path) -> None:
    early, late = Stop(), Stop()
    early.ask("early")
    options = RunOptions(folder=tmp_path, observe_git=False)
    assert run_build(["sleep", "60"], options, lambda _event: None, stop=early).stopped == "early"
    assert run_build(["true"], options, lambda _event: None, stop=late).stopped == ""
    assert not late.ask("late")
