"""The newest forecast of each run in memory, served for `keep_seconds`; after that the database is asked."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from streams.events import ForecastMade

__all__ = ["ForecastCache", "Held"]


@dataclass(frozen=True)
class Held:
    """A forecast and since when it is held."""

    forecast: ForecastMade
    since: float
    answers: dict[str, tuple[bytes, str]] = field(default_factory=dict)  # body and entity tag by kind


class ForecastCache:
    """Bounded; counts hits and misses."""

    def __init__(self, keep_seconds: float, runs: int = 10_000) -> None:
        self.keep_seconds, self.runs = keep_seconds, runs
        self.hits = 0
        self.misses = 0
        self._held: OrderedDict[str, Held] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def put(self, forecast: ForecastMade, now: float) -> bool:
        """Hold a forecast unless a newer one of its run is held."""
        held = self._held.get(forecast.run_id)
        if held is not None and (held.forecast.time, held.forecast.id) > (forecast.time, forecast.id):
            return False
        self._held[forecast.run_id] = Held(forecast, now)
        self._held.move_to_end(forecast.run_id)
        while len(self._held) > self.runs:
            self._held.popitem(last=False)
        return True

    def get(self, run_id: str, now: float) -> Held | None:
        """The run's forecast if it is young enough."""
        held = self._held.get(run_id)
        if held is None or now - held.since > self.keep_seconds:
            self._held.pop(run_id, None)
            self.misses += 1
            return None
        self.hits += 1
        return held

    def peek(self, run_id: str) -> ForecastMade | None:
        """The run's forecast however old, uncounted: for lists."""
        held = self._held.get(run_id)
        return held.forecast if held else None
