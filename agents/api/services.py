"""What the routes work with, made once a process and found on the app."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Request

from agents.api.cache import ForecastCache
from agents.api.hub import Hub
from agents.api.log import EventLog
from agents.api.problems import Problem
from agents.api.settings import ApiSettings
from agents.api.tokens import Principal
from agents.api.traffic import Traffic
from agents.api.views import forecast_view
from agents.store.audit import line
from agents.store.reads import Reads
from agents.store.rows import writes_of
from agents.store.writer import Item, Writer
from streams import events
from streams.errors import InvalidEvent

if TYPE_CHECKING:
    from models.forecaster import Forecaster

__all__ = ["SOURCE", "Receive", "Services", "services"]

SOURCE = "/buildcast/api"
Receive = Callable[[str, Mapping[str, str], bytes], Sequence[events.Event]]
_log = logging.getLogger(__name__)


@dataclass
class Services:
    """Parts by name. `forecaster` gives the newest model, `receive` turns a provider's webhook into events, `keep`
    makes one durable on this host."""

    settings: ApiSettings
    reads: Reads
    writer: Writer
    log: EventLog
    cache: ForecastCache
    hub: Hub
    clock: Callable[[], float]
    forecaster: Callable[[], Forecaster] | None = None
    receive: Receive | None = None
    keep: Callable[[events.Event], None] | None = None
    status: Callable[[], Mapping[str, Any]] | None = None
    feed: Any = None
    counts: dict[str, int] = field(default_factory=dict)
    started_at: float = 0.0
    traffic: Traffic = field(default_factory=Traffic)
    model_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def model(self) -> Forecaster | None:
        """The newest model, folded aside of the loop. Score under `model_lock`: nobody folds then."""
        return await asyncio.to_thread(self.forecaster) if self.forecaster else None

    def count(self, what: str) -> None:
        """One more of these."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def take(self, item: events.Event | dict[str, Any]) -> None:
        """What the feed has seen: into the cache and to the listeners."""
        told = self._told(item)
        if told is not None:
            self.hub.publish(told[0], msgspec.json.encode(told[1]))

    def _told(self, item: events.Event | dict[str, Any]) -> tuple[str, Any] | None:
        match item:
            case dict():
                return item["kind"], item
            case events.ForecastMade():
                return ("forecast", forecast_view(item)) if self.cache.put(item, self.clock()) else None
            case events.AlertRaised():
                return "alert-raised", item
            case events.AlertResolved():
                return "alert-resolved", item
            case events.AnomalyDetected():
                return "anomaly", item
            case events.ImpactForecast():
                return "impact", item
            case events.RunAnalysed():
                return "analysis", item
            case events.RunOpened():
                run = item.run
                return "run-started", {"run_id": run.run_id, "name": run.name, "project": run.project,
                                       "host": item.host, "started_at": item.time}  # fmt: skip
            case events.ExampleRecorded():
                return "run-finished", {"run_id": item.run.run_id, "name": item.run.name, "outcome": item.outcome,
                                        "finished_at": item.time, "seconds": item.seconds}  # fmt: skip
            case events.LabelRevised():
                return "label-revised", item
            case events.ModelPromoted() | events.ModelRolledBack() | events.TrainingFinished():
                return "model", item
            case _:
                return None

    async def record(self, event: events.Event) -> None:
        """Put an event on the log, then its rows (and its line in the audit trail) into the database."""
        await self.log.append(event)
        await self._write([Item(event.id, writes_of(event))])

    async def keep_event(self, event: events.Event) -> None:
        """Durable when it returns: in this host's spool, which waits for a broker that is away, else on the log."""
        if self.keep is None:
            await self.log.append(event)
        else:
            await asyncio.to_thread(self.keep, event)

    async def audit(
        self, principal: Principal, action: str, subject: str, body: Any, before: str = "", after: str = ""
    ) -> dict[str, Any]:
        """A line in the audit trail for what is no event."""
        told = line(principal.name, self.clock(), action, subject, body, before, after)
        await self._write([Item(str(told.row["id"]), [told])])
        return {name: told.row[name] for name in ("id", "time", "principal", "action", "subject")}

    async def _write(self, items: list[Item[str]]) -> None:
        refused = await self.writer.write(items)
        if refused:
            raise InvalidEvent("bad-value", refused[0].reason)

    async def known_run(self, run_id: str) -> dict[str, Any]:
        """The run, or a 404 that says where to look."""
        run = await self.reads.run(run_id)
        if run is None:
            raise Problem(404, f"no run {run_id[:100]!r} is stored", "GET /api/v1/runs lists what is")
        return run


def services(request: Request) -> Services:
    """The services of the app that serves a request."""
    found: Services = request.app.state.services
    return found
