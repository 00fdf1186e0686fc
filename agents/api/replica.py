"""The model that answers POST /ensemble: folded from the state folder's journal, or a replica of `examples.v1`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry

from streams.journal import Journal

if TYPE_CHECKING:
    from models.forecaster import Forecaster

__all__ = ["FollowedReplica", "journal_forecaster"]

_log = logging.getLogger(__name__)


def journal_forecaster(path: Path, begin: Callable[[], Forecaster]) -> Callable[[], Forecaster]:
    """A model that has folded all the journal holds whenever it is asked for; `begin` gives the first one."""
    held: list[Forecaster] = []
    stamps: list[tuple[int, int] | None] = [None]

    def newest() -> Forecaster:
        if not held:
            held.append(begin())
        forecaster = held[0]
        found = path.stat() if path.exists() else None
        stamp = (found.st_mtime_ns, found.st_size) if found else None
        if stamp != stamps[0]:
            stamps[0] = stamp
            for offset, event in Journal(path).read(forecaster.offset):
                forecaster.fold(event, offset)
        return forecaster

    return newest


class FollowedReplica:
    """The replica of this process; a broker that is away is tried again. Has a snapshot of its own below the state."""

    def __init__(self, bootstrap: str, state: Path) -> None:
        from agents import metrics
        from agents.replica import Replica
        from agents.snapshot import sealing_key
        from models.forecaster import ForecasterConfig
        from models.members.boosted import lightgbm

        lightgbm()  # where it cannot be had, that is said now
        own = metrics.create(CollectorRegistry())
        self._replica = Replica(bootstrap, ForecasterConfig(), state / "api-replica", sealing_key(state), own)
        self._task: asyncio.Task[None] | None = None

    def forecaster(self) -> Forecaster:
        """The champion, as far as it has been folded."""
        return self._replica.forecaster

    def start(self) -> None:
        """Begin to follow, on the running loop."""
        self._task = asyncio.create_task(self._follow(), name="model-replica")

    async def stop(self) -> None:
        """End following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _follow(self) -> None:
        while True:
            try:
                await self._replica.run()
            except (KafkaError, OSError) as error:
                _log.warning("model replica interrupted reason=%s", error)
            await asyncio.sleep(2.0)
