"""What a run tells while it runs: one thread that looks at output, process tree and host, and emits.

The build's side only ever calls `watch`, which puts bytes into a bounded queue or drops them, and counts.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from collectors.child import Exit
from collectors.output import Notice, Output, SignalSeen, StageEntered, StageLeft
from collectors.redaction import Redactor
from collectors.run_facts import RunOptions
from collectors.signals import ENVIRONMENT, Signal, root_class
from streams.events import (
    STOPPED,
    Event,
    LogSignal,
    Outcome,
    Run,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)

__all__ = ["Telemetry", "outcome_of"]

_CANCELLED = frozenset({128 + 1, 128 + 2, 128 + 15})
_KILLED = 128 + 9
_SWITCH_SECONDS = 0.0005  # between threads, so that the build's bytes never wait for ours


def outcome_of(ended: Exit, signals: list[Signal], oom_kills: int, stopped: bool = False) -> tuple[Outcome, str]:
    """Outcome and error class of an end: `failure` the change broke, `error` the machine did, `cancel` a person did."""
    if stopped:
        return "cancel", STOPPED
    if ended.code == 0:
        return "success", ""
    if ended.forwarded or ended.code in _CANCELLED:
        return "cancel", ""
    error_class = "oom" if oom_kills > 0 or ended.code == _KILLED else root_class(signals)
    broke_down = error_class in ENVIRONMENT or (not error_class and ended.code > 128)
    return ("error" if broke_down else "failure"), error_class


class Telemetry:
    """`start` once the child runs, `watch` its bytes, `finish` when it has ended. Never raises, never blocks long."""

    def __init__(self, emit: Callable[[Event], None], clock: Callable[[], float], options: RunOptions) -> None:
        self.lost = 0  # events that `emit` refused
        self._emit = emit
        self._clock = clock
        self._options = options
        self._policy = options.telemetry
        self._queue: queue.SimpleQueue[tuple[str, bytes] | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._skipped_lines = 0
        self._output = Output(options.output)
        self._ended: tuple[Exit, float] | None = None
        self._verdict: tuple[Outcome, str] | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._guarded, daemon=True, name="buildcast-telemetry")
        self._number = 0

    def watch(self, name: str, chunk: bytes) -> None:
        """Bytes that have just been passed on."""
        if self._waiting_bytes > self._policy.backlog_bytes:
            self._skipped_lines += chunk.count(b"\n")
            return
        self._waiting_bytes += len(chunk)
        self._queue.put((name, chunk))

    def start(self, run: Run, pid: int, started_at: float, began: float) -> None:
        """Begin to tell. `began` is the monotonic moment of the start: the wall clock may be set meanwhile."""
        self._run, self._pid, self._started_at, self._began = run, pid, started_at, began
        self._switch_before = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._thread.start()
        if self._options.observe_git:
            threading.Thread(target=self._observe_git, daemon=True, name="buildcast-git").start()

    def finish(self, ended: Exit, seconds: float, stopped: bool = False) -> tuple[Outcome, str]:
        """Tell the end, for at most `finish_seconds`; outcome and error class."""
        self._ended, self._stopped = (ended, seconds), stopped
        self._queue.put(None)
        self._thread.join(self._policy.finish_seconds)
        sys.setswitchinterval(self._switch_before)
        if self._verdict is None:
            self.lost += 1
            return outcome_of(ended, list(self._output.signals), 0, stopped)
        return self._verdict

    def _guarded(self) -> None:
        try:
            self._work()
        except Exception as error:  # whatever breaks here, the build must not notice
            self.lost += 1
            _say(f"telemetry has stopped ({type(error).__name__}: {error})")

    def _work(self) -> None:
        from collectors.sampling import RunSampler  # psutil is loaded once the build is under way

        self._redact = Redactor(os.environ).text
        self._output.last_at = self._began
        self._tell(RunStarted, time=self._started_at, run=self._run)
        sampler = RunSampler(self._pid, self._run.run_id, self._options, self._began)
        while self._step(sampler):
            pass
        for notice in self._output.end(time.monotonic()):
            self._notice(notice)
        ended, seconds = self._ended or (Exit(1, 0.0, 0), 0.0)
        self._verdict = outcome_of(ended, self._output.signals, sampler.oom_kills(), self._stopped)
        self._finished(ended, seconds)

    def _step(self, sampler: Any) -> bool:
        """Look at one piece of output or let time go by; False at the end."""
        now = time.monotonic()
        for event in sampler.due(now, self._clock(), self._output):
            self._send(event)
        for notice in self._output.tick(now):
            self._notice(notice)
        try:
            item = self._queue.get(timeout=max(0.01, sampler.next_at() - time.monotonic()))
        except queue.Empty:
            return True
        if item is None:
            return False
        for notice in self._look(*item):
            self._notice(notice)
        return True

    def _look(self, name: str, chunk: bytes) -> Iterator[Notice]:
        self._waiting_bytes -= len(chunk)
        now = time.monotonic()
        if self._waiting_bytes > self._policy.look_bytes and len(chunk) > self._policy.look_bytes:
            self._output.skip(chunk[: -self._policy.look_bytes], now)
            chunk = chunk[-self._policy.look_bytes :]
        skipped, self._skipped_lines = self._skipped_lines, 0
        self._output.lines += skipped
        return self._output.take(name, chunk, now)

    def _notice(self, notice: Notice) -> None:
        run_id = self._run.run_id
        match notice:
            case StageEntered(stage, at, index):
                self._tell(StepStarted, at, run_id=run_id, stage=stage, index=index)
            case StageLeft(stage, entered_at, at, index):
                self._tell(
                    StepFinished, at, run_id=run_id, stage=stage, index=index,
                    started_at=self._wall(entered_at), seconds=at - entered_at,
                )  # fmt: skip
            case SignalSeen(error_class, stage, line, count, fatal, at):
                self._tell(
                    LogSignal, at, run_id=run_id, error_class=error_class, stage=stage,
                    line=self._redact(line)[:300], count=count, fatal=fatal,
                )  # fmt: skip

    def _finished(self, ended: Exit, seconds: float) -> None:
        outcome, error_class = self._verdict or ("error", "")
        self._tell(
            RunFinished, self._began + seconds, run_id=self._run.run_id, name=self._run.name, project=self._run.project,
            outcome=outcome, started_at=self._started_at, seconds=seconds, exit_code=ended.code,
            error_class=error_class, pipeline_id=self._run.pipeline_id, lines=self._output.lines,
        )  # fmt: skip

    def _observe_git(self) -> None:
        from collectors.git import observe

        change = observe(self._options.folder, self._run.run_id, self._options.host_id, self._clock())
        if change is not None:
            self._send(change)

    def _wall(self, monotonic: float) -> float:
        """A moment of this run on the wall clock of its start."""
        return self._started_at + max(0.0, monotonic - self._began)

    def _tell(self, kind: type[Event], at: float | None = None, **fields: Any) -> None:
        if at is not None and self._ended is not None:  # what is looked at after the end was printed before it
            at = min(at, self._began + self._ended[1])
        self._number += 1
        host = self._options.host_id
        moment = fields.pop("time") if at is None else self._wall(at)
        identity = f"{self._run.run_id}-{self._number}"
        self._send(kind(id=identity, source=f"/hosts/{host}", time=moment, host=host, **fields))

    def _send(self, event: Event) -> None:
        try:
            self._emit(event)
        except Exception as error:
            self.lost += 1
            if self.lost == 1:
                _say(f"an event could not be told ({error})")


def _say(trouble: str) -> None:
    print(f"buildcast: {trouble}; the build goes on", file=sys.stderr)
