"""Real packages for benchmarks: Debian source packages that compile in seconds to two minutes, fetched once.

The source is fetched by apt from the machine's own mirror, into a list and cache of its own; nothing on the machine
changes. Each package names the command that builds it and the directory of its C sources.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PACKAGES", "Package", "fetch", "unpack"]

CACHE = Path(".cache/bench/sources")


@dataclass(frozen=True)
class Package:
    """A package, its build (`{make}` stands for make with its options) and where its sources are."""

    name: str
    build: str
    sources: str
    check: str = ""


PACKAGES = (
    Package("lua5.4", '{make} linux CC="$CC"', "src"),
    Package("zlib", "./configure && {make} libz.a libz.so.1.2.13 example minigzip", ".", "{make} test"),
    Package("lz4", "{make} -C lib && {make} -C programs", "lib"),
    Package("brotli", "cmake -G Ninja -B out . && ninja -C out {ninja}", "c/enc", "ninja -C out test"),
    Package("libuv1", "cmake -B out . && {make} -C out uv uv_a", "src"),
    Package("gzip", "./configure && {make}", ".", "{make} check SUBDIRS=tests TESTS='zdiff help-version'"),
    Package("expat", "cmake -G Ninja -B out expat && ninja -C out {ninja}", "expat/lib", "ninja -C out test"),
    Package("grep", "./configure && {make}", "src"),
    Package("sed", "./configure && {make}", "sed"),
    Package("bzip2", '{make} CC="$CC"', ".", "{make} test"),
    Package("cjson", "cmake -G Ninja -B out . && ninja -C out {ninja}", ".", "ninja -C out test"),
    Package("tinyxml2", "cmake -B out . && {make} -C out", ".", "{make} -C out test"),
)


def fetch(package: Package) -> Path:
    """The package's archive, fetched the first time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if found := _archive(package):
        return found
    _apt("source", "--download-only", package.name)
    found = _archive(package)
    if found is None:
        raise SystemExit(f"apt did not fetch the source of {package.name}")
    return found


def unpack(package: Package, into: Path) -> Path:
    """A fresh source tree."""
    archive = fetch(package).resolve()
    into.mkdir(parents=True, exist_ok=True)
    tree = into / package.name
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    subprocess.run(["tar", "-xf", str(archive), "--strip-components=1", "-C", str(tree)], check=True)
    return tree


def _archive(package: Package) -> Path | None:
    found = sorted(p for p in CACHE.glob(f"{package.name}_*.orig.tar.*") if p.suffix != ".asc")
    return found[0] if found else None


def _apt(*arguments: str) -> None:
    lists = CACHE / "lists"
    sources = CACHE / "sources.list"
    options = [f"Dir::Etc::SourceList={sources.resolve()}", "Dir::Etc::SourceParts=/dev/null",
               f"Dir::State::Lists={lists.resolve()}"]  # fmt: skip
    command = ["apt-get", "-q", *(part for option in options for part in ("-o", option))]
    if not sources.exists():
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        sources.write_text(f"deb-src {_mirror()} {_suite()} main\n")
        subprocess.run([*command, "update"], check=True, capture_output=True)
    subprocess.run([*command, *arguments], check=True, capture_output=True, cwd=CACHE)


def _mirror() -> str:
    for path in [*Path("/etc/apt/sources.list.d").glob("*.sources"), Path("/etc/apt/sources.list")]:
        if path.exists() and (match := re.search(r"^(?:URIs:|deb)\s+(\S+://\S+)", path.read_text(), re.MULTILINE)):
            return match[1]
    raise SystemExit("no package mirror is set up on this machine: early.py needs Debian")


def _suite() -> str:
    match = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    return match[1] if match else "stable"
