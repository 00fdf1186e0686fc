"""Judges umask and the search path: what a build's new files look like and where its commands come from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator

from collectors.security.check import Finding
from collectors.security.reader import FileStatus, HostReader, printable

__all__ = ["judge_entry", "judge_umask", "parse_umask", "read_entry"]

_UMASK = re.compile(r"^\s*(?:UMASK|umask|Umask:)\s+([0-7]{3,4})\b", re.MULTILINE)


def parse_umask(text: str) -> int | None:
    """The last umask a file sets (login.defs, a profile, /proc/self/status).

    >>> parse_umask("UMASK 022\\n")
    18
    """
    found = _UMASK.findall(text)
    return int(found[-1], 8) if found else None


def judge_umask(place: str, umask: int) -> Iterator[Finding]:
    opened = "others" if not umask & 0o002 else "the group" if not umask & 0o020 else ""
    if opened:
        evidence = f"{place} sets umask {umask:03o}: new files are writable by {opened}"
        yield Finding("umask.open", place, evidence, "high" if opened == "others" else "low")


def read_entry(reader: HostReader, entry: str) -> list[FileStatus]:
    """The folder an entry leads to and every folder above it, outermost first; empty when it is not there."""
    real = reader.real_path(entry)
    if real is None:
        return []
    above = ["/"]
    for part in real.strip("/").split("/"):
        above.append(posixpath.join(above[-1], part))
    return [status for path in above if (status := reader.status(path)) is not None]


def judge_entry(entry: str, folders: list[FileStatus], owners: Collection[int]) -> Iterator[Finding]:
    """`folders` as `read_entry` gives them; `owners` are user ids that may own what is on the path."""
    name = printable(entry) or "(empty)"
    if not entry.startswith("/"):
        yield Finding("path.relative", entry, f"search path entry {name}")
        return
    if not folders:
        yield Finding("path.missing", entry, f"{name} does not exist")
        return
    for folder in folders:
        last = folder is folders[-1]
        open_to_all = folder.writable_by_others and (last or not folder.is_sticky)
        if open_to_all or folder.uid not in owners:
            reached = "" if last else f" on the way to {name}"
            yield Finding(
                "path.writable",
                f"{entry} {folder.path}",
                f"{printable(folder.path)}{reached} has mode {folder.octal}, owner {folder.uid}",
            )
