"""A build run under watch: `run_build` starts it, passes everything through and tells what it sees.

Law: telemetry lives in a thread of its own behind a bounded queue. It may be slow, broken or stuck; the build's bytes,
pace and exit code stay the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collectors.child import Child
from collectors.run_facts import RunOptions, run_facts
from collectors.stop import Stop
from collectors.telemetry import Telemetry
from streams.events import Event, Outcome

__all__ = ["RunOptions", "RunResult", "run_build"]


@dataclass(frozen=True)
class RunResult:
    """How the run ended. `telemetry_lost` counts events that could not be told."""

    run_id: str
    name: str
    project: str
    exit_code: int
    outcome: Outcome
    started_at: float
    seconds: float
    error_class: str = ""
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0  # of its largest process
    telemetry_lost: int = 0
    stopped: str = ""  # why it was ended before its time, if it was


def run_build(
    command: Sequence[str],
    options: RunOptions,
    emit: Callable[[Event], None],
    clock: Callable[[], float] = time.time,
    stop: Stop | None = None,
) -> RunResult:
    """Run `command` to its end. `ConfigError` where it cannot be started; nothing is told then.

    `emit` is called from one thread and should return at once. Signals are forwarded if this is the main thread.
    Nothing ends the build but itself, a signal, or whoever was given `stop`.
    """
    stop = stop or Stop()
    telemetry = Telemetry(emit, clock, options)
    child = Child(command, telemetry.watch, (2, 2) if options.output_to_stderr else (1, 2))
    with child.forwarding():
        started_at, began = clock(), time.monotonic()
        child.start()
        run = run_facts(command, options)
        telemetry.start(run, child.pid, started_at, began)
        stop.begin(child)
        ended = child.wait()
        stop.settle()
        seconds = time.monotonic() - began
        outcome, error_class = telemetry.finish(ended, seconds, stopped=bool(stop.reason))
    return RunResult(
        run_id=run.run_id, name=run.name, project=run.project, exit_code=ended.code, outcome=outcome,
        started_at=started_at, seconds=seconds, error_class=error_class, cpu_seconds=ended.cpu_seconds,
        peak_rss_bytes=ended.peak_rss_bytes, telemetry_lost=telemetry.lost,
        stopped=stop.reason,
    )  # fmt: skip
