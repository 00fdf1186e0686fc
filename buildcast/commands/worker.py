"""`buildcast worker`: the Faust worker, in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["worker"]


def worker(
    bootstrap: Annotated[str | None, typer.Option(help="The broker's address (BUILDCAST_BOOTSTRAP).")] = None,
) -> None:
    """Score the events of this worker's partitions until it is told to stop."""
    from agents.settings import WorkerSettings
    from agents.worker import run_worker
    from streams.settings import load

    run_worker(load(WorkerSettings, bootstrap=bootstrap))
