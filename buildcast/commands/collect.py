"""`buildcast collect`: the host daemon, in the foreground."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["collect"]


def collect(
    state: Annotated[Path, typer.Option(help="The state folder; its spool keeps what the broker did not take.")] = Path(
        ".buildcast"
    ),
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between samples.")] = 10.0,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many samples.")] = None,
) -> None:
    """Sample this host and send what is seen until told to stop."""
    from buildcast.remote import RemoteChain
    from collectors.runner import CollectPolicy
    from collectors.runner import collect as collect_host

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with RemoteChain(state) as chain:
        collect_host(CollectPolicy(sample_seconds=every), chain.emit, stop, most=count)
    if chain.failed:
        typer.echo(f"buildcast: {chain.failed}", err=True)
