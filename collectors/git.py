"""The git state that a run builds from, as one `ChangeObserved`.

Reading happens in a short-lived, limited process (`collectors.git_look`); what it says is turned into the event here,
purely. Names of people are hashed, addresses lose their user info.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from collectors.worktree import read_worktree
from streams.events import ChangeObserved

__all__ = ["change_of", "kind_of_file", "message_kind", "observe"]

_LIMIT_SECONDS = 5.0
_MOST_BYTES = 16 << 20
_HOT_PATHS = 20


def observe(
    folder: Path,
    run_id: str,
    host: str,
    now: float,
    good_commit: str = "",
    roots: Sequence[Path] = (),
    limit_seconds: float = _LIMIT_SECONDS,
) -> ChangeObserved | None:
    """Look at the repository that `folder` is in; None where there is none, it lies outside `roots`, or git fails."""
    folder = folder.resolve()
    if roots and not any(folder.is_relative_to(root.resolve()) for root in roots):
        return None
    if good_commit and not re.fullmatch(r"[0-9a-f]{7,64}", good_commit):
        return None
    if read_worktree(folder).top is None:  # no process for what has no history: a release unpacked
        return None
    said = _ask(folder, good_commit, limit_seconds)
    return change_of(said, run_id, host, now) if said else None


def change_of(said: Mapping[str, Any], run_id: str, host: str, now: float) -> ChangeObserved:
    """The event from what git said."""
    rows = [row for line in said.get("numstat", ()) if (row := _numstat(line)) is not None]
    parents = said.get("parents", [])
    return ChangeObserved(
        id=uuid4().hex,
        source=f"/hosts/{host}",
        time=now,
        host=host,
        run_id=run_id,
        repository=said.get("remote") or f"path:{_hashed(str(said.get('top', '')))}",
        commit=str(said.get("commit", "")),
        branch=str(said.get("branch", "")),
        dirty=bool(said.get("changed")),
        files=len(rows),
        insertions=sum(added for added, _, _ in rows),
        deletions=sum(removed for _, removed, _ in rows),
        kinds=dict(Counter(kind_of_file(path) for _, _, path in rows)),
        author=_hashed(str(said.get("author", "")).lower()) if said.get("author") else "",
        message_kind="merge" if len(parents) > 1 else message_kind(str(said.get("subject", ""))),
        submodules=int(said.get("modes") or 0),
        since_good_commits=said.get("since_good"),
        hot_paths=_folders(path for _, _, path in rows),
    )


_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("test", re.compile(
        r"(?i)(?:^|/)(?:tests?|specs?|testdata|__tests__|features)/|(?:^|/)test_|[._-](?:test|spec)s?\.\w+$")),
    ("build", re.compile(
        r"(?i)(?:^|/)(?:\w*makefile[.\w]*|cmakelists\.txt|configure(?:\.ac|\.in)?|meson\.build|pom\.xml|build\.\w+|"
        r"package(?:-lock)?\.json|setup\.(?:py|cfg)|pyproject\.toml|gemfile[.\w]*|cargo\.(?:toml|lock)|go\.(?:mod|sum)|"
        r"requirements[\w.-]*\.txt|dockerfile|jenkinsfile|rakefile|yarn\.lock|wscript)$|\.(?:cmake|mk|am|m4|gradle|bzl)$|"
        r"(?:^|/)\.(?:github|gitlab|travis|circleci|ci)")),
    ("docs", re.compile(
        r"(?i)(?:^|/)docs?/|\.(?:md|rst|txt|adoc|texi|man|\d)$|"
        r"(?:^|/)(?:readme|changelog|license|copying|news|authors)")),
    ("source", re.compile(
        r"(?i)\.(?:c|cc|cpp|cxx|h|hh|hpp|hxx|inc|s|asm|m|mm|py|pyx|rb|java|kt|scala|go|rs|js|jsx|ts|tsx|php|pl|pm|sh|"
        r"swift|cs|f|f90|f95|hs|ml|erl|ex|lua|r|jl|d|zig|y|l|sql|proto|vala|clj|groovy)$")),
)  # fmt: skip


def kind_of_file(path: str) -> str:
    """What a file is for.

    >>> [kind_of_file(path) for path in ("src/a.c", "tests/a.c", "Makefile", "x.md", "x")]
    ['source', 'test', 'build', 'docs', 'other']
    """
    return next((kind for kind, pattern in _KINDS if pattern.search(path)), "other")


_MESSAGES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("merge", re.compile(r"(?i)^merge\b")),
    ("revert", re.compile(r"(?i)^(?:revert\b|back ?out\b|undo\b)")),
    ("bump", re.compile(
        r"(?i)^(?:bump|upgrade|update (?:dependenc|version)|release\b|v?\d+\.\d+|chore\(deps|build\(deps|version\b)")),
    ("docs", re.compile(r"(?i)^(?:docs?\b|documentation\b|readme\b)")),
    ("fix", re.compile(r"(?i)\b(?:fix(?:e[sd]|ing)?|bug|hotfix|repair(?:s|ed)?|resolves?)\b")),
    ("feature", re.compile(
        r"(?i)^(?:feat(?:ure)?\b|add(?:s|ed)?\b|implement(?:s|ed)?\b|introduce[sd]?\b|new\b|support\b)")),
)  # fmt: skip


def message_kind(subject: str) -> str:
    """What a commit message says it is.

    >>> message_kind("Revert \\"x\\""), message_kind("Fix crash"), message_kind("Bump gcc to 14"), message_kind("x")
    ('revert', 'fix', 'bump', 'other')
    """
    return next((kind for kind, pattern in _MESSAGES if pattern.search(subject)), "other")


def _ask(folder: Path, good_commit: str, limit_seconds: float) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR", "HOME") if name in os.environ}
    arguments = [
        sys.executable,
        "-I",
        "-m",
        "collectors.git_look",
        str(folder),
        *([good_commit] if good_commit else []),
    ]
    try:
        process = subprocess.Popen(
            arguments, cwd="/", env=environment | {"GIT_PYTHON_REFRESH": "quiet"}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return {}
    with process:
        try:
            said, _ = process.communicate(timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            said = b""
        finally:
            _end(process)
    return _decoded(said) if process.returncode == 0 else {}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of a look outlives it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _decoded(said: bytes) -> dict[str, Any]:
    if len(said) > _MOST_BYTES:
        return {}
    try:
        found = json.loads(said)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _numstat(line: str) -> tuple[int, int, str] | None:
    """`added TAB removed TAB path`; binary files say `-`."""
    added, _, rest = line.partition("\t")
    removed, _, path = rest.partition("\t")
    if not path:
        return None
    return (int(added) if added.isdigit() else 0, int(removed) if removed.isdigit() else 0, path)


def _folders(paths: Iterable[str]) -> list[str]:
    """The folders with most changed files, at most two levels deep."""
    counted = Counter("/".join(PurePosixPath(path).parts[:-1][:2]) or "." for path in paths)
    return [folder for folder, _ in counted.most_common(_HOT_PATHS)]


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
