"""Which alerts become notices, and when. Time is handed in; what is held back comes later, together, in one notice.

An alert is told once. A source (package or job) that raises too many within an hour is silenced for an hour, which is
said once. In quiet hours and above the rate, only critical alerts pass.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, tzinfo
from typing import Literal

from streams.events import AlertRaised

__all__ = ["Decision", "NoticePolicy", "NoticeState"]

_HOUR, _DAY = 3_600.0, 86_400.0
_REMEMBERED = 10_000
_HELD = 500
Decision = Literal["tell", "silenced", "repeated", "held"]


@dataclass(frozen=True)
class NoticePolicy:
    """Counts are an hour. `quiet` is from and until, in `zone`; it may go over midnight."""

    per_hour: int = 30
    source_per_hour: int = 4
    quiet: tuple[time, time] | None = None
    zone: tzinfo = UTC

    def is_quiet(self, now: float) -> bool:
        """Whether people want to be left alone."""
        if self.quiet is None:
            return False
        start, end = self.quiet
        clock = datetime.fromtimestamp(now, self.zone).time()
        return start <= clock < end if start <= end else clock >= start or clock < end


@dataclass
class NoticeState:
    """What was told already, bounded."""

    policy: NoticePolicy
    seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    told: deque[float] = field(default_factory=deque)
    sources: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)
    silenced: dict[str, float] = field(default_factory=dict)  # until when
    overspent: OrderedDict[str, float] = field(default_factory=OrderedDict)  # when it was said
    held: deque[AlertRaised] = field(default_factory=lambda: deque(maxlen=_HELD))

    def decide(self, alert: AlertRaised, now: float) -> tuple[Decision, bool]:
        """What becomes of an alert, and whether its source is silenced from now on."""
        if alert.alert_id in self.seen:
            return "repeated", False
        self.seen[alert.alert_id] = None
        while len(self.seen) > _REMEMBERED:
            self.seen.popitem(last=False)
        if self.silenced.get(alert.name, 0.0) > now:
            return "silenced", False
        if self._is_noisy(alert.name, now):
            self.silenced = {name: until for name, until in self.silenced.items() if until > now}
            self.silenced[alert.name] = now + _HOUR
            return "silenced", True
        if alert.severity != "critical" and (self.policy.is_quiet(now) or self._is_full(now)):
            self.held.append(alert)
            return "held", False
        self.told.append(now)
        return "tell", False

    def says_overspent(self, source: str, now: float) -> bool:
        """Whether it is time to say that a source has spent its budget: once a day."""
        if self.overspent.get(source, -_DAY) > now - _DAY:
            return False
        self.overspent[source] = now
        self.overspent.move_to_end(source)
        while len(self.overspent) > _REMEMBERED:
            self.overspent.popitem(last=False)
        return True

    def release(self, now: float) -> list[AlertRaised]:
        """What was held back and may be told now, as one notice."""
        if not self.held or self.policy.is_quiet(now) or self._is_full(now):
            return []
        found = list(self.held)
        self.held.clear()
        self.told.append(now)
        return found

    def _is_noisy(self, source: str, now: float) -> bool:
        times = self.sources.setdefault(source, deque())
        self.sources.move_to_end(source)
        while len(self.sources) > _REMEMBERED:
            self.sources.popitem(last=False)
        _forget(times, now)
        times.append(now)
        return len(times) > self.policy.source_per_hour

    def _is_full(self, now: float) -> bool:
        _forget(self.told, now)
        return len(self.told) >= self.policy.per_hour


def _forget(times: deque[float], now: float) -> None:
    while times and times[0] <= now - _HOUR:
        times.popleft()
