"""Whether a model's errors have changed: ADWIN and Page-Hinkley on log loss (nats) and duration residual (log seconds).

A detector speaks once per change and starts afresh. Only a change for the worse is drift: a model that improves needs
no new one.
Source: Bifet, Gavaldà (2007), Learning from time-changing data with adaptive windowing; Page (1954).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from river.drift import ADWIN, PageHinkley

__all__ = ["Drift", "DriftPolicy", "DriftWatch"]


@dataclass(frozen=True)
class DriftPolicy:
    """Sensitivities. `fading` sets the means before and after that are told with a change."""

    adwin_delta: float = 0.002
    hinkley_delta: float = 0.05
    hinkley_threshold: float = 25.0  # summed nats above the mean
    min_labels: int = 60
    fading: float = 1.0 / 50.0


@dataclass(frozen=True)
class Drift:
    """A change for the worse: which detector saw it in which signal, and the mean error around it."""

    detector: str
    signal: str
    statistic: float
    before: float
    after: float


class _UpwardHinkley(PageHinkley):  # type: ignore[misc] # River has no types
    """Page-Hinkley for rising means. River's holds a method of its own; what is stored are values alone."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_test_drift"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _test_drift=self._test_increase)


class DriftWatch:
    """One signal under two detectors."""

    def __init__(self, signal: str, policy: DriftPolicy | None = None) -> None:
        self.signal = signal
        self.policy = policy or DriftPolicy()
        self.labels = 0
        self._slow = self._fast = 0.0
        self._adwin = ADWIN(delta=self.policy.adwin_delta, clock=1)
        self._hinkley = self._fresh_hinkley()

    def add(self, error: float) -> list[Drift]:
        """Take one error in; what changed for the worse by it."""
        self.labels += 1
        rate = max(1.0 / self.labels, self.policy.fading)
        self._fast += rate * (error - self._fast)
        self._slow += max(1.0 / self.labels, rate / 10.0) * (error - self._slow)
        found = []
        before = self._adwin.estimation
        self._adwin.update(error)
        if self._adwin.drift_detected and self._adwin.estimation > before and self._settled():
            found.append(self._drift("adwin", before, self._adwin.estimation))
        self._hinkley.update(error)
        if self._hinkley.drift_detected:
            if self._settled():
                found.append(self._drift("page-hinkley", self._slow, self._fast))
            self._hinkley = self._fresh_hinkley()
        return found

    def _settled(self) -> bool:
        return self.labels >= self.policy.min_labels

    def _drift(self, detector: str, before: float, after: float) -> Drift:
        return Drift(detector, self.signal, after - before, before, after)

    def _fresh_hinkley(self) -> _UpwardHinkley:
        return _UpwardHinkley(
            min_instances=self.policy.min_labels,
            delta=self.policy.hinkley_delta,
            threshold=self.policy.hinkley_threshold,
            mode="up",
        )
