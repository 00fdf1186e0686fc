"""What a check is and what it finds, as values. All checks stand in `catalogue.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["SEVERITIES", "Check", "Finding", "Severity"]

Severity: TypeAlias = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class Check:
    """One question asked of a host: `area` groups checks, `remedy` says what a person should do."""

    id: str
    area: str
    title: str
    severity: Severity
    remedy: str


@dataclass(frozen=True)
class Finding:
    """One answer that is not as it should be. `subject` is what it is about and makes it the same finding next time."""

    check: str
    subject: str
    evidence: str
    severity: Severity | None = None  # None: the check's own
    package: str = ""
