"""Looks at a host's files below a root folder, safely.

Law of the file: links are followed by us, inside the root and at most 40 times, never by the kernel; every part of a
path is opened with O_NOFOLLOW, so a tree that changes under our feet yields nothing instead of something else; only
regular files are read (a fifo never blocks us), at most `cap` bytes of them; nothing that is found is ever run.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FileStatus", "HostReader", "printable"]

_MAX_LINKS = 40  # as the kernel's own limit
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
TEXT_CAP_BYTES = 1 << 20


@dataclass(frozen=True)
class FileStatus:
    """What a judge needs to know of a file: where it is (below the root), its mode and its owner."""

    path: str
    mode: int
    uid: int
    gid: int
    size_bytes: int = 0
    device: int = 0
    inode: int = 0

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)

    @property
    def is_device(self) -> bool:
        return stat.S_ISBLK(self.mode) or stat.S_ISCHR(self.mode)

    @property
    def is_sticky(self) -> bool:
        return bool(self.mode & stat.S_ISVTX)

    @property
    def writable_by_others(self) -> bool:
        return bool(self.mode & stat.S_IWOTH) and not self.is_link

    @property
    def octal(self) -> str:
        return f"{stat.S_IMODE(self.mode):04o}"


class HostReader:
    """Reads below `root`. `unread` names what was there but closed to us, each once."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.unread: dict[str, str] = {}

    def text(self, path: str, cap: int = TEXT_CAP_BYTES) -> str | None:
        """A file's first `cap` bytes as text (bad bytes escaped); None when it is not there or not ours to read."""
        data = self.content(path, cap)
        return None if data is None else data.decode("utf-8", "backslashreplace")

    def content(self, path: str, cap: int = TEXT_CAP_BYTES) -> bytes | None:
        """A regular file's first `cap` bytes; None when it is not there or not ours to read."""
        status = self.status(path, follow=True)
        if status is None or not status.is_file:
            return None
        read = b"".join(self.chunks(path, cap))
        return None if path in self.unread else read

    def chunks(self, path: str, cap: int, size: int = 1 << 18) -> Iterator[bytes]:
        """A regular file's first `cap` bytes in pieces; nothing when it cannot be read."""
        try:
            with self._opened(self._resolved(path), _FILE) as handle:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    return
                while cap > 0 and (chunk := os.read(handle, min(size, cap))):
                    cap -= len(chunk)
                    yield chunk
        except OSError as error:
            self._note(path, error)

    def status(self, path: str, follow: bool = False) -> FileStatus | None:
        """lstat below the root; with `follow`, of what the path leads to."""
        try:
            parts = self._resolved(path) if follow else self._parent_resolved(path)
            return self._stat_parts(parts)
        except OSError as error:
            self._note(path, error)
            return None

    def folder(self, path: str, follow: bool = True) -> Iterator[FileStatus]:
        """One folder's entries as the file system orders them; without `follow` a link on the way is nothing."""
        try:
            parts = self._resolved(path) if follow else tuple(_parts(path))
            with self._opened(parts, _FOLDER) as handle, os.scandir(handle) as entries:
                for entry in entries:
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # gone between listing and looking
                    yield _status(f"/{'/'.join((*parts, entry.name))}", found)
        except OSError as error:
            self._note(path, error)

    def real_path(self, path: str) -> str | None:
        """Where links below the root lead to; None when nowhere."""
        try:
            parts = self._resolved(path)
            self._stat_parts(parts)
        except OSError:
            return None
        return "/" + "/".join(parts)

    def _stat_parts(self, parts: tuple[str, ...]) -> FileStatus:
        if not parts:
            return _status("/", os.stat(self.root))
        with self._opened(parts[:-1], _FOLDER) as handle:
            found = os.stat(parts[-1], dir_fd=handle, follow_symlinks=False)
        return _status("/" + "/".join(parts), found)

    @contextmanager
    def _opened(self, parts: tuple[str, ...], flags: int) -> Iterator[int]:
        handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for number, part in enumerate(parts, start=1):
                inner = os.open(part, flags if number == len(parts) else _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = inner
            yield handle
        finally:
            os.close(handle)

    def _parent_resolved(self, path: str) -> tuple[str, ...]:
        parts = _parts(path)
        if not parts or parts[-1] == "..":
            return self._resolved(path)
        return (*self._resolved("/".join(parts[:-1])), parts[-1])

    def _resolved(self, path: str) -> tuple[str, ...]:
        """The path's parts with every link replaced, as a chroot into the root would."""
        todo = _parts(path)
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                done = done[:-1]
                continue
            target = self._link_target((*done, part))
            if target is None:
                done.append(part)
                continue
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if target.startswith("/"):
                done = []
            todo = _parts(target) + todo
        return tuple(done)

    def _link_target(self, parts: tuple[str, ...]) -> str | None:
        with self._opened(parts[:-1], _FOLDER) as handle:
            try:
                return os.readlink(parts[-1], dir_fd=handle)
            except OSError as error:
                if error.errno == errno.EINVAL:  # no link
                    return None
                raise

    def _note(self, path: str, error: OSError) -> None:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EIO):
            self.unread.setdefault(path, os.strerror(error.errno))


def printable(path: str) -> str:
    """A name as evidence: control characters and bad bytes escaped, at most 200 characters.

    >>> printable("a\\nb")
    'a\\\\nb'
    """
    clean = path.encode("utf-8", "backslashreplace").decode()
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in clean)
    return escaped if len(escaped) <= 200 else escaped[:197] + "..."


def _parts(path: str) -> list[str]:
    if "\0" in path:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    return [part for part in path.split("/") if part not in ("", ".")]


def _status(path: str, found: os.stat_result) -> FileStatus:
    return FileStatus(path, found.st_mode, found.st_uid, found.st_gid, found.st_size, found.st_dev, found.st_ino)
