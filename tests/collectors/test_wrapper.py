"""A build under watch behaves as it does alone: bytes, exit codes, signals (T24, short form)."""

from __future__ import annotations

import array
import fcntl
import hashlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from collectors.child import Child, Exit
from collectors.run_facts import TelemetryPolicy, jobs_of
from collectors.signals import Signal
from collectors.telemetry import outcome_of
from collectors.wrapper import RunOptions, run_build
from streams.errors import ConfigError
from streams.events import (
    ChangeObserved,
    Event,
    HostSampled,
    LogSignal,
    RunFinished,
    RunSampled,
    RunStarted,
    StepFinished,
    StepStarted,
)

PY = sys.executable
EMITTERS = {
    "works": "events.append",
    "raises": "lambda event: 1 / 0",
    "blocks": "lambda event: __import__('threading').Event().wait()",
}
WRAPPED = """
import sys
from collectors.run_facts import TelemetryPolicy
from collectors.wrapper import RunOptions, run_build
events = []
options = RunOptions(observe_git=False, telemetry=TelemetryPolicy(finish_seconds=0.2))
sys.exit(run_build(sys.argv[1:], options, {emit}).exit_code)
"""


def wrapped(command: Sequence[str], emit: str = "works") -> list[str]:
    return [PY, "-c", WRAPPED.replace("{emit}", EMITTERS[emit]), *command]


def observed(command: Sequence[str], **options: Any) -> tuple[list[Event], Any]:
    events: list[Event] = []
    given = {"observe_git": False, "telemetry": TelemetryPolicy(first_sample_seconds=0.1)} | options
    result = run_build(command, RunOptions(**given), events.append)
    return events, result


