"""Local mode: the same core over a journal file and SQLite, in this process, with no server.

The build's events go through a queue to one thread that owns the core, the journal, the model's log and the database.
Nothing here can hold the build up: `emit` only puts into a queue.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from streams.errors import BuildcastError, InvalidEvent
from streams.events import Event, ExampleRecorded, LabelRevised, RunOpened
from streams.journal import Journal

__all__ = ["LocalChain", "LocalPaths"]

_log = logging.getLogger(__name__)
_FOLDED = (RunOpened, ExampleRecorded, LabelRevised)
_STORE_SECONDS = 1.0  # rows are written at most this often


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
            self._work()
        except (BuildcastError, OSError) as error:
            self.failed = str(error)
        except Exception as error:  # a fault of ours is told as one, and never looks like the build's
            _log.debug("the local chain failed", exc_info=True)
            self.failed = (
                f"Buildcast itself failed ({type(error).__name__}: {error}); please report it. If it comes again, "
                f"delete {self.paths.snapshot}: it is made again from what was learned"
            )

    def _work(self) -> None:
        # Imported here: the build has started before the models are loaded.
        from buildcast.replica_file import follow_forecaster, save_forecaster
        from models.core import Core

        forecaster, position = follow_forecaster(self.paths)
        core = Core(forecaster)
        journal, examples = Journal(self.paths.journal), Journal(self.paths.examples)
        rows = _Rows(self.paths.database_url)
        ended = False
        while not ended:
            batch, ended = self._take()
            journal.append(batch)
            for event in batch:
                outputs = core.handle(event)
                for output in outputs:
                    self._on_output(output)
                folded = [output for output in outputs if isinstance(output, _FOLDED)]
                if folded:  # what others appended meanwhile (another run, a revised label) is folded in its place
                    examples.append(folded, sync=True)
                    news, position = examples.read_from(position)
                    for record in news:
                        forecaster.fold(record)
                rows.add([event, *outputs])
            rows.flush(ended)
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


class _Rows:
    """Rows on their way into SQLite, a batch a second."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pending: list[Event] = []
        self._written_at: float | None = None

    def add(self, events: list[Event]) -> None:
        self._pending += events

    def flush(self, ended: bool) -> None:
        now = time.monotonic()
        due = self._written_at is None or now - self._written_at >= _STORE_SECONDS
        if self._pending and (ended or due):
            asyncio.run(self._write(self._pending))
            self._pending, self._written_at = [], now

    async def _write(self, pending: list[Event]) -> None:
        from agents.store.database import connect, migrate
        from agents.store.rows import writes_of
        from agents.store.writer import Item, Writer

        if self._written_at is None:
            await migrate(self._url)
        items = []
        for event in pending:
            try:
                items.append(Item(event, writes_of(event)))
            except InvalidEvent:
                continue  # a value that fits no column; the journal keeps the event
        engine = connect(self._url)
        try:
            await Writer(engine).write(items)
        finally:
            await engine.dispose()
