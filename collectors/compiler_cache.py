"""Whether a build goes through a compiler cache (ccache, sccache), and whether the cache holds anything yet.

Told by the environment: the compiler's or its launcher's name, or a folder of ccache's links in the path. The caches'
places are those of their documentation; a remote cache cannot be looked into and is not told of.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["cache_warm"]

_COMPILERS = ("CC", "CXX", "CMAKE_C_COMPILER_LAUNCHER", "CMAKE_CXX_COMPILER_LAUNCHER", "RUSTC_WRAPPER")
_OBJECTS = re.compile(r"[0-9a-f]{1,2}")  # both caches keep results below folders named by a hash's first digits


def cache_warm(environment: Mapping[str, str]) -> bool | None:
    """True: it holds results; False: a cache is used and is empty; None: none is used, or it cannot be seen."""
    tool = _tool(environment)
    if tool is None or (tool == "sccache" and _is_remote(environment)):
        return None
    return any(_holds_results(place) for place in _places(tool, environment))


def _tool(environment: Mapping[str, str]) -> str | None:
    for name in _COMPILERS:
        first = os.path.basename(environment.get(name, "").split(" ")[0])
        if first in ("ccache", "sccache"):
            return first
    links = (folder for folder in environment.get("PATH", "").split(os.pathsep) if os.path.basename(folder) == "ccache")
    return "ccache" if any(os.path.isdir(folder) for folder in links) else None


def _is_remote(environment: Mapping[str, str]) -> bool:
    return any(name.startswith("SCCACHE_") and name != "SCCACHE_DIR" for name in environment)


def _places(tool: str, environment: Mapping[str, str]) -> list[Path]:
    own = environment.get("CCACHE_DIR" if tool == "ccache" else "SCCACHE_DIR")
    if own:
        return [Path(own)]
    home = Path(environment.get("HOME", "/"))
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return [cache / tool, *([home / ".ccache"] if tool == "ccache" else [])]


def _holds_results(place: Path) -> bool:
    try:
        with os.scandir(place) as entries:
            return any(_OBJECTS.fullmatch(entry.name) and entry.is_dir() for entry in entries)
    except OSError:
        return False
