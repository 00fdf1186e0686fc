"""jhalfs's SBU and disk usage reports: a whole Linux From Scratch build in one file, successes only.

The report states when it was written (right after the build) and each package's seconds, not when each began: starts
are laid end to end so that the last package ends at the report's date. Disk is what a package needed beyond what was
there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collectors.imports.records import (
    BadRecord,
    FinishedRun,
    Item,
    Origin,
    digest,
    started_and_finished,
)
from streams.events import PipelineFinished, PipelineStarted, Run
from streams.package_name import split_version, told_apart
from streams.sbu_report import Package, Report, read_report

__all__ = ["PROJECT", "parse"]

SOURCE = "/import/sbu-report"
PROJECT = "lfs"


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
