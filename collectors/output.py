"""A build's output as facts: lines, stage, progress, silence, and what says that something broke.

Pure: bytes and moments in, notices out. Repeats of an error class are counted and told at most every few seconds, so a
build that prints a million errors makes a handful of events.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from collectors.signals import Signal, signal_of
from collectors.stages import LINE_LIMIT, plain, progress_of, stage_of

__all__ = ["Notice", "Output", "OutputPolicy", "SignalSeen", "StageEntered", "StageLeft"]


@dataclass(frozen=True)
class OutputPolicy:
    """When output is worth telling."""

    lines_to_enter: int = 3  # lines of a new stage, none of another between, before it is entered
    seconds_to_enter: float = 1.0  # or this long since the first of them
    repeat_seconds: float = 5.0  # between two notices of one error class
    signal_limit: int = 200  # notices of errors a run
    stage_limit: int = 1000  # stages entered a run
    silent_seconds: float = 60.0  # the least silence that is told
    silent_ratio: float = 3.0  # of the longest silence so far


@dataclass(frozen=True)
class StageEntered:
    stage: str
    at: float
    index: int


@dataclass(frozen=True)
class StageLeft:
    stage: str
    entered_at: float
    at: float
    index: int


@dataclass(frozen=True)
class SignalSeen:
    error_class: str
    stage: str
    line: str
    count: int
    fatal: bool
    at: float


_PROBES = ("conftest", "CMakeTmp", "CMakeScratch", "TryCompile", "testCompile", "_configtest")

Notice: TypeAlias = StageEntered | StageLeft | SignalSeen


@dataclass
class _Repeats:
    told_at: float
    waiting: int = 0


@dataclass
class Output:
    """What has been seen of a run's output. `take` bytes, `tick` now and then, `end` once."""

    policy: OutputPolicy = field(default_factory=OutputPolicy)
    lines: int = 0
    stage: str = ""
    progress: float | None = None
    last_at: float | None = None
    signals: list[Signal] = field(default_factory=list)
    _entered_at: float = 0.0
    _index: int = -1
    _next: str = ""
    _next_at: float = 0.0
    _next_lines: int = 0
    _rest: dict[str, bytes] = field(default_factory=dict)
    _repeats: dict[str, _Repeats] = field(default_factory=dict)
    _told: int = 0
    _longest_silence: float = 0.0
    _silence_told: float = 0.0

    def take(self, name: str, chunk: bytes, now: float) -> Iterator[Notice]:
        """Bytes of the stream `name`."""
        self._sound(now)
        *lines, rest = (self._rest.get(name, b"") + chunk).split(b"\n")
        self._rest[name] = rest[-LINE_LIMIT:] if len(rest) > 2 * LINE_LIMIT else rest
        self.lines += len(lines)
        for line in lines:
            if line:
                yield from self._line(line[:LINE_LIMIT], now)

    def skip(self, chunk: bytes, now: float) -> None:
        """Bytes that there was no time to look at: they count as lines and break the silence."""
        self._sound(now)
        self.lines += chunk.count(b"\n")

    def tick(self, now: float) -> Iterator[Notice]:
        """Time goes by."""
        if self._next and now - self._next_at >= self.policy.seconds_to_enter:
            yield from self._enter(self._next, self._next_at, now)
        silent = self.silent_seconds(now)
        usual = max(self.policy.silent_seconds, self.policy.silent_ratio * self._longest_silence)
        if silent >= max(usual, 2 * self._silence_told):
            self._silence_told = silent
            yield SignalSeen("silence", self.stage, f"no output for {silent:.0f} s", 1, False, now)

    def end(self, now: float) -> Iterator[Notice]:
        """The output is over: what was held back is told."""
        for name, rest in list(self._rest.items()):
            self._rest[name] = b""
            if rest:
                yield from self._line(rest[:LINE_LIMIT], now)
        if self._next:
            yield from self._enter(self._next, self._next_at, now)
        for error_class, repeats in self._repeats.items():
            if repeats.waiting:
                yield SignalSeen(error_class, self.stage, "", repeats.waiting, False, now)
                repeats.waiting = 0
        if self.stage:
            yield StageLeft(self.stage, self._entered_at, max(now, self._entered_at), self._index)

    def silent_seconds(self, now: float) -> float:
        """Seconds since the last output."""
        return 0.0 if self.last_at is None else max(0.0, now - self.last_at)

    def _sound(self, now: float) -> None:
        self._longest_silence = max(self._longest_silence, self.silent_seconds(now))
        self._silence_told = 0.0
        self.last_at = now

    def _line(self, raw: bytes, now: float) -> Iterator[Notice]:
        line = plain(raw.decode("utf-8", "replace"))
        if not line:
            return
        progress = progress_of(line)
        if progress is not None:
            self.progress = progress
        stage = stage_of(line)
        if stage:
            yield from self._marked(stage, now)
        signal = signal_of(line, stage or self._stage_of_errors(line))
        if signal is not None:
            yield from self._signalled(signal, line, now)

    def _stage_of_errors(self, line: str) -> str:
        """The stage that an unmarked line belongs to: a compile just begun counts, unless it is one of a probe."""
        if self._next in ("compile", "link") and not any(name in line for name in _PROBES):
            return self._next
        return self.stage

    def _marked(self, stage: str, now: float) -> Iterator[Notice]:
        if stage == self.stage:
            self._next = ""
            return
        if stage != self._next:
            self._next, self._next_at, self._next_lines = stage, now, 0
        self._next_lines += 1
        if not self.stage or self._next_lines >= self.policy.lines_to_enter:
            yield from self._enter(stage, self._next_at, now)

    def _enter(self, stage: str, at: float, now: float) -> Iterator[Notice]:
        self._next = ""
        if self._index + 1 >= self.policy.stage_limit:
            return
        if self.stage:
            yield StageLeft(self.stage, self._entered_at, max(at, self._entered_at), self._index)
        self.stage, self._entered_at, self._index = stage, min(at, now), self._index + 1
        yield StageEntered(stage, self._entered_at, self._index)

    def _signalled(self, signal: Signal, line: str, now: float) -> Iterator[Notice]:
        if len(self.signals) < 10_000:
            self.signals.append(signal)
        repeats = self._repeats.get(signal.error_class)
        soon = repeats is not None and now - repeats.told_at < self.policy.repeat_seconds
        if repeats is not None and (self._told >= self.policy.signal_limit or (soon and not signal.fatal)):
            repeats.waiting += 1
            return
        count = 1 + (repeats.waiting if repeats else 0)
        self._repeats[signal.error_class] = _Repeats(now)
        self._told += 1
        yield SignalSeen(signal.error_class, self.stage, line[:300], count, signal.fatal, now)
