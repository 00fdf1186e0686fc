"""docs/security-checks.md lists every check as it is."""

from __future__ import annotations

from pathlib import Path

from collectors.security import CHECKS
from collectors.vulnerability import NVD_NOTICE

_TEXT = (Path(__file__).parents[3] / "docs/security-checks.md").read_text()


def test_every_check_stands_in_the_docs_as_it_is() -> None:
    rows = [line for line in _TEXT.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{c.id}` | {c.severity} | {c.title} | {c.remedy} |" for c in CHECKS.values()]


def test_nvds_notice_stands_in_the_docs() -> None:
    assert NVD_NOTICE in _TEXT
