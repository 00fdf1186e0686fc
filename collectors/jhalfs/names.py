"""Names of packages as jhalfs writes them: `828-gcc` (target), `828-gcc-14.2.0` (log), `gcc-14.2.0` (report)."""

from __future__ import annotations

import re

from streams.package_name import Step, split_version, told_apart

__all__ = ["Step", "split_target", "split_version", "told_apart"]

_TARGET = re.compile(r"^(?P<position>\d{3,4})-(?P<name>[A-Za-z0-9].*)$")


def split_target(text: str) -> tuple[int, str] | None:
    """A target's position (chapter and place) and name, or None for what is no package target.

    >>> split_target("501-binutils-pass1"), split_target("mk_LUSER")
    ((501, 'binutils-pass1'), None)
    """
    match = _TARGET.match(text)
    return (int(match["position"]), match["name"]) if match else None
