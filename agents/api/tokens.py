"""Bearer tokens: 256 random bits, known only by their SHA-256; a file of one JSON object a line, read again on change.

A slow hash would add nothing: unlike a password, such a token cannot be guessed from its hash.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Literal, get_args

import msgspec

from streams.errors import ConfigError
from streams.whole_file import written_atomically

__all__ = ["ROLES", "Principal", "Role", "Tokens", "mint", "revoke"]

Role = Literal["read", "write", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)  # each may do what those before it may


class Principal(msgspec.Struct, frozen=True):
    """Who calls and what they may do."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether this role includes the other one."""
        return ROLES.index(self.role) >= ROLES.index(role)


class _Line(msgspec.Struct, frozen=True):
    name: str
    role: Role
    sha256: str


def mint(path: Path, name: str, role: Role) -> str:
    """A new token, shown this once; its hash is added to the file (mode 0600)."""
    if not name.isprintable() or not 1 <= len(name) <= 64:
        raise ConfigError("a token's name is 1 to 64 printable characters: it is what the audit trail will show")
    token = f"bc_{secrets.token_urlsafe(32)}"
    line = msgspec.json.encode(_Line(name=name, role=role, sha256=_digest(token)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
        file.write(line + b"\n")
    return token


def revoke(path: Path, name: str) -> list[Role]:
    """Take every token of a name out of the file, whole or not at all; the roles they had."""
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    kept, gone = [], []
    for line in lines:
        if line.strip() and (token := msgspec.json.decode(line, type=_Line)).name == name:
            gone.append(token.role)
        else:
            kept.append(line)
    if not gone:
        raise ConfigError(f"{path} holds no token of the name {name!r}")
    with written_atomically(path) as file:
        file.writelines(kept)
    return gone


class Tokens:
    """The principals of a token file. Without a file every caller is this machine's owner."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, Principal] = {}
        if path is not None:
            self._refresh(path)

    def principal(self, authorization: str) -> Principal | None:
        """Whose header this is; None for a token that is missing or unknown."""
        if self.path is None:
            return None if authorization else Principal("local", "admin")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        self._refresh(self.path)
        return self._known.get(_digest(token.strip()))

    def _refresh(self, path: Path) -> None:
        try:
            found = path.stat()
        except OSError as error:
            if self._stamp is None:
                raise ConfigError(f"the token file {path} cannot be read: {error.strerror}") from error
            self._known, self._stamp = {}, (0, 0)  # a file that was taken away lets nobody in
            return
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp != self._stamp:
            self._known, self._stamp = _read(path), stamp


def _read(path: Path) -> dict[str, Principal]:
    decoder = msgspec.json.Decoder(_Line)
    known = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"line {number} of the token file {path} is no token: {error}") from error
        known[found.sha256] = Principal(found.name, found.role)
    return known


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
