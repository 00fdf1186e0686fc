"""Linux From Scratch builds by jhalfs: reports (SBU_DU) and their table (lfs_package_steps.csv) as events of the wire.

A report states when the build ended and how long each package took, so starts are laid end to end before that; the
table knows only the day, so a build starts at that day's midnight, or when the one before it on that day ended. A host
is told by CPU model, cores and memory. All builds succeeded. A package built twice gets `#2` the second time.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streams import sbu_report
from streams.errors import InvalidEvent
from streams.events import Event, PipelineFinished, PipelineStarted, Run, RunFinished, RunStarted
from streams.package_name import split_version, told_apart

__all__ = ["SbuBuild", "SbuStep", "events_of", "read_report", "read_sbu", "read_table"]

SOURCE = "/records/sbu"


@dataclass(frozen=True)
class SbuStep:
    """One package: name (told apart), version, seconds of wall clock."""

    name: str
    version: str
    seconds: float


@dataclass(frozen=True)
class SbuBuild:
    """One complete build. `started_at` in seconds since the epoch, UTC."""

    book: str
    started_at: float
    steps: list[SbuStep]
    cpu_model: str = ""
    cpu_count: int | None = None
    memory_bytes: int | None = None
    parallelism: int | None = None

    @property
    def host(self) -> str:
        """Builds on the same kind of machine share it."""
        told = f"{self.cpu_model}|{self.cpu_count}|{self.memory_bytes}"
        return f"lfs-{hashlib.blake2b(told.encode(), digest_size=4).hexdigest()}"

    @property
    def seconds(self) -> float:
        """The whole build's."""
        return sum(step.seconds for step in self.steps)

    @property
    def pipeline_id(self) -> str:
        """Stable: the same build read again has the same id."""
        return f"lfs/{self.book}/{int(self.started_at)}"

    def run(self, step: SbuStep) -> Run:
        """A package's run."""
        return Run(
            run_id=f"{self.pipeline_id}/{step.name}",
            name=step.name,
            project="lfs",
            event_type="local",
            version=step.version,
            pipeline_id=self.pipeline_id,
            parallelism=self.parallelism,
            cpu_model=self.cpu_model,
            cpu_count=self.cpu_count,
            memory_bytes=self.memory_bytes,
        )


def read_sbu(path: Path) -> Iterator[Event]:
    """Events of a table (.csv), a report, or a folder of reports, builds in order of time."""
    for build in _builds(path):
        yield from events_of(build)


def read_table(lines: Iterable[str]) -> list[SbuBuild]:
    """The builds of a table, in order of time."""
    reader = csv.DictReader(lines)
    missing = {"date", "book_version", "package", "build_seconds"} - set(reader.fieldnames or ())
    if missing:
        raise InvalidEvent("record", f"not a table of package steps: no column {', '.join(sorted(missing))}")
    builds: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in reader:
        builds.setdefault((row["date"], row["book_version"]), []).append(row)
    ended_at = 0.0
    told = []
    for (date, book), rows in sorted(builds.items(), key=lambda item: item[0][0]):
        started_at = max(_midnight(date), ended_at)
        build = SbuBuild(
            book=book,
            started_at=started_at,
            steps=_steps([(row["package"], _seconds(row)) for row in rows]),
            cpu_model=rows[0].get("cpu_model") or "",
            cpu_count=_count(rows[0].get("n_cpu")),
            memory_bytes=(_count(rows[0].get("mem_kb")) or 0) * 1024 or None,
            parallelism=_count(rows[0].get("parallelism")),
        )
        ended_at = build.started_at + build.seconds
        told.append(build)
    return told


def read_report(lines: Iterable[str]) -> SbuBuild:
    """The build of one report; a package without its seconds is passed over."""
    report = sbu_report.read_report(lines)
    steps = _steps((each.label, each.seconds) for each in report.packages if each.seconds is not None)
    if report.written_at is None or not steps:
        raise InvalidEvent("record", "not an SBU report: it has no date or no package with its build time in seconds")
    return SbuBuild(
        book=report.book,
        started_at=report.written_at - sum(step.seconds for step in steps),
        steps=steps,
        cpu_model=report.cpu_model,
        cpu_count=report.cpu_count,
        memory_bytes=report.memory_bytes or None,
        parallelism=_count(report.settings.get("N_PARALLEL")),
    )


def events_of(build: SbuBuild) -> Iterator[Event]:
    """The pipeline, and start and end of each package."""
    at, pipeline, host = build.started_at, build.pipeline_id, build.host
    yield PipelineStarted(
        id=f"{pipeline}/started",
        source=SOURCE,
        time=at,
        host=host,
        pipeline_id=pipeline,
        name=build.book,
        project="lfs",
        packages=[step.name for step in build.steps],
    )
    for step in build.steps:
        run = build.run(step)
        yield RunStarted(id=f"{run.run_id}/started", source=SOURCE, time=at, host=host, run=run)
        yield RunFinished(
            id=f"{run.run_id}/finished",
            source=SOURCE,
            time=at + step.seconds,
            host=host,
            run_id=run.run_id,
            name=run.name,
            project=run.project,
            outcome="success",
            started_at=at,
            seconds=step.seconds,
            pipeline_id=pipeline,
        )
        at += step.seconds
    yield PipelineFinished(
        id=f"{pipeline}/finished",
        source=SOURCE,
        time=at,
        host=host,
        pipeline_id=pipeline,
        name=build.book,
        outcome="success",
        project="lfs",
        seconds=build.seconds,
    )


def _builds(path: Path) -> list[SbuBuild]:
    if path.is_dir():
        reports = [_opened(file) for file in sorted(path.rglob("*.report"))]
        return sorted(reports, key=lambda build: build.started_at)
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as lines:
            return read_table(lines)
    return [_opened(path)]


def _opened(path: Path) -> SbuBuild:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return read_report(lines)


def _steps(rows: Iterable[tuple[str, int]]) -> list[SbuStep]:
    named = [(*split_version(label), seconds) for label, seconds in rows]
    apart = told_apart(name for name, _, _ in named)
    return [SbuStep(name, version, float(seconds)) for name, (_, version, seconds) in zip(apart, named, strict=True)]


def _seconds(row: dict[str, str]) -> int:
    if (seconds := _count(row["build_seconds"])) is None:
        raise InvalidEvent(
            "record", f"package {row['package']} has no build time in whole seconds: {row['build_seconds']!r}"
        )
    return seconds


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _midnight(date: str) -> float:
    try:
        return datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise InvalidEvent("record", f"not a date: {date!r}") from error