def of(kind: type[Event], events: Sequence[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


BEHAVIOURS: dict[str, list[str]] = {
    "quiet": ["true"],
    "failing": [PY, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"],
    "code 255": ["sh", "-c", "exit 255"],
    "killed": ["sh", "-c", "echo before; kill -KILL $$"],
    "terminated": ["sh", "-c", "kill -TERM $$"],
    "aborted": ["sh", "-c", "kill -ABRT $$"],
    "binary": [PY, "-c", "import os; os.write(1, bytes(range(256)) * 500); os.write(2, bytes(range(255, -1, -1)))"],
    "no line end": ["printf", "abc\\r\\n\\033[31mred"],
    "both streams": ["sh", "-c", "for i in 1 2 3; do echo o$i; echo e$i >&2; done"],
    "reads input": ["sh", "-c", "cat; echo end"],
    "closed output": ["sh", "-c", "exec >&- 2>&-; exit 4"],
    "not found inside": ["sh", "-c", "no-such-program-here"],
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_bytes_and_exit_code_are_those_of_the_build_alone(behaviour: str) -> None:
    command = BEHAVIOURS[behaviour]
    alone = subprocess.run(command, input=b"in\n", capture_output=True, check=False)
    under = subprocess.run(wrapped(command), input=b"in\n", capture_output=True, check=False)
    code = alone.returncode if alone.returncode >= 0 else 128 - alone.returncode
    assert (under.returncode, under.stdout, under.stderr) == (code, alone.stdout, alone.stderr)


@pytest.mark.parametrize("emit", ["raises", "blocks"])
def test_broken_telemetry_changes_neither_output_nor_exit_code(emit: str) -> None:
    command = [PY, "-c", "import sys; [print('x' * 99) for _ in range(20000)]; sys.exit(7)"]
    under = subprocess.run(wrapped(command, emit), capture_output=True, check=False, timeout=120)
    assert under.returncode == 7
    assert under.stdout == b"x" * 99 + b"\n" + (b"x" * 99 + b"\n") * 19999
    assert under.stderr.count(b"\n") == (1 if emit == "raises" else 0)  # said once


def test_build_that_ends_while_a_full_pipe_is_read_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, read = 1 << 20, os.read

    def read_slowly(source: int, most: int) -> bytes:
        """Not before the pipe is full, and back only when the build has ended."""
        waiting, size = array.array("i", [0]), fcntl.fcntl(source, fcntl.F_GETPIPE_SZ)
        while not child._ended.is_set() and waiting[0] < size:
            fcntl.ioctl(source, termios.FIONREAD, waiting)
            time.sleep(0.001)
        data = read(source, most)
        if len(data) == full:
            child._ended.wait(120)
        return data

    passed = tmp_path / "passed"
    with passed.open("wb") as target:
        child = Child([PY, "-c", f"import os; os.write(1, bytes({2 * full}))"], lambda *_: None, (target.fileno(), 2))
        child.start()
        monkeypatch.setattr(os, "read", read_slowly)
        child.wait()
    assert passed.stat().st_size == 2 * full


def test_hundred_megabytes_pass_unchanged() -> None:
    script = "import os\nblock = os.urandom(1 << 20)\nfor n in range(100): os.write(1, block[n:] + block[:n])"
    command = [PY, "-c", script.replace("os.urandom(1 << 20)", "bytes(i * 7 % 251 for i in range(1 << 20))")]
    began = time.monotonic()
    with subprocess.Popen(wrapped(command), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen, size = hashlib.sha256(), 0
        while chunk := process.stdout.read(1 << 20):
            seen.update(chunk)
            size += len(chunk)
    block = bytes(i * 7 % 251 for i in range(1 << 20))
    expected = hashlib.sha256()
    for n in range(100):
        expected.update(block[n:] + block[:n])
    assert (process.returncode, size, seen.digest()) == (0, 100 << 20, expected.digest())
    assert time.monotonic() - began < 120


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_forwarded_and_the_code_is_128_plus_n(number: signal.Signals) -> None:
    with subprocess.Popen(wrapped(["sh", "-c", "echo ready; sleep 30"]), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(120) == 128 + number


def test_build_that_handles_a_signal_keeps_its_own_exit_code() -> None:
    script = "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(wrapped(["sh", "-c", script]), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"caught\n"
        assert process.wait(120) == 5


def test_nothing_that_a_run_printed_is_told_later_than_its_end() -> None:
    """A forecast made of it would lie behind its own outcome."""
    events, _ = observed(["sh", "-c", "echo 'main.c:3:1: error: boom' >&2; exit 2"])
    (ended,) = of(RunFinished, events)
    assert max(event.time for event in of(LogSignal, events)) <= ended.time


def test_reader_that_goes_away_ends_the_build_as_it_would_alone() -> None:
    with subprocess.Popen(wrapped(["yes"]), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(4) == b"y\ny\n"
        process.stdout.close()
        assert process.wait(120) == 128 + signal.SIGPIPE


def test_process_left_behind_does_not_hold_the_build_up() -> None:
    began = time.monotonic()
    under = subprocess.run(wrapped(["sh", "-c", "sleep 90 & echo done"]), capture_output=True, check=False, timeout=80)
    assert (under.returncode, under.stdout) == (0, b"done\n")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["no-such-program-here"], "no such command"),
        (["/no/such/file"], "no such command"),
        ([__file__], "not executable"),
        ([], "nothing to run"),
    ],
)
def test_command_that_cannot_start_is_one_sentence_and_no_event(command: list[str], says: str) -> None:
    events: list[Event] = []
    with pytest.raises(ConfigError, match=says) as caught:
        run_build(command, RunOptions(observe_git=False), events.append)
    assert "\n" not in str(caught.value)
    assert events == []


def test_script_without_an_interpreter_line_is_one_sentence(tmp_path: Path) -> None:
    script = tmp_path / "build"
    script.write_text("echo hello\n")
    script.chmod(0o755)
    with pytest.raises(ConfigError, match="cannot run"):
        run_build([str(script)], RunOptions(observe_git=False), lambda event: None)


def on_terminal(command: Sequence[str], act: Callable[[int, int], None], typed: bytes = b"") -> tuple[bytes, int]:
    """Run a command on a terminal of its own, `typed` ahead; `act(master, pid)` once it has printed something."""
    pid, master = pty.fork()
    if pid == 0:  # pragma: no cover - the child
        os.execvp(command[0], list(command))
    if typed:
        os.write(master, typed)
    seen, acted, deadline = b"", False, time.monotonic() + 120
    while time.monotonic() < deadline:
        ready, _, _ = select.select([master], [], [], 0.2)
        if not ready:
            continue
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
        if not acted:
            acted = True
            act(master, pid)
    else:
        os.kill(pid, signal.SIGKILL)  # what it printed until then is told by the test that fails
    _, status = os.waitpid(pid, 0)
    os.close(master)
    return seen, os.waitstatus_to_exitcode(status)


def test_build_has_a_terminal_where_the_wrapper_has_one() -> None:
    script = "import os; print([os.isatty(n) for n in (0, 1, 2)], os.get_terminal_size().columns)"
    seen, code = on_terminal(wrapped([PY, "-c", script]), lambda master, pid: None)
    assert b"[True, True, True]" in seen
    assert code == 0


def test_interrupt_key_reaches_the_build() -> None:
    seen, code = on_terminal(
        wrapped(["sh", "-c", "echo ready; sleep 30"]), lambda master, pid: os.write(master, b"\x03") and None
    )
    assert b"ready" in seen
    assert code == 128 + signal.SIGINT


def test_typed_lines_reach_the_build() -> None:
    seen, code = on_terminal(
        wrapped(["sh", "-c", "echo ready; read answer; echo got-$answer; exit 6"]),
        lambda master, pid: os.write(master, b"yes\n") and None,
    )
    assert b"got-yes" in seen
    assert code == 6


def test_lines_typed_before_the_build_has_begun_reach_it_too() -> None:
    seen, _ = on_terminal(
        wrapped(["sh", "-c", "read answer; echo got-$answer"]), lambda master, pid: None, typed=b"early\n"
    )
    assert b"got-early" in seen


def test_change_of_window_size_reaches_the_build() -> None:
    script = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGWINCH, lambda *_: None)\n"
        "print('ready', flush=True)\n"
        "for _ in range(200):\n"
        "    if os.get_terminal_size().columns == 123: print('wide'); break\n"
        "    time.sleep(0.05)\n"
    )
    seen, _ = on_terminal(wrapped([PY, "-c", script]), lambda master, pid: termios.tcsetwinsize(master, (40, 123)))
    assert b"wide" in seen


def test_a_run_is_told_from_start_to_end() -> None:
    script = (
        "echo 'checking for gcc... gcc'; sleep 0.3; for i in 1 2 3 4; do echo \"gcc -O2 -c x$i.c\"; done; "
        "echo 'x4.c:1:2: error: expected ;'; echo 'make: *** [Makefile:2: x4.o] Error 1'; exit 2"
    )
    events, result = observed(["sh", "-c", script], name="demo", project="toys")
    started, finished = of(RunStarted, events)[0], of(RunFinished, events)[-1]
    assert events[0] is started
    assert events[-1] is finished
    assert (started.run.name, started.run.project, started.run.run_id) == ("demo", "toys", result.run_id)
    assert [step.stage for step in of(StepStarted, events)] == ["configure", "compile"]
    assert [step.stage for step in of(StepFinished, events)] == ["configure", "compile"]
    assert all(step.seconds >= 0 for step in of(StepFinished, events))
    assert [(told.error_class, told.fatal) for told in of(LogSignal, events)] == [("compile", False), ("make", True)]
    assert of(RunSampled, events)[0].processes >= 1
    assert 0.0 < (of(RunSampled, events)[0].elapsed_seconds or 0.0) <= finished.seconds + 1.0
    assert "system.memory.utilization" in of(HostSampled, events)[0].metrics
    assert (finished.outcome, finished.exit_code, finished.error_class, finished.lines) == ("failure", 2, "compile", 7)
    assert (result.outcome, result.exit_code, result.error_class) == ("failure", 2, "compile")
    assert len({event.id for event in events}) == len(events)
    assert {event.source for event in events} == {f"/hosts/{started.host}"}


def test_cpu_of_processes_that_have_ended_counts() -> None:
    busy = f"{PY} -c 'sum(i * i for i in range(1500000))'"
    events, result = observed(["sh", "-c", f"{busy}; {busy}; {busy}; sleep 0.3"])
    assert sum(sample.cpu_ratio for sample in of(RunSampled, events)) > 0
    assert result.cpu_seconds > 0.1
    assert result.peak_rss_bytes > 1 << 20


def test_secrets_of_command_and_output_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "correct-horse-battery")
    script = "echo 'main.c:1:1: error: bad correct-horse-battery'; exit 1"
    events, _ = observed(["sh", "-c", script, "--password", "hunter2hunter2"])
    text = repr(events)
    assert "correct-horse-battery" not in text
    assert "hunter2hunter2" not in text
    assert "[redacted]" in of(LogSignal, events)[0].line


def test_clock_that_is_set_back_gives_no_negative_duration() -> None:
    moments = iter([2_000_000_000.0] + [1_999_996_400.0] * 1000)
    events: list[Event] = []
    result = run_build(["true"], RunOptions(observe_git=False), events.append, lambda: next(moments))
    assert result.seconds >= 0
    assert of(RunFinished, events)[0].time >= of(RunStarted, events)[0].time


def test_git_state_is_told(tmp_path: Path) -> None:
    commands = ("git init -q -b main", "git -c user.name=a -c user.email=a@b commit -q --allow-empty -m 'Fix it'")
    for command in commands:
        subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    events, _ = observed(["sleep", "1.5"], folder=tmp_path, observe_git=True)
    change = of(ChangeObserved, events)[0]
    assert (change.branch, change.message_kind, change.dirty) == ("main", "fix", False)
    assert of(RunStarted, events)[0].run.commit == change.commit


def test_runs_outside_the_main_thread_too() -> None:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(observed(["true"])[1]))
    thread.start()
    thread.join(60)
    assert results[0].exit_code == 0


