"""Real faults put into real source trees, each by what breaks builds in practice. Seeded: a run can be repeated."""

from __future__ import annotations

import random
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from bench.packages import Package

__all__ = ["FAULTS", "HEALTHY", "Prepared", "prepare"]

FAULTS = (
    "source-error", "source-error-k", "missing-header", "missing-header-k", "missing-library", "wrong-flag",
    "memory-limit", "small-disk", "killed-compiler", "failing-tests", "hang",
)  # fmt: skip
HEALTHY = ("healthy", "warnings", "slow-host", "passing-tests", "ignored-errors")


@dataclass
class Prepared:
    """A shell command to run in a tree, with its environment; `seconds` bounds it as a CI's time limit would."""

    script: str
    environment: dict[str, str] = field(default_factory=dict)
    seconds: float = 240.0
    disk_free_bytes: int | None = None  # left on the file system of the tree
    burners: int = 0  # processes that compete for the CPU meanwhile


def prepare(package: Package, fault: str, tree: Path, seed: int, jobs: int = 1) -> Prepared:
    """Put the fault into the tree and say how to build it."""
    rng = random.Random(f"{package.name}-{fault}-{seed}")
    make, ninja = f"make -j{jobs}", f"-j{jobs}"
    environment = {"CC": "gcc", "CXX": "g++"}
    prepared = Prepared("", environment)
    prefix = ""
    match fault:
        case "source-error" | "source-error-k":
            _insert(rng, tree / package.sources, "int broken_here( { return 0 }\n")
        case "missing-header" | "missing-header-k":
            _insert(rng, tree / package.sources, "#include <no_such_header_anywhere.h>\n")
        case "missing-library":
            environment |= {"LDFLAGS": "-lnosuchlibrary", "LDLIBS": "-lnosuchlibrary", "LIBS": "-lnosuchlibrary"}
            make += " LIBS=-lnosuchlibrary LDFLAGS=-lnosuchlibrary"
        case "wrong-flag":
            environment |= {"CFLAGS": "-O2 -fno-such-flag", "CXXFLAGS": "-O2 -fno-such-flag"}
            make += " CFLAGS='-O2 -fno-such-flag'"
        case "memory-limit":
            prefix = "ulimit -v 60000; "
        case "small-disk":
            prepared.disk_free_bytes = 150_000
        case "killed-compiler":
            environment |= _compilers(tree, rng.randint(3, 12), "kill -9 $$")
        case "hang":
            environment |= _compilers(tree, rng.randint(3, 12), "exec sleep 600")
            prepared.seconds = 90.0
        case "warnings":
            environment |= {"CFLAGS": "-O2 -Wall -Wextra -Wconversion -pedantic"}
        case "slow-host":
            prepared.burners = 4
    if fault.endswith("-k"):
        make, ninja = f"{make} -k", f"{ninja} -k 0"
    script = package.build.format(make=make, ninja=ninja)
    if fault == "ignored-errors":
        (tree / "noise.mk").write_text("all:\n\t-cat no-such-file\n\t-@echo 'probing; errors are usual here'; false\n")
        script = f"make -f noise.mk && {script}"
    if fault in ("failing-tests", "passing-tests"):
        checks = [package.check.format(make=make)] if package.check else []
        script = " && ".join([script, *checks, "sh ./checks.sh"])
        _checks(tree, rng.randint(2, 6) if fault == "failing-tests" else None)
    prepared.script = prefix + script
    return prepared


def _insert(rng: random.Random, folder: Path, text: str) -> None:
    """Into one of the tree's C files, as its first line."""
    files = sorted(p for p in folder.iterdir() if p.suffix in (".c", ".cc", ".cpp") and "test" not in p.name)
    chosen = rng.choice(files)
    chosen.write_text(text + chosen.read_text(errors="replace"))


def _compilers(tree: Path, at: int, what: str) -> dict[str, str]:
    return {"CC": _compiler(tree, "gcc", at, what), "CXX": _compiler(tree, "g++", at, what)}


def _compiler(tree: Path, real: str, at: int, what: str) -> str:
    """A compiler that does something else at its `at`-th compile of an object (probes of configure not counted)."""
    path, count = tree / f"bench-{real}", tree / f"bench-{real}.count"
    path.write_text(
        f"""#!/bin/sh
case " $* " in
  *conftest*|*CMakeFiles/CMakeTmp*|*CMakeScratch*|*ztest*) exec {real} "$@";;
  *" -c "*) echo x >> {shlex.quote(str(count))}
    if [ "$(wc -l < {shlex.quote(str(count))})" = {at} ]; then {what}; fi;;
esac
exec {real} "$@"
"""
    )
    path.chmod(0o755)
    return str(path)


def _checks(tree: Path, bad: int | None) -> None:
    """A test suite in automake's words with real commands, one of them failing early on or none."""
    lines = ["fails=0"]
    for number in range(1, 16):
        command = "test 1 = 2" if number == bad else f"test -n \"$(find . -name '*.o' | head -{number})\""
        lines += [
            f"if {command}; then echo PASS: fail-error-{number}; else echo FAIL: check-{number}; fails=1; fi",
            "sleep 0.3",
        ]
    lines += ["echo '# TOTAL: 15'", "exit $fails"]
    (tree / "checks.sh").write_text("\n".join(lines) + "\n")
