"""A running or finished jhalfs build as events, read from outside.

`look(now)` yields what is new and returns; it neither sleeps nor writes. A target runs from the moment its log carries
a date. It succeeded when its stamp stands (younger than that date); it failed when make said so, or, without make's
output, when the last lines of its log are make giving up and nothing has moved for `settle_seconds`, or when the build
is over. Ids follow from the build, the target and the date in its log, so following again is the same fact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from collectors.jhalfs import facts
from collectors.jhalfs.facts import Build
from collectors.jhalfs.layout import Plan, Target, read_plan
from collectors.jhalfs.marks import LogMarks, date_of, make_mark
from collectors.jhalfs.memory import Memory, Package
from collectors.jhalfs.tail import Place, Reading, read_on
from collectors.output import Output, SignalSeen, StageEntered
from collectors.signals import Signal
from streams.events import Event, Outcome

__all__ = ["FollowPolicy", "Follower"]

_HEAD_BYTES = 200  # in which a log's date stands


@dataclass(frozen=True)
class FollowPolicy:
    """How to judge what is seen from outside. `finished`: the build is known to be over (an import)."""

    settle_seconds: float = 30.0
    finished: bool = False
    signal_classes: int = 50


@dataclass
class Follower:
    """Follows one build folder. `memory` is all that must outlive a restart."""

    root: Path
    host: str
    memory: Memory
    make_log: Path | None = None
    machine: facts.Machine = field(default_factory=facts.Machine)
    policy: FollowPolicy = field(default_factory=FollowPolicy)
    _plan: Plan | None = None
    _plan_at: float = -1.0
    _outputs: dict[str, Output] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """The plan as the Makefile stands now."""
        try:
            written_at = (self.root / "Makefile").stat().st_mtime
        except FileNotFoundError:
            written_at = 0.0
        if self._plan is None or written_at != self._plan_at:
            self._plan, self._plan_at = read_plan(self.root), written_at
        return self._plan

    def look(self, now: float) -> Iterator[Event]:
        """Everything that happened since the last look, in order."""
        plan = self.plan
        build = self._build(plan)
        if self.memory.build != build.pipeline_id:
            self._outputs.clear()
            self.memory = Memory(build=build.pipeline_id)
        self._read_make()
        logs = _logs(self.root / "logs")
        for target in plan.targets:
            yield from self._target(build, target, logs.get(target.target.split("-", 1)[0], []), now)
        yield from self._end(build, plan)

    def _build(self, plan: Plan) -> Build:
        key = f"{self.host}\x1f{self.root.resolve()}\x1f{plan.generated}"
        digest = hashlib.blake2b(key.encode(), digest_size=10).hexdigest()
        return Build(f"jhalfs/{digest}", plan, self.host, self.machine)

    def _read_make(self) -> None:
        if self.make_log is None:
            return
        while (reading := read_on(self.make_log, self.memory.make_place)) is not None:
            self.memory.make_place = reading.place
            for line in reading.data.decode("utf-8", "replace").splitlines():
                mark = make_mark(line)
                if mark is not None and mark.kind == "failed":
                    self.memory.failed[mark.target] = mark.code
                elif mark is not None:
                    self.memory.failed.pop(mark.target, None)
            if not reading.more:
                return

    def _target(self, build: Build, target: Target, logs: list[Path], now: float) -> Iterator[Event]:
        log = next((path for path in logs if _belongs(path.name, target.target)), None)
        known = self.memory.packages.get(target.target)
        if log is None or (known and known.state == "success" and known.place.offset == _size(log)):
            return
        stamped_at = _stamp(self.root / target.target)  # before reading: what it closes is then read whole
        date = _date_at_head(log)
        if known is None or (date is not None and abs(date - known.begun_at) >= 0.5):
            known, events = self._begin(build, target, log, date, now)
            yield from events
        if known is None or known.state != "running":
            return
        while (reading := read_on(log, _same_content(known.place, log, date), whole=self.policy.finished)) is not None:
            known.place = reading.place
            yield from self._output(build, target, known, reading, now)
            if not reading.more:
                break
        yield from self._judge(build, target, known, stamped_at, now)

    def _begin(
        self, build: Build, target: Target, log: Path, date: float | None, now: float
    ) -> tuple[Package | None, list[Event]]:
        """A run of a target; none yet while make has only just opened its log."""
        modified_at = _stamp(log)
        if modified_at is None or (date is None and not self.policy.finished and _size(log) < _HEAD_BYTES):
            return None, []
        begun_at = date if date is not None else min(now, modified_at)
        run_id = f"{build.pipeline_id}/{target.target}/{begun_at:.0f}"
        package = Package(run_id=run_id, begun_at=begun_at, log=log.name, grown_at=modified_at)
        self.memory.packages[target.target] = package
        self._outputs[target.target] = Output()
        events: list[Event] = []
        if not self.memory.begun or self.memory.over:
            self.memory.begun, self.memory.over = True, False
            events.append(facts.pipeline_started(build, begun_at, self.memory.ends))
        return package, [*events, facts.started(build, target, package)]

    def _output(self, build: Build, target: Target, package: Package, reading: Reading, now: float) -> Iterator[Event]:
        marks = LogMarks(package.begun_at, None, package.first_kib, package.last_kib)
        for line in reading.data.splitlines():
            marks.read(line)
        package.first_kib, package.last_kib = marks.first_kib, marks.last_kib
        package.seconds = float(marks.seconds) if marks.seconds is not None else package.seconds
        output = self._outputs.setdefault(target.target, Output(lines=package.lines, stage=package.stage))
        at = max(package.begun_at, min(now, reading.modified_at))
        if reading.data:
            package.grown_at = at
        notices = list(output.take("log", reading.data, at))
        tests = read_on(self.root / "test-logs" / package.log, package.test_place, whole=self.policy.finished)
        if tests is not None:
            package.test_place = tests.place
            notices += output.take("test-log", tests.data, at)
        if not self.policy.finished:
            notices += output.tick(now)
        package.lines = output.lines
        for number, notice in enumerate(notices):
            if isinstance(notice, StageEntered):
                yield from facts.stage_entered(build, package, notice.stage, notice.at)
            elif isinstance(notice, SignalSeen):
                self._remember(package, notice)
                yield facts.signal(build, package, notice, f"{reading.place.offset}-{number}")

    def _remember(self, package: Package, notice: SignalSeen) -> None:
        seen = (notice.error_class, notice.fatal)
        if seen not in package.signals and len(package.signals) < self.policy.signal_classes:
            package.signals.append(seen)

    def _judge(
        self, build: Build, target: Target, package: Package, stamped_at: float | None, now: float
    ) -> Iterator[Event]:
        if stamped_at is not None and stamped_at >= package.begun_at - 1.0:
            package.state, package.ended_at = "success", stamped_at
            self.memory.failed.pop(target.target, None)
            yield from facts.finished(build, target, package)
        elif (code := self._failure(target, package, now)) is not None:
            package.state, package.ended_at = "failure", package.grown_at
            self.memory.failed.pop(target.target, None)
            yield from facts.finished(build, target, package, code)

    def _failure(self, target: Target, package: Package, now: float) -> int | None:
        """make's error number of a target that failed, 2 where only the log shows it; None while it may go on."""
        if target.target in self.memory.failed:
            return self.memory.failed[target.target]
        if self.policy.finished:
            return 2
        output = self._outputs.get(target.target)
        last = output.signals[-1] if output and output.signals else None
        quiet = now - package.grown_at >= self.policy.settle_seconds
        return 2 if self.make_log is None and quiet and last == Signal("make", fatal=True) else None

    def _end(self, build: Build, plan: Plan) -> Iterator[Event]:
        if not self.memory.begun or self.memory.over:
            return
        packages = self.memory.packages
        failed = [package for package in packages.values() if package.state == "failure"]
        running = [package for package in packages.values() if package.state == "running"]
        done = all((self.root / target.target).exists() for target in plan.targets) and not running
        if not done and not (failed and not running):
            return
        ended_at = max(package.ended_at or package.begun_at for package in packages.values())
        begun_at = min(package.begun_at for package in packages.values())
        self.memory.over = True
        self.memory.ends += 1
        outcome: Outcome = "failure" if failed and not done else "success"
        yield facts.pipeline_finished(build, begun_at, ended_at, outcome, self.memory.ends)


