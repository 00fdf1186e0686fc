"""How early alerts came: figures of watched builds, and the first sign of trouble that there was to see.

The first sign is looked for apart from the product: the first line with a word of trouble that healthy builds of the
package do not print, or the line before the last silence of a hang. A sign within a moment of the end is the end
(make without -k).
An alert's time is that of the event that raised it, as a running worker tells it; when its line stood on the screen of
a local run, which loads its models while the build already runs, is told beside it.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

__all__ = ["Row", "Seen", "first_sign", "plain", "summary"]

Row: TypeAlias = Mapping[str, Any]
Seen: TypeAlias = tuple[float, str]  # seconds, line
_TROUBLE = re.compile(r"(?i)\berror\b|\bFAIL|killed|no space|cannot|not found|no such|undefined|allocate")
_MOMENT_SECONDS, _MOMENT_SHARE = 0.5, 0.05


def first_sign(fault: str, seen: Sequence[Seen], usual: set[str]) -> float | None:
    """Seconds from the start to the first sign of trouble in a failed build's output; None if it gave none."""
    lines = [(at, plain(line)) for at, line in seen if "buildcast" not in line]
    if fault == "hang":
        return _last_before_silence([at for at, _ in lines])
    return min((at for at, line in lines if line not in usual and _TROUBLE.search(line)), default=None)


def _last_before_silence(moments: Sequence[float]) -> float | None:
    """The moment of the last line that is not of the end itself, when the time limit's signal makes all tools speak."""
    return max((at for at in moments if at < moments[-1] - 1.0), default=None)


def plain(line: str) -> str:
    """A line without its numbers, so that the same line of another build is known again."""
    return re.sub(r"\d+", "0", line).strip()


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """The figures, for cold and warm history apart."""
    by_history: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_history[row["history"]].append(row)
    return {name: _figures(group) for name, group in by_history.items()}


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    failed = [row for row in rows if row["failed"]]
    healthy = [row for row in rows if not row["failed"]]
    raised = [row for row in rows if row["alert_event_at"] is not None]
    right = [row for row in raised if row["failed"]]
    warned = [row for row in failed if _warned(row)]
    able = [row for row in warned if row["first_sign"] <= 0.5 * row["seconds"]]
    return {
        "packages": len({row["package"] for row in rows}),
        "kinds_of_fault": len({row["fault"] for row in failed}),
        "runs": len(rows),
        "failed": len(failed),
        "precision": _share(raised, lambda row: row["failed"]),
        "recall": _share(failed, lambda row: row["alert_event_at"] is not None),
        "median_lead_share": _median([1.0 - row["alert_event_at"] / row["seconds"] for row in right]),
        "median_seconds_from_sign_to_alert": _median(_waits(right, "alert_event_at")),
        "median_seconds_from_sign_to_screen": _median(_waits(right, "alert_at")),
        "failures_with_a_sign_before_their_end": len(warned),
        "flagged_before_half_time": _share(warned, lambda row: _early(row, "alert_event_at")),
        "on_screen_before_half_time": _share(warned, lambda row: _early(row, "alert_at")),
        "failures_with_a_sign_before_half_time": len(able),
        "of_these_flagged_before_half_time": _share(able, lambda row: _early(row, "alert_event_at")),
        "healthy_without_alert": _share(healthy, lambda row: row["alert_event_at"] is None),
        "missed": [f"{row['package']} {row['fault']}" for row in failed if row["alert_event_at"] is None],
        "false": [f"{row['package']} {row['fault']}" for row in raised if not row["failed"]],
    }


def _share(rows: Sequence[Row], holds: Callable[[Row], bool]) -> float | None:
    return sum(map(holds, rows)) / len(rows) if rows else None


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _waits(rows: Sequence[Row], moment: str) -> list[float]:
    known = [row for row in rows if row[moment] is not None and row["first_sign"] is not None]
    return [row[moment] - row["first_sign"] for row in known]


def _warned(row: Row) -> bool:
    moment = max(_MOMENT_SECONDS, _MOMENT_SHARE * row["seconds"])
    return row["first_sign"] is not None and bool(row["first_sign"] < row["seconds"] - moment)


def _early(row: Row, moment: str) -> bool:
    return row[moment] is not None and bool(row[moment] <= 0.5 * row["seconds"])
