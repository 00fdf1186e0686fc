"""The lines jhalfs itself writes: around a package's output in its log, and in make's own output.

A log begins with `date`'s line and `KB: n path`, ends with `Totalseconds: n` and `KB: n path`. make's output names the
target that is built, that is OK, or that failed.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from collectors.stages import plain

__all__ = ["LogMarks", "MakeMark", "date_of", "make_mark"]

_KB = re.compile(rb"^KB:\s+(\d+)\s")
_SECONDS = re.compile(rb"^Totalseconds:\s+(\d+)\s*$")
_DATE = re.compile(
    r"^(?:\w{3},? +)?(?:(?P<month>\w{3}) +(?P<day>\d{1,2})|(?P<day2>\d{1,2}) +(?P<month2>\w{3}))"
    r"(?: +(?P<year2>\d{4}),?)? +(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)(?: (?P<half>[AP]M))?"
    r" +(?P<zone>[A-Z]{2,5}|[+-]\d{2,4})(?: +(?P<year>\d{4}))?$"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BUILDING = re.compile(r"\bBuilding target (\d{3,4}-[\w.+-]+)")
_OK = re.compile(r"\bTarget (\d{3,4}-[\w.+-]+) OK\b")
_FAILED = re.compile(r"\*\*\* \[(?:[^\]\s]*:\d+: )?([\w.+-]+)\] Error (\d+)")


@dataclass
class LogMarks:
    """What a log's own lines say so far. Disk in KiB."""

    begun_at: float | None = None
    seconds: int | None = None
    first_kib: int | None = None
    last_kib: int | None = None

    def read(self, line: bytes) -> None:
        if line.startswith(b"KB:") and (match := _KB.match(line)) is not None:
            self.last_kib = int(match[1])
            self.first_kib = self.last_kib if self.first_kib is None else self.first_kib
        elif line.startswith(b"Totalseconds:") and (match := _SECONDS.match(line)) is not None:
            self.seconds = int(match[1])
        elif self.begun_at is None and self.first_kib is None and line.strip():
            self.begun_at = date_of(line.decode("ascii", "replace").strip())

    @property
    def disk_used_bytes(self) -> int | None:
        """What the package needed beyond what was there, where both ends were measured."""
        if self.first_kib is None or self.last_kib is None or self.last_kib <= self.first_kib:
            return None
        return (self.last_kib - self.first_kib) * 1024


@dataclass(frozen=True)
class MakeMark:
    """A target that make's output tells of: `building`, `ok` or `failed` (with make's error number)."""

    kind: str
    target: str
    code: int = 0


def make_mark(raw: str) -> MakeMark | None:
    """What a line of make's output tells. A spinner may stand before it on the same line.

    >>> make_mark("make[1]: *** [Makefile:88: 828-gcc] Error 2")
    MakeMark(kind='failed', target='828-gcc', code=2)
    """
    line = plain(raw)
    if (match := _FAILED.search(line)) is not None:
        return MakeMark("failed", match[1], int(match[2]))
    if (match := _OK.search(line)) is not None:
        return MakeMark("ok", match[1])
    if (match := _BUILDING.search(line)) is not None:
        return MakeMark("building", match[1])
    return None


def date_of(text: str) -> float | None:
    """`date`'s output as seconds since the epoch; a zone that is neither UTC nor a number is this machine's own.

    >>> date_of("Wed Jan 15 06:04:12 UTC 2025"), date_of("make all")
    (1736921052.0, None)
    """
    match = _DATE.match(text)
    if match is None:
        return None
    month, day = match["month"] or match["month2"], match["day"] or match["day2"]
    year = match["year"] or match["year2"]
    if month not in _MONTHS or year is None:
        return None
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"] == "PM" else 0)
    try:
        naive = datetime(  # noqa: DTZ001  # the zone is set below
            int(year), _MONTHS.index(month) + 1, int(day), hour, int(match["minute"]), int(match["second"])
        )
    except ValueError:
        return None
    return _placed(naive, match["zone"])


def _placed(naive: datetime, zone: str) -> float:
    if zone in ("UTC", "GMT", "Z"):
        return naive.replace(tzinfo=UTC).timestamp()
    if zone[0] in "+-":
        minutes = int(zone[1:3]) * 60 + int(zone[3:5] or 0)
        offset = timedelta(minutes=minutes if zone[0] == "+" else -minutes)
        return naive.replace(tzinfo=timezone(offset)).timestamp()
    return time.mktime(naive.timetuple())
