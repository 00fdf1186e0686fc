"""`buildcast run`: a build under the wrapper, forecast while it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from streams.errors import ConfigError

__all__ = ["run"]


def run(
    command: Annotated[list[str], typer.Argument(help="The build's command, behind --.")],
    local: Annotated[
        bool, typer.Option("--local", help="No server: a journal file and SQLite in the state folder.")
    ] = False,
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
    name: Annotated[str, typer.Option(help="The run's name; by default from the project and the command.")] = "",
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the report as JSON on stdout at the end; the build's output goes to stderr."
        ),
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Show forecasts as lines on stderr even where it is no terminal.")
    ] = False,
    abort: Annotated[
        bool,
        typer.Option(
            "--abort",
            help="Stop the build (exit code 124) where its forecast says that it fails and that stopping pays, once "
            "100 such verdicts are scored and at most 1 % were wrong. Without it nothing ever stops a build.",
        ),
    ] = False,
) -> None:
    """Run a build and forecast it. Its output and its exit code stay as they are."""
    from buildcast.giving_up import STOPPED_EXIT_CODE
    from buildcast.runner import run_here

    if not command:
        raise ConfigError("no command: write it behind --, as in `buildcast run --local -- make -j4`")
    result = run_here(command, state=state, name=name, local=local, plain=live, output_to_stderr=as_json, abort=abort)
    if as_json:
        from buildcast.report import fetch

        try:
            typer.echo(json.dumps(fetch(state, result.run_id)))
        except ConfigError as error:
            print(f"buildcast: {error}", file=sys.stderr)
    raise typer.Exit(STOPPED_EXIT_CODE if result.stopped else result.exit_code)
