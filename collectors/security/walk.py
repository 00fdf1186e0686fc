"""A bounded walk over a tree: one file system, no links, every folder once, no deeper than `max_depth`."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.security.budget import Budget
from collectors.security.reader import FileStatus, HostReader

__all__ = ["walk"]

MAX_DEPTH = 64


def walk(reader: HostReader, top: str, budget: Budget, max_depth: int = MAX_DEPTH) -> Iterator[FileStatus]:
    """Every entry below `top` and `top` itself, until the budget is spent (`budget.cut` then says so)."""
    start = reader.status(top, follow=True)
    if start is None or not start.is_folder:
        return
    yield start
    seen = {(start.device, start.inode)}
    todo = [(start.path, 0)]
    while todo:
        path, depth = todo.pop()
        for entry in reader.folder(path, follow=False):
            if not budget.spend():
                return
            yield entry
            place = (entry.device, entry.inode)
            if not entry.is_folder or entry.device != start.device or place in seen:
                continue
            if depth + 1 >= max_depth:
                budget.cut = True
                continue
            seen.add(place)
            todo.append((entry.path, depth + 1))
