"""What is usual for one metric of one host: robust running level and spread at two speeds, and three oddities.

`spike` is a jump off the fast level, `far` a value off the slow level, `level` a lasting move of the fast level off the
slow one; each in robust deviations. A counter (never falling, mostly rising) is judged by its increments, and its reset
is passed over. The spread has a floor, so that a constant series may flicker.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["RobustSeries"]

_CLIP = 3.0
_COUNTER_AFTER = 20  # samples without a fall, most of them rises
_KINDS = ("spike", "far", "level")


class RobustSeries:
    """State of one metric."""

    __slots__ = (
        "fast", "fast_gain", "fast_spread", "last", "level_spread", "rises", "samples", "seen_at", "slow",
        "slow_gain", "slow_spread", "steady",
    )  # fmt: skip

    def __init__(self, fast_gain: float, slow_gain: float) -> None:
        self.fast_gain, self.slow_gain = fast_gain, slow_gain
        self.samples = 0
        self.last = 0.0  # as given
        self.seen_at = 0.0
        self.rises = 0  # samples that rose since the last fall
        self.steady = 0  # samples since the last fall
        self.fast = self.slow = 0.0
        self.fast_spread = self.slow_spread = self.level_spread = 0.0

    @property
    def is_counter(self) -> bool:
        """Whether the series is judged by its increments."""
        return self.steady >= _COUNTER_AFTER and self.rises >= 0.9 * self.steady

    def update(self, given: float, now: float) -> tuple[float, tuple[float, float, float]] | None:
        """The value judged (an increment for a counter) and its oddities; None while there is nothing to judge by."""
        previous, was_counter = self.last, self.is_counter
        first = self.samples == 0
        self.last, self.seen_at = given, now
        if first:
            self._start(given)
            return None
        self._follow(given, previous)
        if was_counter and given < previous:
            self._start(0.0)
            return None  # a reset, not an event
        if self.is_counter and not was_counter:
            self._start(given - previous)
            return None
        value = given - previous if was_counter else given
        oddities = self._oddities(value)
        self._learn(value)
        return value, oddities

    def expected(self, deviations: float) -> tuple[float, float]:
        """The range around the fast level within so many deviations, as far as the slow level allows."""
        spread = max(self.fast_spread, self._floor())
        return self.fast - deviations * spread, self.fast + deviations * spread

    def usual(self, deviations: float) -> tuple[float, float]:
        """The same around the slow level."""
        spread = max(self.slow_spread, self._floor())
        return self.slow - deviations * spread, self.slow + deviations * spread

    def state(self) -> list[float]:
        """Plain values."""
        return [float(getattr(self, name)) for name in self.__slots__]

    def load(self, state: Sequence[float]) -> None:
        """Take `state()`'s values back."""
        for name, value in zip(self.__slots__, state, strict=True):
            setattr(self, name, int(value) if name in ("rises", "samples", "steady") else value)

    def _start(self, value: float) -> None:
        self.samples = 1
        self.fast = self.slow = value
        self.fast_spread = self.slow_spread = self.level_spread = 0.0

    def _follow(self, given: float, previous: float) -> None:
        if given < previous:
            self.rises = self.steady = 0
        else:
            self.steady = min(self.steady + 1, 1000)
            self.rises = min(self.rises + (given > previous), self.steady)

    def _floor(self) -> float:
        return 0.02 * abs(self.slow) + 0.1 * self.slow_spread + 1e-3

    def _oddities(self, value: float) -> tuple[float, float, float]:
        floor = self._floor()
        return (
            (value - self.fast) / max(self.fast_spread, floor),
            (value - self.slow) / max(self.slow_spread, floor),
            (self.fast - self.slow) / max(self.level_spread, floor),
        )

    def _learn(self, value: float) -> None:
        self.samples += 1
        fast = max(self.fast_gain, 1.0 / self.samples)
        slow = max(self.slow_gain, 1.0 / self.samples)
        floor = self._floor()
        jump, off, moved = value - self.fast, value - self.slow, self.fast - self.slow
        self.fast_spread += slow * (_held(abs(jump), self.fast_spread, floor) - self.fast_spread)
        self.slow_spread += slow * (_held(abs(off), self.slow_spread, floor) - self.slow_spread)
        self.level_spread += slow * (_held(abs(moved), self.level_spread, floor) - self.level_spread)
        self.fast += fast * jump
        reach = 2.0 * _CLIP * max(self.slow_spread, floor)
        self.slow += slow * max(-reach, min(reach, off))


def _held(deviation: float, spread: float, floor: float) -> float:
    """A deviation as far as the spread believes it."""
    return min(deviation, 2.0 * _CLIP * max(spread, floor))
