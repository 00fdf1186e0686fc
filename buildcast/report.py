"""A run's report: one object from the stored rows, the same for local mode and for the database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from buildcast.endpoints import database_url
from streams.errors import ConfigError

__all__ = ["fetch"]


def fetch(state: Path, run_id: str | None) -> dict[str, Any]:
    """The report of a run (or of the last one) from the state folder's database. `ConfigError` if there is none."""
    return asyncio.run(_fetch(state, run_id))


async def _fetch(state: Path, run_id: str | None) -> dict[str, Any]:
    from agents.store.database import connect, migrate
    from agents.store.queries import last_run_id, report

    url = database_url(state)
    await migrate(url)
    engine = connect(url)
    try:
        chosen = run_id or await last_run_id(engine)
        if chosen is None:
            raise ConfigError(f"no run is stored under {state}: start one with `buildcast run --local -- make`")
        found = await report(engine, chosen)
    finally:
        await engine.dispose()
    if found is None:
        raise ConfigError(f"no run {chosen} is stored under {state}; `buildcast report --last` shows the newest")
    return found
