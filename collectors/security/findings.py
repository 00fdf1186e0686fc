"""Findings as events: reported when new, again when their evidence changes, cleared when gone.

A scan remembers what it reported and the tool chain's digests in one small file (mode 0600, replaced whole).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from collectors.security.catalogue import CHECKS
from collectors.security.check import Finding
from collectors.security.scan import Scan
from streams.errors import ConfigError
from streams.events import FindingReported
from streams.whole_file import written_atomically

__all__ = ["ScanMemory", "load_memory", "report", "save_memory", "severity_of", "texts"]


class ScanMemory(msgspec.Struct, frozen=True):
    """`reported` is the evidence last told, by check and subject; `digests` is SHA-256 by tool."""

    digests: dict[str, str] = {}
    reported: dict[str, str] = {}


def severity_of(finding: Finding) -> str:
    return finding.severity or CHECKS[finding.check].severity


def report(
    scan: Scan, memory: ScanMemory, host: str, source: str, now: float
) -> tuple[list[FindingReported], ScanMemory]:
    """The events that tell a scan's news, and what to remember. Areas that were not examined clear nothing."""
    current = {_identity(finding): finding for finding in scan.findings}
    events = [
        _event(key, finding, host, source, now)
        for key, finding in current.items()
        if memory.reported.get(key) != _evidence(finding)
    ]
    kept = {key: _evidence(finding) for key, finding in current.items()}
    for key, evidence in memory.reported.items():
        check = key.split(" ", 1)[0]
        if key in kept or check not in CHECKS:
            continue
        if CHECKS[check].area in scan.examined and not scan.cut and check not in scan.more:
            events.append(_event(key, Finding(check, "", evidence), host, source, now, cleared=True))
        else:
            kept[key] = evidence
    digests = {**memory.digests, **scan.digests} if scan.cut else scan.digests or memory.digests
    return events, ScanMemory(digests, kept)


def load_memory(path: Path) -> ScanMemory:
    """What the last scan left; a first scan remembers nothing."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ScanMemory)
    except FileNotFoundError:
        return ScanMemory()
    except (msgspec.DecodeError, OSError) as error:
        raise ConfigError(f"the scan's memory {path} cannot be read ({error}); move it away to start anew") from error


def save_memory(path: Path, memory: ScanMemory) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_atomically(path) as file:
        file.write(msgspec.json.encode(memory))


def _identity(finding: Finding) -> str:
    subject = finding.subject.encode("utf-8", "backslashreplace").decode()
    return f"{finding.check} {subject}"


def _evidence(finding: Finding) -> str:
    return finding.evidence[:300]


def _event(key: str, finding: Finding, host: str, source: str, now: float, cleared: bool = False) -> FindingReported:
    digest = hashlib.sha256(f"{source} {host} {key} {now!r} {cleared}".encode()).hexdigest()
    return FindingReported(
        id=f"finding-{digest[:32]}",
        source=source,
        time=now,
        host=host,
        check=finding.check,
        severity=severity_of(finding),
        evidence=_evidence(finding),
        remedy=CHECKS[finding.check].remedy,
        package=finding.package,
        cleared=cleared,
        subject=key.partition(" ")[2][:300],
    )


def texts(scan: Scan) -> Iterator[str]:
    """What a person should know beside the findings: what was not seen."""
    if scan.cut:
        yield "The scan was cut short by its limits; raise them to see the rest."
    for check, count in sorted(scan.more.items()):
        yield f"{count} more findings of {check} are not listed."
    for path, why in sorted(scan.unread.items())[:20]:
        yield f"{path} could not be read ({why})."
