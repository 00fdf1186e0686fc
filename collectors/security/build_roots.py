"""Judges the files of build roots: who may change them, what runs as somebody else, whose they are.

One pass of two million `lstat` looks would be too much for a scan: the budget cuts it, and the scan says so.
"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Collection, Iterator

from collectors.security.check import Finding
from collectors.security.reader import FileStatus, printable

__all__ = ["judge_file"]

# What a base system installs set-user-id on purpose (LFS and Debian), by name, where root owns it.
_EXPECTED_SETUID = frozenset(
    [
        "chage",
        "chfn",
        "chsh",
        "crontab",
        "dbus-daemon-launch-helper",
        "expiry",
        "fusermount3",
        "gpasswd",
        "mount",
        "newgidmap",
        "newgrp",
        "newuidmap",
        "passwd",
        "pkexec",
        "ping",
        "ssh-agent",
        "ssh-keysign",
        "su",
        "sudo",
        "umount",
        "unix_chkpwd",
        "wall",
        "write",
    ]
)
_PROGRAM_FOLDERS = frozenset({"bin", "sbin", "lib", "libexec", "openssh", "dbus-1.0"})


def judge_file(entry: FileStatus, owners: Collection[int]) -> Iterator[Finding]:
    """What is wrong with one entry. `owners` are the user ids that files may belong to."""
    name = printable(entry.path)
    if entry.is_device and "/dev/" not in entry.path:
        yield Finding("files.device", entry.path, f"{name} is a device file, mode {entry.octal}")
    if entry.writable_by_others and not entry.is_device and not (entry.is_folder and entry.is_sticky):
        kind = "folder" if entry.is_folder else "file"
        yield Finding("files.world-writable", entry.path, f"{kind} {name} has mode {entry.octal}")
    if entry.is_file and entry.mode & (stat.S_ISUID | stat.S_ISGID) and not _expected_setuid(entry):
        yield Finding("files.setuid", entry.path, f"{name} has mode {entry.octal}, owner {entry.uid}:{entry.gid}")
    if entry.uid not in owners:
        yield Finding("files.owner", entry.path, f"{name} belongs to user {entry.uid}")


def _expected_setuid(entry: FileStatus) -> bool:
    folder, name = posixpath.split(entry.path)
    return entry.uid == 0 and name in _EXPECTED_SETUID and posixpath.basename(folder) in _PROGRAM_FOLDERS
