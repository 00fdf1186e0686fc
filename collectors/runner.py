"""The host daemon's loop: the one place that waits. It samples, emits, says once what it lost, and goes on."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from collectors.host import HostSampler
from streams.events import Event, HostSampled

__all__ = ["CollectPolicy", "collect"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CollectPolicy:
    """How often a host is looked at, and which folder's file system counts."""

    sample_seconds: float = 10.0
    host: str = field(default_factory=socket.gethostname)
    folder: Path = field(default_factory=Path.cwd)


def collect(
    policy: CollectPolicy,
    emit: Callable[[Event], None],
    stop: threading.Event,
    clock: Callable[[], float] = time.time,
    sampler: HostSampler | None = None,
    most: int | None = None,
) -> int:
    """Emit a `HostSampled` every `sample_seconds` until `stop` is set (or `most` were taken); how many were taken."""
    sampler = sampler or HostSampler(policy.folder)
    taken, due = 0, time.monotonic()
    while not stop.is_set() and (most is None or taken < most):
        metrics = sampler.sample(time.monotonic())
        _tell(emit, policy.host, clock(), metrics)
        for source in sampler.lost():
            _log.warning("host %s: no %s metrics: they cannot be read here; the others go on", policy.host, source)
        taken += 1
        due = max(due + policy.sample_seconds, time.monotonic())
        stop.wait(max(0.0, due - time.monotonic()))
    return taken


def _tell(emit: Callable[[Event], None], host: str, now: float, metrics: dict[str, float]) -> None:
    event = HostSampled(id=uuid4().hex, source=f"/hosts/{host}", time=now, host=host, metrics=metrics)
    try:
        emit(event)
    except Exception:
        _log.exception("host %s: a sample could not be told; the next one is tried", host)
