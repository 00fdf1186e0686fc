"""How odd a host is, and which metrics make it so: robust running statistics and half-space trees, one model a host.

Each metric's oddities are judged by their own past (models.tail), so constant, bursty and daily series are held to
their own measure; half-space trees over all metrics together see odd combinations. The score is 0 (usual) to
below 1 and never saturates: 1 - 10^(-rarity / alarming_rarity), so 0.9 means a chance of about 10^-alarming_rarity a
sample. The first `warmup` samples of a host or metric score 0.
Source of the trees: Tan, Ting, Liu (2011), Fast anomaly detection for streaming data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from models.series import RobustSeries
from models.tail import Tail
from models.trees import HalfSpace
from streams.events import RankedMetric

__all__ = ["AnomalyConfig", "AnomalyModel", "AnomalyScore"]

_DEVIATIONS = 4.0  # width of the expected range that is shown
_SPIKE, _FAR, _LEVEL = range(3)


@dataclass(frozen=True)
class AnomalyConfig:
    """Gains are shares a sample; `metrics` bounds the memory of a host."""

    warmup: int = 60
    fast_gain: float = 0.2
    slow_gain: float = 0.005
    tail_fading: float = 0.002
    alarming_rarity: float = 4.5  # scores 0.9: about 0.03 false alarms a day on the first half of NAB
    told_rarity: float = 2.5  # metrics at least this rare are ranked
    metrics: int = 200
    silent_after: float = 5.0  # times a metric's usual interval
    trees: int = 10
    tree_height: int = 6
    tree_window: int = 128
    tree_weight: float = 0.3


@dataclass(frozen=True)
class AnomalyScore:
    """0 (usual) to 1, and the odd metrics, oddest first."""

    score: float
    ranked: list[RankedMetric]


class _Metric:
    """One metric's statistics with the tails of its oddities."""

    __slots__ = ("interval", "series", "tails", "told_silent")

    def __init__(self, config: AnomalyConfig) -> None:
        self.series = RobustSeries(config.fast_gain, config.slow_gain)
        self.tails = [Tail(config.tail_fading) for _ in range(3)]
        self.interval = 0.0  # usual seconds between samples
        self.told_silent = False


