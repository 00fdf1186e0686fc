"""Memory that goes back to the system: large blocks stand apart from the heap.

The C library (glibc) raises the size from which a block gets a mapping of its own each time such a block is freed, up
to 32 MiB. Tables that are rebuilt as they grow then leave holes among what stays, and a process that lives long takes a
fifth more than it holds. A size that is set stays as it is: mallopt(3), M_MMAP_THRESHOLD.
"""

from __future__ import annotations

import ctypes

__all__ = ["large_blocks_apart"]

_M_MMAP_THRESHOLD = -3
_BYTES = 256 * 1024


def large_blocks_apart() -> bool:
    """Whether blocks from 256 KiB on have mappings of their own now; another C library is left as it is."""
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _BYTES))
    except (OSError, AttributeError):
        return False
