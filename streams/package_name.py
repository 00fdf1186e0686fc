"""Names of packages with their versions, as Linux From Scratch writes them: `gcc-14.2.0`, `expect5.45.4`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["Step", "split_version", "told_apart"]

_VERSION = re.compile(r"^(?P<name>.+?)[-_]?(?P<version>(?<=[-_])\d[\w.+~-]*|(?<=[a-z])\d+(?:\.\d+)+)$")

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