@pytest.mark.parametrize(
    ("ended", "signals", "kills", "expected"),
    [
        (Exit(0, 0, 0), [Signal("compile")], 0, ("success", "")),
        (Exit(2, 0, 0), [Signal("compile"), Signal("make", True)], 0, ("failure", "compile")),
        (Exit(2, 0, 0), [Signal("disk"), Signal("make", True)], 0, ("error", "disk")),
        (Exit(2, 0, 0), [], 1, ("error", "oom")),
        (Exit(137, 0, 0), [], 0, ("error", "oom")),
        (Exit(139, 0, 0), [], 0, ("error", "")),
        (Exit(130, 0, 0), [], 0, ("cancel", "")),
        (Exit(2, 0, 0, (15,)), [Signal("make", True)], 0, ("cancel", "")),
        (Exit(1, 0, 0), [], 0, ("failure", "")),
    ],
)
def test_outcome_says_who_broke_it(ended: Exit, signals: list[Signal], kills: int, expected: tuple[str, str]) -> None:
    assert outcome_of(ended, signals, kills) == expected


@pytest.mark.parametrize(
    ("command", "flags", "expected"),
    [
        (["make", "-j8", "all"], "", 8),
        (["make", "--jobs=3"], "", 3),
        (["cmake", "--build", ".", "--parallel", "6"], "", 6),
        (["sh", "-c", "make -j4 check"], "", 4),
        (["make"], "-j2 --jobserver-auth=3,4", 2),
        (["ninja"], "", None),
        (["make", "-j"], "", 0),
    ],
)
def test_jobs_are_read_from_the_command(command: list[str], flags: str, expected: int | None) -> None:
    assert jobs_of(command, flags) == expected
