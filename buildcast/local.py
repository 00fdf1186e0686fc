"""Local mode: the same core over a journal file and SQLite, in this process, with no server.

The build's events go through a queue to one thread that owns the core, the journal, the model's log and the database.
Nothing here can hold the build up: `emit` only puts into a queue.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from streams.errors import BuildcastError
from streams.events import Event, ExampleRecorded, LabelRevised, RunOpened
from streams.journal import Journal

__all__ = ["LocalChain", "LocalPaths"]

_FOLDED = (RunOpened, ExampleRecorded, LabelRevised)


class LocalPaths:
    """Where local mode keeps what it keeps, below one folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.journal = state / "journal.jsonl"
        self.examples = state / "examples.jsonl"
        self.database = state / "buildcast.sqlite"
        self.snapshot = state / "forecaster.snapshot"

    @property
    def database_url(self) -> str:
        """For SQLAlchemy."""
        return f"sqlite+aiosqlite:///{self.database}"


class LocalChain:
    """Everything from event to row, behind `emit`. Use as a context manager; leaving waits until all is stored."""

    def __init__(self, state: Path, on_output: Callable[[Event], None], deadline_seconds: float = 30.0) -> None:
        self.paths = LocalPaths(state)
        self.failed: str | None = None  # why telemetry was given up, if it was
        self._on_output = on_output
        self._deadline = deadline_seconds
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._guarded, name="buildcast-core", daemon=True)

    def __enter__(self) -> LocalChain:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._queue.put(None)
        self._thread.join(self._deadline)
        if self._thread.is_alive():
            self.failed = f"storing did not end within {self._deadline:.0f} s"

    def emit(self, event: Event) -> None:
        """Take an event; returns at once."""
        self._queue.put(event)

    def _guarded(self) -> None:
        try:
            asyncio.run(self._work())
        except (BuildcastError, OSError) as error:
            self.failed = str(error)

    async def _work(self) -> None:
        # Imported here: the build has started before the models are loaded.
        from agents.store.schema import migrate
        from agents.store.writer import StoreWriter
        from buildcast.replica_file import load_forecaster, save_forecaster
        from models.core import Core

        forecaster = load_forecaster(self.paths)
        core = Core(forecaster)
        journal, examples = Journal(self.paths.journal), Journal(self.paths.examples)
        migrated = False
        pending: list[Event] = []
        stored_at = time.monotonic()
        ended = False
        while not ended:
            batch, ended = await asyncio.to_thread(self._take)
            journal.append(batch)
            for event in batch:
                outputs = core.handle(event)
                folded = [output for output in outputs if isinstance(output, _FOLDED)]
                examples.append(folded, sync=True)
                for output in outputs:
                    self._on_output(output)
                for output in folded:
                    forecaster.fold(output)
                pending += [event, *outputs]
            if pending and (ended or time.monotonic() - stored_at > 1.0):
                if not migrated:
                    await migrate(self.paths.database_url)
                    migrated = True
                async with StoreWriter(self.paths.database_url) as writer:
                    await writer.write(pending)
                pending, stored_at = [], time.monotonic()
        save_forecaster(self.paths, forecaster)

    def _take(self, most: int = 500) -> tuple[list[Event], bool]:
        """At least one event if any comes within half a second, and whether the end was reached."""
        batch: list[Event] = []
        try:
            while len(batch) < most:
                event = self._queue.get(timeout=0.5) if not batch else self._queue.get_nowait()
                if event is None:
                    return batch, True
                batch.append(event)
        except queue.Empty:
            pass
        return batch, False
