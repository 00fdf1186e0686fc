"""`.ninja_log` versions 5 to 7: tab-separated `start_ms end_ms mtime output hash`, one line an output that was made.

Ninja appends in the order edges end, counting milliseconds from its own start: an end earlier than the one before it
means that another build began. Wall-clock time comes from the outputs' mtime (nanoseconds; 0 for what makes no file),
else from the log's own. Only edges that succeeded are logged, so every build found here counts as a success: import it
for durations. An output made again replaces an older line when ninja compacts the log, so old builds are partial.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from collectors.imports.records import (
    BadRecord,
    FinishedRun,
    Item,
    Origin,
    digest,
    started_and_finished,
)
from streams.events import Run, StepFinished

__all__ = ["parse"]

SOURCE = "/import/ninja-log"
_LINK = {".so", ".a", ".dll", ".dylib", ".exe", ".lib", ""}
_COMPILE = {".o", ".obj", ".gch", ".pch", ".pcm", ".class", ".rlib", ".rmeta"}
_NANOSECONDS_FROM = 10**14  # a larger mtime counts nanoseconds, a smaller one seconds


@dataclass(frozen=True)
class _Edge:
    start: float
    end: float
    made_at: float
    output: str


def parse(lines: Iterable[str], origin: Origin) -> Iterator[Item]:
    """A run for each build, with one finished step a stage."""
    source = iter(lines)
    header = next(source, "").strip()
    if header not in ("# ninja log v5", "# ninja log v6", "# ninja log v7"):
        yield BadRecord("line 1", f"no ninja log of version 5 to 7: {header[:60]!r}")
        return
    build: list[_Edge] = []
    number = 0
    for place, line in enumerate(source, 2):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            edge = _edge(line.rstrip("\n"))
        except ValueError as error:
            yield BadRecord(f"line {place}", str(error))
            continue
        if build and edge.end < build[-1].end:
            yield from _build(build, number, origin)
            build, number = [], number + 1
        build.append(edge)
    if build:
        yield from _build(build, number, origin)


def _edge(line: str) -> _Edge:
    fields = line.split("\t")
    if len(fields) != 5:
        raise ValueError(f"{len(fields)} fields where 5 are due")
    start, end, mtime = (int(field) for field in fields[:3])
    if not 0 <= start <= end:
        raise ValueError(f"it ends ({end} ms) before it starts ({start} ms)")
    made_at = mtime / 1e9 if mtime >= _NANOSECONDS_FROM else float(mtime)
    return _Edge(start / 1000.0, end / 1000.0, max(0.0, made_at), fields[3])


def _build(edges: list[_Edge], number: int, origin: Origin) -> Iterator[Item]:
    seconds = max(edge.end for edge in edges)
    dated = [edge for edge in edges if edge.made_at]
    begun_at = max(edge.made_at - edge.end for edge in dated) if dated else origin.modified_at - seconds
    project = origin.project or PurePath(origin.name).parent.name or "ninja"
    host = origin.host or "ninja"
    run = Run(
        run_id=f"ninja/{digest(project, str(number), edges[0].output, str(edges[0].made_at), str(len(edges)))}",
        name="ninja",
        project=project,
        event_type="local",
    )
    start, end = started_and_finished(FinishedRun(run, host, begun_at, seconds, "success"), SOURCE)
    yield start
    for index, (stage, of_stage) in enumerate(_by_stage(edges).items()):
        first, last = min(edge.start for edge in of_stage), max(edge.end for edge in of_stage)
        yield StepFinished(
            id=f"{run.run_id}/step/{stage}",
            source=SOURCE,
            time=begun_at + last,
            host=host,
            run_id=run.run_id,
            stage=stage,
            started_at=begun_at + first,
            seconds=last - first,
            index=index,
        )
    yield end


def _by_stage(edges: list[_Edge]) -> dict[str, list[_Edge]]:
    stages: dict[str, list[_Edge]] = {}
    for edge in sorted(edges, key=lambda edge: edge.start):
        stages.setdefault(_stage(edge.output), []).append(edge)
    return stages


def _stage(output: str) -> str:
    name = PurePath(output).name
    if name == "build.ninja":
        return "configure"
    suffix = PurePath(name).suffix
    if suffix in _COMPILE:
        return "compile"
    if suffix in _LINK or ".so." in name:
        return "link"
    return "generate"
