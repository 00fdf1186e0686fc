"""`buildcast main-job`, which `make run` calls: a real build, forecast by the whole chain on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["main_job"]


def main_job(
    command: Annotated[list[str] | None, typer.Argument(help="The build; by default psutil's C extension.")] = None,
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
) -> None:
    """Start the system, run a build under the wrapper, show what was forecast and stored, end with its exit code."""
    from buildcast import endpoints
    from buildcast.picture import draw
    from buildcast.remote import wait_until_stored
    from buildcast.runner import run_here
    from buildcast.sample_build import fetch_sample
    from buildcast.system import WITHOUT_TRAINING, start, stop

    console = Console(stderr=True)
    was_up = endpoints.read(state) is not None
    found = start(state, lambda text: console.print(f"[dim]{text}[/dim]"), WITHOUT_TRAINING)
    try:
        if found.api:
            console.print(f"page: {found.api}/")
        name = ""
        if not command:
            command, name = fetch_sample(Path(".cache/sample")), "psutil"
        result = run_here(command, state=state, name=name, local=False, plain=True, summary=False)
        report = wait_until_stored(state, result.run_id)
        console.print(draw(report))
        console.print(f"stored   {len(report['forecasts'])} forecasts and the outcome in {found.database}")
        console.print(f"report   buildcast report {result.run_id} --state {state}")
        console.print("metrics  " + "  ".join(found.metrics.values()) + ("" if was_up else "  (while it ran)"))
        if not was_up:
            console.print("keep it running with `make up`; the next run forecasts from this one")
    finally:
        if not was_up:
            stop(state)
    raise typer.Exit(result.exit_code)
