"""What a jhalfs build is going to do, read from its Makefile: targets in order, their phase and what they unpack."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from collectors.jhalfs.names import split_target, split_version, told_apart

__all__ = ["PHASES", "Plan", "Target", "parse_makefile", "read_plan"]

PHASES = ("SETUP", "LUSER", "SUDO", "CHROOT", "BOOT")
_RULE = re.compile(r"^(?P<name>[\w.+-]+):(?!=)\s*(?P<needs>.*)$")
_UNPACK = re.compile(r"call unpack2?,(?P<archive>[\w.+-]+)\)")
_GENERATED = re.compile(r"^# Generated on (.+)$")
_ARCHIVE_END = re.compile(r"\.(?:tar(?:\.\w+)?|tgz|zip)$")


@dataclass(frozen=True)
class Target:
    """One step. `name` is what its history is kept by; `version` is empty for steps that build no package."""

    target: str  # "828-gcc"
    name: str  # "gcc"
    version: str = ""
    phase: str = ""


@dataclass(frozen=True)
class Plan:
    """All steps in build order. `generated` is the Makefile's own date, which tells one build from the next."""

    targets: tuple[Target, ...]
    generated: str = ""
    programme: str = "lfs"

    def __contains__(self, target: str) -> bool:
        return any(each.target == target for each in self.targets)


def read_plan(root: Path) -> Plan:
    """The plan of a build folder; without a Makefile, the scripts in the order of their names."""
    commands = sorted(root.glob("*-commands"))
    programme = commands[0].name.removesuffix("-commands") if commands else "lfs"
    try:
        return parse_makefile((root / "Makefile").read_text(errors="replace"), programme)
    except FileNotFoundError:
        names = sorted(path.name for path in root.glob("*-commands/*/*") if split_target(path.name))
        return Plan(tuple(_targets(names, {}, {})), programme=programme)


def parse_makefile(text: str, programme: str = "lfs") -> Plan:
    """Targets in the order of their rules (each needs the one before it), phases from the rules that list them."""
    names: list[str] = []
    archives: dict[str, str] = {}
    phases: dict[str, str] = {}
    generated = ""
    for line in text.splitlines():
        if (match := _GENERATED.match(line)) is not None:
            generated = match[1]
        elif (match := _RULE.match(line)) is not None:
            if match["name"] in PHASES:
                phases |= dict.fromkeys(match["needs"].split(), match["name"])
            elif split_target(match["name"]) and match["name"] not in names:
                names.append(match["name"])
        elif names and (match := _UNPACK.search(line)) is not None:
            archives[names[-1]] = match["archive"]
    return Plan(tuple(_targets(names, archives, phases)), generated, programme)


def _targets(names: Iterable[str], archives: dict[str, str], phases: dict[str, str]) -> Iterable[Target]:
    listed = list(names)
    plain = [(split_target(name) or (0, name))[1] for name in listed]
    for target, name in zip(listed, told_apart(plain), strict=True):
        version = split_version(_ARCHIVE_END.sub("", archives.get(target, "")))[1]
        yield Target(target, name, version, phases.get(target, ""))
