"""`backup.json`: what a back-up holds, with a digest of every file, so that a damaged one is not half restored."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from streams.errors import ConfigError

__all__ = ["Catalogue", "read_catalogue", "write_catalogue"]

_FORMAT = 1
_NAME = "backup.json"


class Catalogue(msgspec.Struct, frozen=True):
    """`time` in seconds since the epoch; `rows` by table, `records` by topic, `files` with their SHA-256."""

    time: float
    revision: str = ""
    rows: dict[str, int] = {}
    records: dict[str, int] = {}
    files: dict[str, str] = {}
    format: int = _FORMAT


def write_catalogue(folder: Path, catalogue: Catalogue) -> None:
    """Last of all: a folder without it is no back-up."""
    files = {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*.gz"))}
    (folder / _NAME).write_bytes(msgspec.json.encode(msgspec.structs.replace(catalogue, files=files)))


def read_catalogue(folder: Path) -> Catalogue:
    """The catalogue of a whole, undamaged back-up; else `ConfigError`."""
    try:
        found = msgspec.json.decode((folder / _NAME).read_bytes(), type=Catalogue)
    except FileNotFoundError as error:
        raise ConfigError(f"{folder} is no back-up: it holds no {_NAME}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{folder / _NAME} is damaged: {error}") from error
    if found.format != _FORMAT:
        raise ConfigError(f"{folder} was written in format {found.format}: this version reads {_FORMAT}")
    for name, digest in found.files.items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            raise ConfigError(f"{path} is missing or was changed since the back-up was made")
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
