"""Files as lines of text: plain, gzipped, or the members of a tar archive."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from collectors.imports.records import Origin
from streams.errors import ConfigError

__all__ = ["LINE_LIMIT", "members"]

LINE_LIMIT = 65_536  # characters of one line; a longer one goes on as the next
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")

Moved = Callable[[int], None]


def members(path: Path, origin: Origin, moved: Moved) -> Iterator[tuple[Origin, Iterator[str]]]:
    """Each text in a file with where it comes from; `moved` hears the position in bytes on disk.

    Raises ConfigError for what cannot be opened or turns out broken on the way.
    """
    with _readable(path), path.open("rb") as file:
        here = _at(origin, str(path), path.stat().st_mtime)

        def lines(content: Any) -> Iterator[str]:
            with _readable(path):  # read by the caller, so an error of the file comes up here
                yield from _lines(content, file, moved)

        if path.name.endswith(_ARCHIVES):
            with tarfile.open(fileobj=file, mode="r:*") as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isfile() else None
                    if content is not None and not member.name.endswith("-expected"):
                        yield _at(origin, member.name, float(member.mtime)), lines(content)
        elif path.name.endswith(".gz"):
            yield _at(here, str(path)[:-3]), lines(gzip.GzipFile(fileobj=file))
        else:
            yield here, lines(file)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ConfigError(f"cannot read {path}: {reason}; check the path and its permissions") from error


def _lines(content: Any, disk: IO[bytes], moved: Moved) -> Iterator[str]:
    """`content` is any buffered reader of bytes (typeshed gives those of gzip and tar no common type)."""
    with io.TextIOWrapper(content, encoding="utf-8-sig", errors="replace", newline="\n") as text:
        number = 0
        while line := text.readline(LINE_LIMIT):
            number += 1
            if number % 1000 == 0:
                moved(disk.tell())
            yield line


def _at(origin: Origin, name: str, modified_at: float | None = None) -> Origin:
    return Origin(
        name=name,
        modified_at=origin.modified_at if modified_at is None else modified_at,
        project=origin.project,
        host=origin.host,
    )