class AnomalyModel:
    """The metrics of one host."""

    def __init__(self, config: AnomalyConfig | None = None) -> None:
        self.config = config or AnomalyConfig()
        self.samples = 0
        self.evicted = 0
        self._metrics: dict[str, _Metric] = {}
        self._trees = HalfSpace(self.config.trees, self.config.tree_height, self.config.tree_window)
        self._tree_tail = Tail(self.config.tail_fading)

    def update(self, metrics: Mapping[str, float], now: float) -> AnomalyScore:
        """Score a sample by what went before, then learn from it."""
        self.samples += 1
        ranked: list[RankedMetric] = []
        rarest = 0.0
        shape: dict[str, float] = {}
        for name, value in metrics.items():
            if not math.isfinite(value):
                continue
            rarity, odd, position = self._judge(name, float(value), now)
            shape[name] = position
            rarest = max(rarest, rarity)
            if odd is not None:
                ranked.append(odd)
        ranked.extend(self._silent(metrics, now))
        rarest = max([rarest, *(odd.score for odd in ranked if odd.kind == "silence")])
        together = self._together(shape)
        if self.samples <= self.config.warmup:
            return AnomalyScore(0.0, [])
        rarity = rarest + self.config.tree_weight * together
        ranked.sort(key=lambda odd: -odd.score)
        return AnomalyScore(1.0 - 10.0 ** (-rarity / self.config.alarming_rarity), ranked)

    def state(self) -> dict[str, object]:
        """Plain values for snapshots; the trees come back exactly from the samples they rest on."""
        return {
            "samples": self.samples,
            "evicted": self.evicted,
            "metrics": [
                [name, m.series.state(), [tail.state() for tail in m.tails], m.interval, m.told_silent]
                for name, m in self._metrics.items()
            ],
            "trees": self._trees.state(),
            "tree_tail": self._tree_tail.state(),
        }

    def load(self, state: Mapping[str, object]) -> None:
        """Take `state()`'s values back."""
        rows, tail = state["metrics"], state["tree_tail"]
        assert isinstance(rows, list)
        assert isinstance(tail, list)
        self.samples, self.evicted = int(str(state["samples"])), int(str(state["evicted"]))
        self._metrics = {}
        for name, series, tails, interval, told in rows:
            metric = self._metrics[str(name)] = _Metric(self.config)
            metric.series.load(series)
            for own, values in zip(metric.tails, tails, strict=True):
                own.load(values)
            metric.interval, metric.told_silent = float(interval), bool(told)
        self._trees.load(state["trees"])
        self._tree_tail.load(tail)

    def _judge(self, name: str, value: float, now: float) -> tuple[float, RankedMetric | None, float]:
        """A metric's rarity, itself as ranked where rare, and its place in its usual range (0 to 1)."""
        metric = self._metric(name)
        series = metric.series
        self._time(metric, now)
        expected, usual = series.expected(_DEVIATIONS), series.usual(_DEVIATIONS)
        judged = series.update(value, now)
        if judged is None:
            return 0.0, None, 0.5
        seen, oddities = judged
        rarities = [tail.rarity(abs(z)) for tail, z in zip(metric.tails, oddities, strict=True)]
        for tail, z in zip(metric.tails, oddities, strict=True):
            tail.learn(min(abs(z), 1e6))
        position = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, oddities[_FAR] / 2.0))))
        if series.samples <= self.config.warmup:
            return 0.0, None, position
        kind = max(range(3), key=rarities.__getitem__)
        rarity = rarities[kind]
        if rarity < self.config.told_rarity:
            return rarity, None, position
        lower, upper = expected if kind == _SPIKE else usual
        odd = _ranked(name, seen, lower, upper, abs(oddities[kind]), kind, up=oddities[kind] > 0.0)
        return rarity, odd, position

    def _metric(self, name: str) -> _Metric:
        metric = self._metrics.get(name)
        if metric is None:
            if len(self._metrics) >= self.config.metrics:
                del self._metrics[min(self._metrics, key=lambda n: self._metrics[n].series.seen_at)]
                self.evicted += 1
            metric = self._metrics[name] = _Metric(self.config)
        return metric

    def _time(self, metric: _Metric, now: float) -> None:
        metric.told_silent = False
        if metric.series.samples:
            passed = max(0.0, now - metric.series.seen_at)
            gain = max(0.05, 1.0 / metric.series.samples)
            metric.interval += gain * (min(passed, 10.0 * (metric.interval or passed)) - metric.interval)

    def _silent(self, metrics: Mapping[str, float], now: float) -> list[RankedMetric]:
        """Metrics that the host used to send and now leaves out, each told once."""
        odd = []
        for name, metric in self._metrics.items():
            series = metric.series
            if name in metrics or metric.told_silent or series.samples <= self.config.warmup:
                continue
            if now - series.seen_at > self.config.silent_after * max(metric.interval, 1e-9):
                metric.told_silent = True
                lower, upper = series.usual(_DEVIATIONS)
                odd.append(
                    RankedMetric(
                        metric=name,
                        value=series.last,
                        lower=lower,
                        upper=upper,
                        score=self.config.alarming_rarity,
                        kind="silence",
                    )
                )
        return odd

    def _together(self, shape: Mapping[str, float]) -> float:
        """Rarity of the combination, by the half-space trees."""
        odd = 10.0 * self._trees.update(shape)
        rarity = self._tree_tail.rarity(odd)
        self._tree_tail.learn(odd)
        return rarity


def _ranked(name: str, value: float, lower: float, upper: float, score: float, kind: int, *, up: bool) -> RankedMetric:
    return RankedMetric(
        metric=name,
        value=value,
        lower=lower,
        upper=upper,
        score=score,
        kind="level" if kind == _LEVEL else "spike" if up else "dip",
    )
