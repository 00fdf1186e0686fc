"""Raw Travis CI logs: `travis_time` marks give true times a command, folds name the phase, the last lines the outcome.

A log without any `travis_time` mark has no times and is left out, as is one that does not say how it ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from collectors.imports.records import (
    LINE_LIMIT,
    BadRecord,
    FinishedRun,
    Item,
    LeftOut,
    Origin,
    digest,
    started_and_finished,
)
from collectors.signals import Signal, root_class, signal_of
from collectors.stages import plain, stage_of
from streams.events import LogSignal, Outcome, Run, RunFinished, RunStarted, StepFinished

__all__ = ["parse"]

SOURCE = "/import/travis-log"
HOST = "travis-ci"
_TIME = re.compile(r"travis_time:end:\w+:start=(\d+),finish=(\d+),duration=")
_FOLD = re.compile(r"travis_fold:(start|end):([a-z_]+)")
_DONE = re.compile(r"Done\. Your build exited with (\d+)\.")
_SETUP_FAILED = re.compile(r"failed and exited with (\d+) during")
_NAME = re.compile(r"_?(?P<commit>[0-9a-f]{40})_(?P<job>\d+)\.log$")
_TIMED_OUT = ("exceeded the maximum time limit", "No output has been received in the last")
_CANCELLED = "Done: Job Cancelled"


@dataclass
class _Log:
    """What has been read so far."""

    steps: list[tuple[str, float, float]] = field(default_factory=list)
    signals: dict[str, tuple[int, str, str, float, bool]] = field(default_factory=dict)
    fold: str = ""
    stage: str = ""
    outcome: Outcome | None = None
    exit_code: int | None = None
    timed_out: bool = False

    def read(self, raw: str) -> None:
        if "travis_" in raw and self._mark(raw):
            return
        line = plain(raw)
        if not line or self._end(line):
            return
        self.stage = stage_of(line) or self.stage
        signal = signal_of(line, self.stage)
        if signal is not None:
            count, first, stage, _, fatal = self.signals.get(signal.error_class, (0, line, self.stage, 0.0, False))
            at = self.steps[-1][2] if self.steps else 0.0
            self.signals[signal.error_class] = (count + 1, first, stage, at, fatal or signal.fatal)

    def _mark(self, raw: str) -> bool:
        if (match := _TIME.search(raw)) is not None:
            start, finish = int(match[1]) / 1e9, int(match[2]) / 1e9
            self.steps.append((self.fold or "script", start, max(start, finish)))
            return True
        if (match := _FOLD.search(raw)) is not None:
            self.fold = match[2].rstrip("_") if match[1] == "start" else ""
            return True
        return "travis_time:start" in raw

    def _end(self, line: str) -> bool:
        if (match := _DONE.search(line)) is not None:
            self.exit_code = int(match[1])
            self.outcome = "success" if self.exit_code == 0 else "failure"
        elif (match := _SETUP_FAILED.search(line)) is not None:
            self.exit_code, self.outcome = int(match[1]), "error"
        elif any(text in line for text in _TIMED_OUT):
            self.outcome, self.timed_out = "error", True
        elif _CANCELLED in line:
            self.outcome = "cancel"
        else:
            return False
        return True


def parse(lines: Iterable[str], origin: Origin) -> Iterator[Item]:
    """One run: start, a step a timed command, a signal an error class, the end."""
    log = _Log()
    found_any = False
    for line in lines:
        found_any = True
        log.read(line)
    if not found_any:
        yield BadRecord("the whole file", "it is empty")
    elif not log.steps:
        yield LeftOut("no times in it")
    elif log.outcome is None:
        yield LeftOut("it does not say how it ended")
    else:
        yield from _events(log, log.outcome, origin)


def _events(log: _Log, outcome: Outcome, origin: Origin) -> Iterator[Item]:
    start, end = started_and_finished(_finished(log, outcome, origin), SOURCE)
    yield start
    for index, (stage, begun_at, ended_at) in enumerate(log.steps):
        yield _step(start, index, stage, begun_at, ended_at)
    for error_class, found in sorted(log.signals.items(), key=lambda pair: pair[1][3]):
        yield _signal(start, end, error_class, found)
    yield end


def _finished(log: _Log, outcome: Outcome, origin: Origin) -> FinishedRun:
    path = PurePath(origin.name)
    project = origin.project or path.parent.name.replace("@", "/", 1) or "travis"
    named = _NAME.search(path.name)
    started_at = min(step[1] for step in log.steps)
    run = Run(
        run_id=f"travis-log/{project}/{digest(path.name, str(started_at))}",
        name="build",
        project=project,
        commit=named["commit"] if named else "",
    )
    failed = outcome in ("failure", "error")
    return FinishedRun(
        run,
        origin.host or HOST,
        started_at,
        max(step[2] for step in log.steps) - started_at,
        outcome,
        error_class=_root(log) if failed else "",
        exit_code=log.exit_code,
        timed_out=log.timed_out,
    )


def _root(log: _Log) -> str:
    return root_class([Signal(error_class, found[4]) for error_class, found in log.signals.items()])


def _step(start: RunStarted, index: int, stage: str, begun_at: float, ended_at: float) -> StepFinished:
    return StepFinished(
        id=f"{start.run.run_id}/step/{index}",
        source=SOURCE,
        time=ended_at,
        host=start.host,
        run_id=start.run.run_id,
        stage=stage,
        started_at=begun_at,
        seconds=ended_at - begun_at,
        index=index,
    )


def _signal(
    start: RunStarted, end: RunFinished, error_class: str, found: tuple[int, str, str, float, bool]
) -> LogSignal:
    count, line, stage, at, fatal = found
    return LogSignal(
        id=f"{start.run.run_id}/signal/{error_class}",
        source=SOURCE,
        time=min(max(at, start.time), end.time),
        host=start.host,
        run_id=start.run.run_id,
        error_class=error_class,
        stage=stage,
        line=line[:LINE_LIMIT],
        count=count,
        fatal=fatal,
    )
