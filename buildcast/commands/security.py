"""`buildcast security scan`: looks at this build host (or a root folder) and reports findings."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from buildcast.commands.findings import keep
from collectors.security import CHECKS, HostReader, Scan, ScanMemory, ScanPolicy, load_memory, report, save_memory
from collectors.security import scan as scan_once
from collectors.security.check import SEVERITIES
from collectors.security.compliance import ComplianceSummary, summarise
from collectors.security.findings import severity_of, texts
from collectors.security.units import read_units
from streams.errors import ConfigError
from streams.events import FindingReported

__all__ = ["scan_host", "security"]

security = typer.Typer(add_completion=False, no_args_is_help=True, help="Security checks of this build host.")

_COLOURS = {"low": "dim", "medium": "yellow", "high": "red", "critical": "bold red"}


def scan_host(
    root: Path, policy: ScanPolicy, memory: Path | None, host: str, now: float
) -> tuple[Scan, list[FindingReported]]:
    """One scan and its news. systemd is asked only about the machine we run on."""
    if not root.is_dir():
        raise ConfigError(f"{root} is no folder: name the root of the system to scan, / for this machine")
    known = load_memory(memory) if memory else ScanMemory()
    units = read_units if root.resolve() == Path("/") else lambda: None
    seen = scan_once(HostReader(root), policy, now, known.digests, units)
    events, kept = report(seen, known, host, f"/buildcast/security/{host}", now)
    if memory:
        save_memory(memory, kept)
    return seen, events


@security.command("scan")
def scan(
    build_root: Annotated[list[str] | None, typer.Option(help="Folder that builds happen in; may be repeated.")] = None,
    root: Annotated[Path, typer.Option(help="Root of the system to look at.")] = Path("/"),
    builder: Annotated[list[str] | None, typer.Option(help="Account that may build; may be repeated.")] = None,
    allow_port: Annotated[list[int] | None, typer.Option(help="Port that may listen beyond loopback.")] = None,
    memory: Annotated[Path | None, typer.Option(help="File that remembers the last scan, to tell changes.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Journal to append the findings' events to.")] = None,
    spool: Annotated[Path | None, typer.Option(help="Spool of `buildcast collect`, which sends them on.")] = None,
    fail_on: Annotated[str, typer.Option(help="Exit 1 from this severity on: low, medium, high, critical.")] = "",
    seconds: Annotated[float, typer.Option(help="Most seconds to spend.")] = 30.0,
    files: Annotated[int, typer.Option(help="Most files to look at.")] = 200_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look for weaknesses of this build host. Nothing that is found is run or changed."""
    if fail_on and fail_on not in SEVERITIES:
        raise ConfigError(f"--fail-on {fail_on}: choose one of {', '.join(SEVERITIES)}")
    policy = ScanPolicy(
        build_roots=tuple(build_root or ()),
        builders=tuple(builder or ("root",)),
        allowed_ports=tuple(allow_port or (22,)),
        search_path=_search_path(root),
        max_seconds=seconds,
        max_files=files,
    )
    seen, events = scan_host(root, policy, memory, socket.gethostname(), time.time())
    keep(events, journal, spool)
    summary = summarise(seen)
    print(json.dumps(_as_json(seen, summary), indent=2)) if as_json else _print(seen, summary, Console())
    if fail_on and any(_rank(severity_of(one)) >= _rank(fail_on) for one in seen.findings):
        raise typer.Exit(1)


@security.command("checks")
def checks() -> None:
    """List every check with its severity and remedy."""
    _table(Console(), ("check", "severity", "what", "remedy"), _check_rows())


def _check_rows() -> list[tuple[str, str, str, str]]:
    return [(check.id, check.severity, check.title, check.remedy) for check in CHECKS.values()]


def _search_path(root: Path) -> tuple[str, ...]:
    """This machine's search path as it is; for another root the usual one."""
    path = os.environ.get("PATH", "")
    return tuple(path.split(":")) if root.resolve() == Path("/") and path else ScanPolicy().search_path


def _rank(severity: str) -> int:
    return [*SEVERITIES].index(severity)  # type: ignore[arg-type]  # a severity of ours as plain text


def _as_json(seen: Scan, summary: ComplianceSummary) -> dict[str, object]:
    findings = [
        {"check": one.check, "severity": severity_of(one), "evidence": one.evidence, "remedy": CHECKS[one.check].remedy}
        for one in seen.findings
    ]
    areas = {
        area.area: {"examined": area.examined, "passed": area.passed, "failed": list(area.failed)}
        for area in summary.areas
    }
    return {
        "findings": findings,
        "areas": areas,
        "by_severity": summary.by_severity,
        "score_ratio": summary.score_ratio,
        "complete": summary.complete,
        "may_build": summary.may_build,
        "notes": list(texts(seen)),
        "seconds": round(seen.seconds, 3),
    }


def _print(seen: Scan, summary: ComplianceSummary, console: Console) -> None:
    ordered = sorted(seen.findings, key=lambda one: -_rank(severity_of(one)))
    rows = [(severity_of(one), one.check, one.evidence, CHECKS[one.check].remedy) for one in ordered]
    if rows:
        _table(console, ("severity", "check", "evidence", "what to do"), rows)
    areas = [
        (area.area, "yes" if area.examined else "no", str(area.passed), str(len(area.failed)), area.worst)
        for area in summary.areas
    ]
    _table(console, ("area", "examined", "passed", "failed", "worst"), areas)
    for group, names in summary.may_build.items():
        console.print(f"May build as {group}: {', '.join(names) or 'nobody'}", markup=False)
    for text in texts(seen):
        console.print(text, markup=False)
    score = "nothing could be examined" if summary.score_ratio is None else f"score {summary.score_ratio:.0%}"
    console.print(f"{len(rows)} findings, {score}, {seen.seconds:.1f} s", markup=False)


def _table(console: Console, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*heads)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row), style=_COLOURS.get(row[0], ""))
    console.print(table)
