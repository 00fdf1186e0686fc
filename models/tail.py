"""How rare a raw oddity is, judged by a series' own past: an exponential tail above a running high quantile.

`rarity` is -log10 of the chance of seeing as much again. A bursty series has a heavy tail and is forgiven more: values
beyond `_LINEAR` count by their logarithm, so the fit follows bursts a thousand times the usual within a few of them.
Source: the peaks-over-threshold idea of Siffer et al. (2017), Anomaly detection in streams with extreme value theory.
"""

from __future__ import annotations

import math

__all__ = ["Tail"]

_BODY = 0.95  # the running quantile above which the tail is fitted
_PRIOR_EXCEEDANCES = 4.0
_LINEAR = 6.0  # deviations up to which a value counts about as it is


class Tail:
    """Threshold, mean excess and how many values both rest on."""

    __slots__ = ("exceeded", "excess", "fading", "seen", "threshold")

    def __init__(self, fading: float) -> None:
        self.fading = fading
        self.threshold = 2.0
        self.excess = 1.0
        self.seen = 0.0
        self.exceeded = 0.0

    def rarity(self, value: float) -> float:
        """-log10 of the chance of a value as high; 0 below the threshold."""
        beyond = _compressed(value) - self.threshold
        if beyond <= 0.0:
            return 0.0
        # Lomax tail: with few exceedances seen the tail is held to be heavy
        shape = _PRIOR_EXCEEDANCES + min(self.exceeded, 30.0)
        decay = shape * math.log1p(beyond / (shape * max(self.excess, 1e-6)))
        return (decay - math.log(1.0 - _BODY)) / math.log(10.0)

    def learn(self, value: float, trust: float = 1.0) -> None:
        """Take a value in; `trust` below 1 for one held to be an anomaly."""
        value = _compressed(value)
        self.seen += 1.0
        step = max(self.fading, 1.0 / (self.seen + 10.0)) * trust
        width = max(0.2, self.excess)
        self.threshold += width * 2.0 * step * ((value > self.threshold) - (1.0 - _BODY))
        self.threshold = max(0.5, self.threshold)
        if value > self.threshold:
            self.exceeded += 1.0
            rate = max(self.fading * 5.0, 1.0 / (self.exceeded + _PRIOR_EXCEEDANCES)) * trust
            self.excess += rate * (min(value - self.threshold, 10.0 * self.excess) - self.excess)

    def state(self) -> list[float]:
        """Plain values."""
        return [self.fading, self.threshold, self.excess, self.seen, self.exceeded]

    def load(self, state: list[float]) -> None:
        """Take `state()`'s values back."""
        self.fading, self.threshold, self.excess, self.seen, self.exceeded = state


def _compressed(value: float) -> float:
    """A deviation (0 or more), by its logarithm where it is large."""
    return _LINEAR * math.log1p(value / _LINEAR)
