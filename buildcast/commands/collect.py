"""`buildcast collect`: the host daemon, in the foreground."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.events import Event

if TYPE_CHECKING:
    from collectors.spool import Spool

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
        tell = _metrics(chain.spool) if count is None else None

        def emit(event: Event) -> None:
            chain.emit(event)
            if tell is not None:
                tell()

        collect_host(CollectPolicy(sample_seconds=every), emit, stop, most=count)
    if chain.failed:
        typer.echo(f"buildcast: {chain.failed}", err=True)


def _metrics(spool: Spool) -> Callable[[], None]:
    """Serve what the daemon knows of its host: the spool, and the age of vulnerability data here."""
    from buildcast.spool_metrics import serve_spool
    from collectors.settings import CollectSettings
    from collectors.vulnerability import FileCache, age_seconds
    from collectors.vulnerability.settings import VulnerabilitySettings
    from streams.settings import load

    metrics, tell_spool = serve_spool(spool, load(CollectSettings).collect_metrics_port)
    advisories = load(VulnerabilitySettings).advisory_cache.expanduser()

    def tell() -> None:
        tell_spool()
        if advisories.is_dir() and (ages := age_seconds(FileCache(advisories), time.time())):
            metrics.set("buildcast_cve_feed_age_seconds", min(ages.values()))

    return tell