def _logs(folder: Path) -> dict[str, list[Path]]:
    """The logs of a folder by the position their names begin with."""
    found: dict[str, list[Path]] = {}
    try:
        for path in sorted(each for each in folder.iterdir() if each.is_file()):
            found.setdefault(path.name.split("-", 1)[0], []).append(path)
    except (FileNotFoundError, PermissionError):
        pass  # not begun yet, or not ours to see: nothing is new
    return found


def _belongs(log: str, target: str) -> bool:
    """Whether a log is a target's: its name, or its name and a version."""
    return log == target or (log.startswith(f"{target}-") and log[len(target) + 1 : len(target) + 2].isdigit())


def _date_at_head(log: Path) -> float | None:
    """The date a log begins with: a log without it goes on where an older part was cut off or rotated away."""
    try:
        with log.open("rb") as file:
            lines = file.read(_HEAD_BYTES).decode("ascii", "replace").split("\n")[:-1]
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        return None
    return next((date for line in lines[:4] if (date := date_of(line.strip())) is not None), None)


def _same_content(place: Place, log: Path, date: float | None) -> Place:
    """Where to read on in a log that was copied to another file as a whole: it still begins with its date."""
    try:
        status = log.stat()
    except (FileNotFoundError, PermissionError):
        return place
    if date is None or status.st_size < place.offset:
        return place
    return Place(status.st_dev, status.st_ino, place.offset)


def _stamp(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except (FileNotFoundError, PermissionError):
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (FileNotFoundError, PermissionError):
        return -1
