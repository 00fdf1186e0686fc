"""Which samples of a run are kept: a bounded number, evenly over the run, though nobody knows how long it will be.

A slot holds the newest sample of a stretch of the run, at first a second each. When all are in use the stretches double
and each new one takes the slot of every second old one, so a run of any length keeps half to all of the slots. The slot
is told from the sample's time in the run alone: whatever comes twice or out of order leaves the same rows.
"""

from __future__ import annotations

__all__ = ["SLOTS", "slot_of"]

SLOTS = 120
"""Samples kept of a run, at most."""
_HALF = SLOTS // 2
_LONGEST_SECONDS = 2**40
"""What lies beyond (a clock that is off) counts as this moment."""


def slot_of(elapsed_seconds: float) -> int:
    """The slot, 0 to SLOTS - 1, of a sample this long after its run's start.

    >>> slot_of(0.4), slot_of(119.9)
    (0, 119)
    >>> slot_of(120.0), slot_of(122.0)  # stretches of 2 s, in place of those that began at 1 s and 3 s
    (1, 3)
    """
    second = int(min(_LONGEST_SECONDS, max(0.0, elapsed_seconds)))
    while second >= SLOTS:
        stretch = 2
        while second >= SLOTS * stretch:
            stretch *= 2
        # Stretches HALF to SLOTS of this length replace the odd ones of half the length.
        second = (2 * (second // stretch - _HALF) + 1) * (stretch // 2)
    return second
