"""`buildcast up` and `buildcast down`: the whole system on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["down", "up"]

State = Annotated[Path, typer.Option(help="The state folder.")]


def up(state: State = Path(".buildcast")) -> None:
    """Start broker, worker, sink, API and trainer on this machine (loopback, free ports) and leave them running."""
    from buildcast.system import start

    found = start(state, typer.echo)
    typer.echo(f"broker    {found.bootstrap}")
    typer.echo(f"database  {found.database}")
    for part, address in found.metrics.items():
        typer.echo(f"{part:<9} {address}")
    if found.api:
        typer.echo(f"page      {found.api}/")
    typer.echo("next: buildcast run -- make -j4      (stop all with: buildcast down)")


def down(state: State = Path(".buildcast")) -> None:
    """Stop what `up` started. What was stored stays."""
    from buildcast.system import stop

    typer.echo("stopped" if stop(state) else f"nothing was up under {state}")
