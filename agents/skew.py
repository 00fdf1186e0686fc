"""Hosts whose clocks are off: when a collector says that it sent, against the broker's own time of the record.

An event's time says nothing of its host's clock: it may have waited in a spool for days. Durations never depend on two
clocks, so a wrong one is told, not corrected.
"""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from typing import Any

from agents.metrics import Metrics
from streams.codec import SENT_AT

__all__ = ["FLAG_SECONDS", "SkewWatch", "skew_seconds"]

_log = logging.getLogger(__name__)
FLAG_SECONDS = 300.0
_MOST_HOSTS = 5_000  # remembered as told
_BROKERS_TIME = 1  # the record's timestamp type when the broker has set it


def skew_seconds(record: Any) -> float | None:
    """How far the sender's clock is ahead (negative: behind); None where sender or broker does not tell."""
    if record.timestamp_type != _BROKERS_TIME:
        return None
    for name, value in record.headers or ():
        if name == SENT_AT:
            try:
                skew = float(value) - float(record.timestamp) / 1000
            except (TypeError, ValueError):  # anyone may write a header
                return None
            return skew if math.isfinite(skew) else None
    return None


class SkewWatch:
    """Counts records of clocks more than `FLAG_SECONDS` off and names each host once."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._told: OrderedDict[str, None] = OrderedDict()

    def look(self, host: str, record: Any) -> None:
        """Take one record in."""
        skew = skew_seconds(record)
        if skew is None or abs(skew) <= FLAG_SECONDS:
            return
        self._metrics.count("buildcast_clock_skewed_records", direction="ahead" if skew > 0 else "behind")
        if host not in self._told:
            self._told[host] = None
            if len(self._told) > _MOST_HOSTS:
                self._told.popitem(last=False)
            _log.warning("the clock of host %s is %.0f s %s", host, abs(skew), "ahead" if skew > 0 else "behind")
