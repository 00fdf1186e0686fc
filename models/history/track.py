"""Outcomes of one key (a project, branch, host ...), as decayed counts at several half-lives.

Half-lives are in outcomes. A rate read from a track is shrunk towards a parent's, so that a young key says what its
parent says. `broken` is 1.0 for a failed run and 0.0 for a good one. Failures and outcomes that fade alike are one
complex number, failures its real part: one multiplication fades both, and a table of many holds a quarter.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import log

__all__ = ["LONG", "SHORT", "Rates", "Track", "decays", "logit"]

SHORT: tuple[float, ...] = (1.5, 8.0)  # half-lives of an ordinary key
LONG: tuple[float, ...] = (1.0, 1.4, 3.0, 10.0, 34.0)  # of a project
_TINY = 1e-4


def decays(half_lives: Sequence[float]) -> tuple[float, ...]:
    """The factor by which a count shrinks at each further outcome."""
    return tuple(0.5 ** (1.0 / half_life) for half_life in half_lives)


Rates = tuple[float, float, float, float]
"""Two failure rates, quick and slow to forget, and their logits."""

_QUICK, _SLOW = decays(SHORT)
_LONG = decays(LONG)
_PATTERNS = tuple("".join(outcomes) for length in range(5) for outcomes in product("ox", repeat=length))
_AFTER = {  # the same few strings for all
    known: tuple(_PATTERNS[_PATTERNS.index((known + outcome)[-4:])] for outcome in "ox") for known in _PATTERNS
}


def logit(rate: float) -> float:
    """Log odds of a rate, kept away from certainty by 1e-4.

    >>> logit(0.5)
    0.0
    """
    if rate < _TINY:
        rate = _TINY
    elif rate > 1.0 - _TINY:
        rate = 1.0 - _TINY
    return log(rate / (1.0 - rate))


class Track:
    """One key's outcomes. Times are seconds since the epoch, 0 where never."""

    __slots__ = (
        "count",
        "counts",
        "failed_at",
        "failures",
        "kind",
        "last",
        "last_commit",
        "last_jobs",
        "passed_at",
        "pattern",
        "running",
        "started_at",
        "starts",
        "streak",
    )

    def __init__(self, size: int = 2) -> None:
        self.count = 0  # outcomes known
        self.failures = 0
        self.counts: tuple[complex, ...] = (0j,) * size  # by half-life: decayed failures, decayed outcomes
        self.last = 0  # -1 good, 1 broken, 0 unknown
        self.streak = 0  # signed: outcomes of the same kind in a row, positive when broken
        self.kind = 0.0  # decayed share of failures that came before the work proper
        self.failed_at = 0.0
        self.passed_at = 0.0
        self.started_at = 0.0
        self.starts = 0
        self.running = 0
        self.last_commit = ""
        self.last_jobs = 0
        self.pattern = ""  # the last four outcomes, oldest first: x broken, o good

    def learn(self, broken: float, now: float, early: bool) -> None:
        """Take one outcome in. `early` says that it broke before the work proper (set-up, checkout)."""
        counts, seen = self.counts, complex(broken, 1.0)
        if len(counts) == 2:
            self.counts = (counts[0] * _QUICK + seen, counts[1] * _SLOW + seen)
        else:
            self.counts = tuple([each * factor + seen for each, factor in zip(counts, _LONG, strict=True)])
        self.count += 1
        self.pattern = _AFTER[self.pattern][1 if broken else 0]
        if broken:
            self.failures += 1
            self.failed_at = now
            self.last = 1
            self.streak = self.streak + 1 if self.streak > 0 else 1
            self.kind += 0.3 * ((1.0 if early else 0.0) - self.kind)
        else:
            self.passed_at = now
            self.last = -1
            self.streak = self.streak - 1 if self.streak < 0 else -1

    def rate(self, at: int, parent: float, strength: float) -> float:
        """The failure rate at half-life number `at`, shrunk towards `parent` as by `strength` outcomes."""
        counts = self.counts[at]
        return (counts.real + strength * parent) / (counts.imag + strength)

    def rates(self, parents: Rates) -> Rates:
        """Both rates of an ordinary key and their logits, shrunk towards those of its parent."""
        quick, slow = self.counts
        fast = (quick.real + 0.7 * parents[0]) / (quick.imag + 0.7)
        steady = (slow.real + 1.5 * parents[1]) / (slow.imag + 1.5)
        return fast, steady, logit(fast), logit(steady)
