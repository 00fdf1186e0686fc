"""jhalfs's SBU and disk usage reports: a whole Linux From Scratch build in one file, successes only.

The report states when it was written (right after the build) and each package's seconds, not when each began: starts
are laid end to end so that the last package ends at the report's date. Disk is what a package needed beyond what was
there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from collectors.imports.records import (
    BadRecord,
    FinishedRun,
    Item,
    Origin,
    digest,
    started_and_finished,
)
from collectors.jhalfs.names import split_version, told_apart
from streams.events import PipelineFinished, PipelineStarted, Run

__all__ = ["PROJECT", "Package", "Report", "parse", "read_report"]

SOURCE = "/import/sbu-report"
PROJECT = "lfs"
_DATE = re.compile(r"^(?:\w{3} )?(?:\w{3} +\d+|\d+ \w{3}) .*\d{2}:\d{2}:\d{2}")
_SETTING = re.compile(r"^(\w+):?\s+<(.*)>\s*$")
_PACKAGE = re.compile(r"^\s*\[(\S+)\]\s*$")
_CLOCK = re.compile(r"(\d{2}):(\d{2}):(\d{2})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass
class Package:
    """One step: seconds of wall clock, disk in KiB."""

    label: str
    line: int
    seconds: int | None = None
    disk_kib: int | None = None


@dataclass
class Report:
    """What a report says, before it becomes events."""

    written_at: float | None = None
    book: str = "unknown"
    settings: dict[str, str] = field(default_factory=dict)
    cpu_model: str = ""
    cpu_count: int | None = None
    memory_bytes: int | None = None
    packages: list[Package] = field(default_factory=list)


def parse(lines: Iterable[str], origin: Origin) -> Iterator[Item]:
    """A pipeline with a run for each package, in build order."""
    report = read_report(lines)
    if not report.packages:
        yield BadRecord("line 1", "no package in it: not an SBU report, or cut off")
        return
    timed = [package for package in report.packages if package.seconds is not None]
    for package in report.packages:
        if package.seconds is None:
            yield BadRecord(f"line {package.line}", f"{package.label} has no build time in seconds")
    yield from _events(report, timed, origin)


def read_report(lines: Iterable[str]) -> Report:
    """The report as values; lines it does not know are passed over."""
    report = Report()
    for number, line in enumerate(lines, 1):
        _read_line(report, number, line.rstrip("\n"))
    return report


def _read_line(report: Report, number: int, line: str) -> None:
    name, _, value = (part.strip() for part in line.partition(":"))
    if (match := _PACKAGE.match(line)) is not None:
        report.packages.append(Package(match[1], number))
    elif report.packages:
        _read_package(report.packages[-1], name, value)
    elif report.written_at is None and _DATE.match(line):
        report.written_at = _date(line)
    elif (match := _SETTING.match(line)) is not None:
        report.settings[match[1]] = match[2]
    else:
        _read_machine(report, name, value)


def _read_package(package: Package, name: str, value: str) -> None:
    if name == "Build time in seconds is" and value.isdigit():
        package.seconds = int(value)
    elif name == "Required space to build the package":
        amount = value.split(" ", 1)[0]
        if amount.isdigit():
            package.disk_kib = int(amount)


def _read_machine(report: Report, name: str, value: str) -> None:
    match name:
        case "Book version is":
            report.book = value
        case "Model name" | "model name":
            report.cpu_model = value
        case "CPU(s)" if value.isdigit():
            report.cpu_count = int(value)
        case "processor" if value.isdigit():
            report.cpu_count = int(value) + 1
        case "Mem" if value[:1].isdigit():
            report.memory_bytes = int(value.split()[0]) * 1024


def _date(line: str) -> float | None:
    """`date`'s output in the C or a 12-hour locale; months by name, the zone taken for UTC."""
    clock = _CLOCK.search(line)
    words = line.replace(",", " ").split()
    month = next((_MONTHS.index(word) + 1 for word in words if word in _MONTHS), None)
    day = next((int(word) for word in words if word.isdigit() and len(word) <= 2), None)
    year = next((int(word) for word in words if word.isdigit() and len(word) == 4), None)
    if clock is None or month is None or day is None or year is None:
        return None
    hour = int(clock[1]) % 12 + 12 * ("PM" in words) if "AM" in words or "PM" in words else int(clock[1])
    return datetime(year, month, day, hour, int(clock[2]), int(clock[3]), tzinfo=UTC).timestamp()


def _events(report: Report, packages: list[Package], origin: Origin) -> Iterator[Item]:
    ended_at = report.written_at if report.written_at is not None else origin.modified_at
    whole = sum(package.seconds or 0 for package in packages)
    pipeline = f"lfs/{digest(report.book, str(ended_at), *(f'{p.label} {p.seconds}' for p in packages))}"
    host = origin.host or f"lfs-{digest(report.cpu_model, str(report.cpu_count))[:8]}"
    project = origin.project or PROJECT
    names = told_apart(split_version(package.label)[0] for package in packages)
    at = ended_at - whole
    yield PipelineStarted(
        id=f"{pipeline}/started",
        source=SOURCE,
        time=at,
        host=host,
        pipeline_id=pipeline,
        name=report.book,
        project=project,
        packages=names,
    )
    for package, name in zip(packages, names, strict=True):
        seconds = package.seconds or 0
        run = _run(report, package, name, pipeline, project)
        disk = package.disk_kib * 1024 if package.disk_kib is not None else None
        yield from started_and_finished(
            FinishedRun(run, host, at, float(seconds), "success", disk_used_bytes=disk), SOURCE
        )
        at += seconds
    yield PipelineFinished(
        id=f"{pipeline}/finished",
        source=SOURCE,
        time=at,
        host=host,
        pipeline_id=pipeline,
        name=report.book,
        project=project,
        outcome="success",
        seconds=float(whole),
    )


def _run(report: Report, package: Package, name: str, pipeline: str, project: str) -> Run:
    parallel = report.settings.get("N_PARALLEL", "")
    return Run(
        run_id=f"{pipeline}/{name}",
        name=name,
        project=project,
        branch=report.settings.get("INITSYS", ""),
        event_type="local",
        version=split_version(package.label)[1],
        pipeline_id=pipeline,
        parallelism=int(parallel) if parallel.isdigit() else None,
        cpu_model=report.cpu_model,
        cpu_count=report.cpu_count,
        memory_bytes=report.memory_bytes,
    )
