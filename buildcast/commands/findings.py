"""Where findings go from a command: a journal in local mode, the host's spool where `buildcast collect` runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streams.events import FindingReported

__all__ = ["keep"]


def keep(events: Sequence[FindingReported], journal: Path | None, spool: Path | None) -> None:
    """Returns once the events are on the disk."""
    if journal:
        from streams.journal import Journal

        Journal(journal).append(events, sync=True)
    if spool:
        from collectors.spool import Spool

        kept = Spool(spool)
        try:
            for event in events:
                kept.append(event)
        finally:
            kept.close()
