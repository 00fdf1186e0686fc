"""Where a collector's events go: the local chain of a state folder, or spool and broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.errors import Unavailable
from streams.events import Event

__all__ = ["emitter"]


@contextmanager
def emitter(
    local: bool,
    state: Path,
    deadline_seconds: float = 3600.0,
    on_output: Callable[[Event], None] | None = None,
) -> Iterator[Callable[[Event], None]]:
    """Takes events at once; leaving waits until they are stored (local) or sent, else kept in the spool (remote).

    `on_output` hears what follows from them: forecasts and alerts (from another thread).
    """
    if local:
        from buildcast.local import LocalChain

        with LocalChain(state, on_output or (lambda output: None), deadline_seconds) as chain:
            yield chain.emit
        if chain.failed:
            raise Unavailable(f"the events were not stored: {chain.failed}")
        return
    from buildcast.remote import RemoteChain

    with RemoteChain(state, on_output, deadline_seconds) as remote:
        yield remote.emit
    if remote.failed:
        raise Unavailable(remote.failed)
