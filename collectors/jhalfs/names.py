"""Names of packages as jhalfs writes them: `828-gcc` (target), `828-gcc-14.2.0` (log), `gcc-14.2.0` (report)."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["Step", "split_target", "split_version", "told_apart"]

_VERSION = re.compile(r"^(?P<name>.+?)[-_]?(?P<version>(?<=[-_])\d[\w.+~-]*|(?<=[a-z])\d+(?:\.\d+)+)$")
_TARGET = re.compile(r"^(?P<position>\d{3,4})-(?P<name>[A-Za-z0-9].*)$")

Step = tuple[str, str]  # name, version


def split_version(text: str) -> Step:
    """A package's name and version; the version is empty where there is none.

    >>> split_version("gcc-pass1-14.2.0"), split_version("expect5.45.4"), split_version("network")
    (('gcc-pass1', '14.2.0'), ('expect', '5.45.4'), ('network', ''))
    """
    match = _VERSION.match(text)
    if match is None:
        return text, ""
    return match["name"], match["version"]


def split_target(text: str) -> tuple[int, str] | None:
    """A target's position (chapter and place) and name, or None for what is no package target.

    >>> split_target("501-binutils-pass1"), split_target("mk_LUSER")
    ((501, 'binutils-pass1'), None)
    """
    match = _TARGET.match(text)
    return (int(match["position"]), match["name"]) if match else None


def told_apart(names: Iterable[str]) -> list[str]:
    """Names in build order where the second of a name gets a number: temporary tools are built again in full.

    >>> told_apart(["m4", "gcc", "m4"])
    ['m4', 'gcc', 'm4#2']
    """
    seen: dict[str, int] = {}
    apart = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        apart.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return apart
