"""Name, branch and commit of a git working tree by reading three small files; nothing is ever run.

Files of a hostile tree are read as plain bounded text, and only if they are ordinary files.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from collectors.redaction import strip_user_info

__all__ = ["Worktree", "name_of_remote", "read_worktree"]

_MOST_BYTES = 1 << 20
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?$")


@dataclass(frozen=True)
class Worktree:
    """A working tree; everything empty where there is none."""

    top: Path | None = None
    git: Path | None = None  # its HEAD and index
    common: Path | None = None  # its objects and references
    remote: str = ""  # without user info
    branch: str = ""
    commit: str = ""

    @property
    def name(self) -> str:
        """What its project is called: owner and repository of the remote, else the folder's name."""
        return name_of_remote(self.remote) or (self.top.name if self.top else "")


def read_worktree(folder: Path) -> Worktree:
    """The working tree that `folder` is in."""
    for top in (folder.resolve(), *folder.resolve().parents):
        git = top / ".git"
        if os.path.lexists(git):
            return _read(top, git)
    return Worktree()


def name_of_remote(remote: str) -> str:
    """Owner and name from a repository's address.

    >>> name_of_remote("https://example.org/a/b.git"), name_of_remote("git@example.org:a/b"), name_of_remote("")
    ('a/b', 'a/b', '')
    """
    path = re.sub(r"^\w[\w+.-]*://[^/]*/|^[^/:]+:", "", remote).strip("/").removesuffix(".git")
    return "/".join(path.split("/")[-2:])


def _read(top: Path, git: Path) -> Worktree:
    if git.is_file():  # a linked working tree or submodule
        found = re.match(r"gitdir: (.+)", _text(git))
        git = (top / found[1].strip()) if found else git
    common = git / (_text(git / "commondir").strip() or ".")
    remote = re.search(r'^\[remote "origin"\]$(?:\n(?!\[).*)*?\n\s*url\s*=\s*(.+)$', _text(common / "config"), re.M)
    head = _text(git / "HEAD").strip()
    branch = head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else ""
    commit = head if not head.startswith("ref: ") else _resolve(common, head.removeprefix("ref: "))
    return Worktree(
        top=top,
        git=git,
        common=common,
        remote=strip_user_info(remote[1].strip()) if remote else "",
        branch=branch[:200],
        commit=commit if _COMMIT.match(commit) else "",
    )


def _resolve(common: Path, reference: str) -> str:
    if ".." in reference or reference.startswith("/"):
        return ""
    loose = _text(common / reference).strip()
    if loose:
        return loose
    for line in _text(common / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return commit
    return ""


def _text(path: Path) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
        try:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""
