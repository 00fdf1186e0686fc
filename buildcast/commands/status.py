"""`buildcast status`: every part of the system as ok, degraded or down, with reason and remedy."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

__all__ = ["status"]

_STYLE = {"ok": "green", "degraded": "yellow", "down": "red"}


def status(
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Name every part; exit code 0 when all are ok, 1 when one is degraded, 2 when one is down."""
    from buildcast.health import examine

    parts = examine(state)
    if as_json:
        typer.echo(json.dumps({"parts": [asdict(part) for part in parts]}))
    else:
        table = Table("part", "state", "reason", "remedy", box=None)
        for part in parts:
            table.add_row(part.name, f"[{_STYLE[part.state]}]{part.state}[/]", part.reason, part.remedy)
        Console().print(table)
    worst = max((part.state for part in parts), key=lambda s: ("ok", "degraded", "down").index(s), default="ok")
    raise typer.Exit({"ok": 0, "degraded": 1, "down": 2}[worst])
