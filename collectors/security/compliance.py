"""A scan as one page: what was examined, what failed, how bad, a score. Pure.

The score is 1 minus the failed checks' weight over the examined checks' weight (critical 8, high 4, medium 2,
low 1): a ratio that tells hosts apart, not a certificate.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from collectors.security.catalogue import CHECKS
from collectors.security.check import SEVERITIES
from collectors.security.findings import severity_of
from collectors.security.scan import Scan

__all__ = ["AreaResult", "ComplianceSummary", "summarise"]

_WEIGHTS = {"low": 1, "medium": 2, "high": 4, "critical": 8}


@dataclass(frozen=True)
class AreaResult:
    """One area: how many of its checks passed and failed; `worst` is "" when none failed."""

    area: str
    examined: bool
    passed: int
    failed: tuple[str, ...]
    worst: str


@dataclass(frozen=True)
class ComplianceSummary:
    areas: tuple[AreaResult, ...]
    by_severity: dict[str, int]
    score_ratio: float | None  # None when nothing could be examined
    complete: bool
    may_build: dict[str, list[str]]


def summarise(scan: Scan) -> ComplianceSummary:
    worst: dict[str, int] = {}
    for finding in scan.findings:
        rank = SEVERITIES.index(severity_of(finding))
        worst[finding.check] = max(rank, worst.get(finding.check, 0))
    areas = tuple(_area(area, scan, worst) for area in dict.fromkeys(check.area for check in CHECKS.values()))
    total = sum(_WEIGHTS[check.severity] for check in CHECKS.values() if check.area in scan.examined)
    lost = sum(min(_WEIGHTS[SEVERITIES[rank]], _WEIGHTS[CHECKS[check].severity]) for check, rank in worst.items())
    counts = Counter(severity_of(finding) for finding in scan.findings)
    return ComplianceSummary(
        areas=areas,
        by_severity={severity: counts.get(severity, 0) for severity in SEVERITIES},
        score_ratio=max(0.0, 1 - lost / total) if total else None,
        complete=not scan.cut and all(area.examined for area in areas),
        may_build=scan.may_build,
    )


def _area(area: str, scan: Scan, worst: dict[str, int]) -> AreaResult:
    checks = [check.id for check in CHECKS.values() if check.area == area]
    failed = tuple(check for check in checks if check in worst)
    examined = area in scan.examined
    return AreaResult(
        area=area,
        examined=examined,
        passed=len(checks) - len(failed) if examined else 0,
        failed=failed,
        worst=SEVERITIES[max(worst[check] for check in failed)] if failed else "",
    )
