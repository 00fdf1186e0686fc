"""`buildcast sink`: topics into the database, in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["sink"]


def sink(
    bootstrap: Annotated[str | None, typer.Option(help="The broker's address (BUILDCAST_BOOTSTRAP).")] = None,
    database: Annotated[str | None, typer.Option(help="The database's address (BUILDCAST_DATABASE).")] = None,
) -> None:
    """Write all that flows to the database until told to stop."""
    from agents.settings import SinkSettings
    from agents.sink import run_sink
    from streams.settings import load

    run_sink(load(SinkSettings, bootstrap=bootstrap, database=database))
