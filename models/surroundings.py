"""What a run meets where it starts: who waits and runs there, what pipeline it is of, what is known to be weak there.

Fed by the events of one partition; a host's events are all of one partition, so what is said of a host does not depend
on how many there are. A start's features go into the run's attributes, named as declared here: missing where nothing
was said, and then of no effect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from models.bounded import forget_oldest
from models.features import Availability, Feature, Schema
from streams import events

__all__ = ["SURROUNDINGS", "Pipeline", "Surroundings", "SurroundingsLimits", "Waiting"]

SURROUNDINGS = Schema(
    "surroundings",
    Availability.STARTED,
    (
        Feature("queue.waited", "time from being queued to the start", "seconds", Availability.STARTED, "host"),
        Feature("queue.running", "runs that the host (or pool of runners) was at", "1", Availability.STARTED, "host"),
        Feature("queue.waiting", "runs that waited for the host (or pool)", "1", Availability.STARTED, "host"),
        Feature("host.weak_serious", "open findings, high and critical", "1", Availability.STARTED, "host"),
        Feature("host.weak_minor", "open findings, low and medium", "1", Availability.STARTED, "host"),
    ),
)
V = TypeVar("V")
_SERIOUS = frozenset({"high", "critical"})


@dataclass(frozen=True)
class SurroundingsLimits:
    """How much is kept, and for how long a queued run is believed to wait (seconds)."""

    waiting: int = 10_000
    pipelines: int = 1_000
    hosts: int = 5_000
    findings: int = 500  # of a host
    waiting_seconds: float = 86_400.0


class Waiting(msgspec.Struct, frozen=True):
    """A run that is queued."""

    run_id: str
    name: str
    host: str
    pipeline_id: str
    at: float


class Pipeline(msgspec.Struct, frozen=True):
    """A pipeline under way: its packages in build order, where known."""

    host: str
    packages: list[str] = []


class Surroundings(msgspec.Struct):
    """Bounded; the oldest is forgotten first. `findings`: severity by host and finding."""

    waiting: dict[str, Waiting] = {}
    pipelines: dict[str, Pipeline] = {}
    findings: dict[str, dict[str, str]] = {}
    running: dict[str, int] = {}  # by host

    def take(self, event: events.Event, limits: SurroundingsLimits) -> None:
        """An event that concerns no running run."""
        match event:
            case events.RunQueued():
                run = event.run
                queued = Waiting(run.run_id, run.name, event.host, run.pipeline_id, event.time)
                _keep(self.waiting, run.run_id, queued, limits.waiting)
            case events.PipelineStarted():
                _keep(self.pipelines, event.pipeline_id, Pipeline(event.host, event.packages), limits.pipelines)
            case events.PipelineFinished():
                self.pipelines.pop(event.pipeline_id, None)
            case events.FindingReported() if event.host:
                self._find(event, limits)
            case _:
                pass

    def start(self, event: events.RunStarted, limits: SurroundingsLimits) -> dict[str, float]:
        """A run starts: what it meets, by the names of `SURROUNDINGS`."""
        host, queued = event.host, self.waiting.pop(event.run.run_id, None)
        found: dict[str, float] = {}
        waited = event.queued_seconds
        if waited is None and queued is not None and queued.host == host:
            waited = max(0.0, event.time - queued.at)
        if waited is not None:
            found["queue.waited"] = waited
        if host:
            found["queue.running"] = float(self.running.get(host, 0))
            found["queue.waiting"] = float(len(self.queue_of(host, event.time, limits)))
            found |= self._weaknesses(host)
            self.running[host] = self.running.get(host, 0) + 1
        return found

    def end(self, run_id: str, host: str) -> None:
        """A run that was started is over, or given up."""
        self.waiting.pop(run_id, None)
        left = self.running.pop(host, 0) - 1
        if left > 0:
            self.running[host] = left

    def count(self, hosts: Iterable[str]) -> None:
        """Count the running runs anew, by the hosts they are on."""
        self.running = dict(Counter(host for host in hosts if host))

    def queue_of(self, host: str, now: float, limits: SurroundingsLimits) -> list[Waiting]:
        """Runs that wait for a host, oldest first."""
        since = now - limits.waiting_seconds
        return [one for one in self.waiting.values() if one.host == host and one.at >= since]

    def _weaknesses(self, host: str) -> dict[str, float]:
        open_ = self.findings.get(host)
        if open_ is None:
            return {}
        serious = sum(severity in _SERIOUS for severity in open_.values())
        return {"host.weak_serious": float(serious), "host.weak_minor": float(len(open_) - serious)}

    def _find(self, event: events.FindingReported, limits: SurroundingsLimits) -> None:
        open_ = self.findings.pop(event.host, {})
        key = f"{event.check}\x1f{event.package}\x1f{event.subject or event.evidence}"[:400]
        open_.pop(key, None)
        if not event.cleared:
            _keep(open_, key, event.severity, limits.findings)
        _keep(self.findings, event.host, open_, limits.hosts)


def _keep(table: dict[str, V], key: str, value: V, limit: int) -> None:
    table.pop(key, None)
    table[key] = value
    forget_oldest(table, limit)
