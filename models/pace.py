"""How far a run is, told by its output: the last success of the package had printed as many lines at a known time.

A pace is pairs of lines and seconds since the start, rising, the last pair at the end of the run. Builds print much the
same each time, so the lines say where in the earlier run this one stands, however fast it is. What a build tool counts
itself ([3/10], [ 12%]) begins anew with each of its calls; the pace does not.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["POINTS", "Pace", "Place", "doubt_of_pace", "finished", "note", "place"]

Pace = Sequence[tuple[int, float]]
POINTS = 32
_APART = 1.0 / 32.0  # of the time that has passed: a finer step tells nothing
_SURE, _UNSURE, _SILENT, _FEW = 0.1, 0.4, 0.5, 0.8  # log seconds
_LEAST_LINES = 5
_OTHER = 1.2  # times the lines of the earlier run: an incremental build tells nothing of a whole one
_KNOWN = 0.1  # share of the earlier run that tells as much of this one's speed as the forecast before it began


class Place(NamedTuple):
    """Share of the run's time that has passed, and what more of it may pass before the next line: both 0 to 1."""

    share: float
    open: float
    lines: int  # that tell it: of a few, jobs side by side change the order


def doubt_of_pace(place: Place) -> float:
    """Spread (log seconds) of the total that a place tells: of what comes, of silence, of how few lines tell it."""
    to_come = _UNSURE * math.pow(1.0 - place.share, 1.5)
    return _SURE + to_come + _SILENT * place.open + _FEW / math.sqrt(place.lines)


def note(pace: list[tuple[int, float]], lines: int, elapsed: float) -> None:
    """Keep a moment of a running build: at most `POINTS`, evenly over its time, whatever it lasts."""
    before_lines, before = pace[-1] if pace else (0, 0.0)
    if lines < before_lines or elapsed <= before or elapsed - before < _APART * elapsed:
        return
    pace.append((lines, round(elapsed, 3)))
    if len(pace) > POINTS:
        del pace[1::2]


def finished(pace: Pace, lines: int, seconds: float) -> list[tuple[int, float]]:
    """The pace of a run that has ended with so many lines; empty where too little was seen of it.

    >>> finished([(0, 1.0), (20, 5.0), (40, 9.0)], 44, 10.0)
    [(0, 1.0), (20, 5.0), (40, 9.0), (44, 10.0)]
    """
    seen = [(count, elapsed) for count, elapsed in pace if elapsed < seconds]
    if not seen or lines < 2:
        return []
    return [*seen, (max(lines, seen[-1][0]), seconds)]


def place(pace: Pace, lines: int, elapsed: float, silent: float, expected: float, unseen: float = 0.0) -> Place | None:
    """Where a run stands; None where no pace is known, hardly a line has come, or far more than in the earlier run.

    After `elapsed` seconds so many lines had come, the last of them `silent` seconds before; where that one stands in
    the earlier run tells how fast this run is, beside the `expected` seconds of the whole run while little of it has
    passed. Since the line the clock goes on at that speed, but not beyond where the next line stands; and for the
    `unseen` seconds after that look it goes on whatever was printed.

    >>> known = [(0, 1.0), (20, 5.0), (40, 9.0), (40, 10.0)]
    >>> place(known, 40, 18.0, 0.0, 20.0), place([], 1, 1.0, 0.0, 9.0)
    (Place(share=0.9, open=0.1, lines=40), None)
    """
    if not pace or not _LEAST_LINES <= lines <= _OTHER * pace[-1][0]:
        return None
    total, seconds = pace[-1]
    counts = [count for count, _ in pace]
    lines = min(lines, total)
    reached = _when(pace, bisect_left(counts, lines), lines)
    passed = seconds if lines >= total else _when(pace, bisect_right(counts, lines), lines + 1)
    known = _KNOWN * seconds
    slowness = max(1e-9, (max(0.0, elapsed - silent) + known * expected / seconds) / (reached + known))
    at = min(min(reached + silent / slowness, passed) + unseen / slowness, seconds)
    return Place(at / seconds, max(0.0, passed - at) / seconds, lines)


def _when(pace: Pace, after: int, lines: int) -> float:
    """The moment of a line that lies before pair `after`."""
    if after >= len(pace):
        return pace[-1][1]
    (count, at), (count_before, at_before) = pace[after], pace[after - 1] if after else (0, 0.0)
    if count <= count_before:
        return at
    return at_before + (at - at_before) * min(1.0, (lines - count_before) / (count - count_before))
