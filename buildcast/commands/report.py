"""`buildcast report`: what was forecast for a run and what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from buildcast.picture import draw
from buildcast.report import fetch
from streams.errors import ConfigError

__all__ = ["report"]


def report(
    run: Annotated[str | None, typer.Argument(help="The run's id; without it the last run.")] = None,
    last: Annotated[bool, typer.Option("--last", help="The last run (the default).")] = False,
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of the picture.")] = False,
) -> None:
    """Show a run: outcome, risk curve, predicted against actual time, reasons, alerts."""
    if run and last:
        raise ConfigError("give a run's id or --last, not both")
    found = fetch(state, run)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        Console().print(draw(found))
