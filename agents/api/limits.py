"""Token buckets, one a caller: `rate` requests a second on the long run, `burst` at once; the table is bounded."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["RateLimit"]


@dataclass
class _Bucket:
    level: float
    at: float


class RateLimit:
    """`now` is handed in; the caller that was quiet longest is forgotten first."""

    def __init__(self, rate: float, burst: int, callers: int = 10_000) -> None:
        self.rate, self.burst, self.callers = rate, burst, callers
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_seconds(self, caller: str, now: float) -> float:
        """0 if the request may pass (and is counted), else how long to wait.

        >>> limit = RateLimit(rate=1.0, burst=1)
        >>> limit.wait_seconds("ann", 0.0), limit.wait_seconds("ann", 0.0), limit.wait_seconds("ann", 1.0)
        (0.0, 1.0, 0.0)
        """
        bucket = self._buckets.pop(caller, None) or _Bucket(float(self.burst), now)
        bucket.level = min(float(self.burst), bucket.level + max(0.0, now - bucket.at) * self.rate)
        bucket.at = now
        self._buckets[caller] = bucket
        while len(self._buckets) > self.callers:
            self._buckets.popitem(last=False)
        if bucket.level >= 1.0:
            bucket.level -= 1.0
            return 0.0
        return (1.0 - bucket.level) / self.rate
