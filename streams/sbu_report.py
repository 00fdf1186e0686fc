"""jhalfs's SBU and disk usage report as values: a whole Linux From Scratch build in one file, successes only. Pure.

It states when it was written (right after the build) and each package's seconds, not when each began; disk is what a
package needed beyond what was there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

__all__ = ["Package", "Report", "read_report"]

_DATE = re.compile(r"^(?:\w{3} )?(?:\w{3} +\d+|\d+ \w{3}) .*\d{2}:\d{2}:\d{2}")
_SETTING = re.compile(r"^(\w+):?\s+<(.*)>\s*$")
_PACKAGE = re.compile(r"^\s*\[(\S+)\]\s*$")
_CLOCK = re.compile(r"(\d{2}):(\d{2}):(\d{2})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass
class Package:
    """One step, by its name and version (`gcc-14.2.0`): the line it begins on, seconds of wall clock, disk in KiB."""

    label: str
    line: int
    seconds: int | None = None
    disk_kib: int | None = None


@dataclass
class Report:
    """What a report says, by the names of its fields."""

    written_at: float | None = None
    book: str = "unknown"
    settings: dict[str, str] = field(default_factory=dict)
    cpu_model: str = ""
    cpu_count: int | None = None
    memory_bytes: int | None = None
    packages: list[Package] = field(default_factory=list)


def read_report(lines: Iterable[str]) -> Report:
    """The report as values; lines it does not know are passed over."""
    report = Report()
    for number, line in enumerate(lines, 1):
        _read_line(report, number, line.rstrip("\n"))
    return report


def _read_line(report: Report, number: int, line: str) -> None:
    name, _, value = (part.strip() for part in line.partition(":"))
    if (match := _PACKAGE.match(line)) is not None:
        report.packages.append(Package(match[1], number))
    elif report.packages:
        _read_package(report.packages[-1], name, value)
    elif report.written_at is None and _DATE.match(line):
        report.written_at = _date(line)
    elif (match := _SETTING.match(line)) is not None:
        report.settings[match[1]] = match[2]
    else:
        _read_machine(report, name, value)


def _read_package(package: Package, name: str, value: str) -> None:
    if name == "Build time in seconds is" and value.isdigit():
        package.seconds = int(value)
    elif name == "Required space to build the package":
        amount = value.split(" ", 1)[0]
        if amount.isdigit():
            package.disk_kib = int(amount)


def _read_machine(report: Report, name: str, value: str) -> None:
    match name:
        case "Book version is":
            report.book = value
        case "Model name" | "model name":
            report.cpu_model = value
        case "CPU(s)" if value.isdigit():
            report.cpu_count = int(value)
        case "processor" if value.isdigit():
            report.cpu_count = int(value) + 1
        case "Mem" if value[:1].isdigit():
            report.memory_bytes = int(value.split()[0]) * 1024


def _date(line: str) -> float | None:
    """`date`'s output in the C or a 12-hour locale; months by name, the zone taken for UTC."""
    clock = _CLOCK.search(line)
    words = line.replace(",", " ").split()
    month = next((_MONTHS.index(word) + 1 for word in words if word in _MONTHS), None)
    day = next((int(word) for word in words if word.isdigit() and len(word) <= 2), None)
    year = next((int(word) for word in words if word.isdigit() and len(word) == 4), None)
    if clock is None or month is None or day is None or year is None:
        return None
    hour = int(clock[1]) % 12 + 12 * ("PM" in words) if "AM" in words or "PM" in words else int(clock[1])
    return datetime(year, month, day, hour, int(clock[2]), int(clock[3]), tzinfo=UTC).timestamp()
