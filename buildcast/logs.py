"""Which logs a command works on, the broker's or the state folder's, and how an event is put there for good."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from buildcast.endpoints import read
from streams.errors import ConfigError
from streams.events import Event

if TYPE_CHECKING:
    from agents.trainer.records import Records
    from models.champion import Champions

__all__ = ["append", "append_all", "bootstrap_of", "champions", "examples", "fresh_id", "model_events", "principal"]


def bootstrap_of(given: str | None, state: Path) -> str | None:
    """The broker to use: as given, from BUILDCAST_BOOTSTRAP, the one that `up` started, or None for local mode."""
    up = read(state)
    return given or os.environ.get("BUILDCAST_BOOTSTRAP") or (up.bootstrap if up else None)


def examples(bootstrap: str | None, state: Path) -> Records:
    """What models are folded over."""
    from agents.trainer.records import records_of

    if bootstrap is None and not (state / "examples.jsonl").exists():
        raise ConfigError(
            f"nothing is recorded under {state} yet: start with `buildcast run --local -- make`, or name the broker "
            "with --bootstrap"
        )
    return records_of(bootstrap, state, "examples.v1")


def model_events(bootstrap: str | None, state: Path) -> Records:
    """Promotions, roll-backs, trainings, drift."""
    from agents.trainer.records import records_of

    return records_of(bootstrap, state, "model-events.v1")


def champions(bootstrap: str | None, state: Path) -> Champions:
    """All moves so far."""
    from models.champion import Champions

    found = Champions()
    for _, event in model_events(bootstrap, state)():
        found.apply(event)
    return found


def append(event: Event, bootstrap: str | None, state: Path) -> None:
    """Return when the event is kept for good."""
    append_all([event], bootstrap, state)


def append_all(events: Sequence[Event], bootstrap: str | None, state: Path) -> None:
    """Return when all of them are."""
    asyncio.run(_append(events, bootstrap, state))


async def _append(events: Sequence[Event], bootstrap: str | None, state: Path) -> None:
    from agents.api.log import EventLog, JournalLog, KafkaLog

    log: EventLog = KafkaLog(bootstrap) if bootstrap else JournalLog(state)
    try:
        for event in events:
            await log.append(event)
    finally:
        await log.close()
    if bootstrap is None:  # there is no sink: the rows, with the audit trail's, are written here
        await _store(events, state)


async def _store(events: Sequence[Event], state: Path) -> None:
    from agents.store.database import connect, migrate
    from agents.store.rows import writes_of
    from agents.store.writer import Item, Writer
    from buildcast.local import LocalPaths

    url = LocalPaths(state).database_url
    await migrate(url)
    engine = connect(url)
    try:
        await Writer(engine).write([Item(event, writes_of(event)) for event in events])
    finally:
        await engine.dispose()


def principal() -> str:
    """Who asks, for the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def fresh_id(*parts: str) -> str:
    """An id of a command given now."""
    salt = f"{time.time_ns()}-{uuid.uuid4().hex}"
    return hashlib.blake2b("\x1f".join((*parts, salt)).encode(), digest_size=16).hexdigest()
