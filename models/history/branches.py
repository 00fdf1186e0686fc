"""What a branch's name says: main line, tag, dependency bot, fix, continuous integration, feature."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["KINDS", "family", "kinds"]

KINDS: tuple[str, ...] = ("main", "tag", "bot", "fix", "ci", "feature")
_MAIN = frozenset({"master", "main", "develop", "trunk", "dev", "default"})
_PATTERNS = (
    re.compile(r"^v?\d+([._-]\d+)+|^(release|stable)"),
    re.compile(r"greenkeeper|dependabot|renovate|snyk|pyup|depfu"),
    re.compile(r"fix|bug|issue|hotfix|patch"),
    re.compile(r"travis|\bci\b|test|build|jenkins"),
    re.compile(r"feat|add|new|wip|refactor"),
)
_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=10_000)
def kinds(branch: str) -> tuple[float, ...]:
    """One number (1 or 0) for each of KINDS.

    >>> kinds("master"), kinds("fix/issue-12")[3]
    ((1.0, 0.0, 0.0, 0.0, 0.0, 0.0), 1.0)
    """
    name = branch.lower()
    if name in _MAIN:
        return (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return (0.0, *(1.0 if pattern.search(name) else 0.0 for pattern in _PATTERNS))


def family(branch: str) -> str:
    """The branch without what numbers it: bots and release lines share one.

    >>> family("dependabot/npm/lodash-4.17.1"), family("v1.2.3")
    ('dependabot', 'v#.#.#')
    """
    return branch.partition("/")[0] if "/" in branch else _DIGITS.sub("#", branch)
