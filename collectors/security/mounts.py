"""Mount options of file systems that everybody may write to. Source: proc(5), /proc/self/mounts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.security.check import Finding
from collectors.security.reader import printable

__all__ = ["Mount", "judge_mount", "parse_mounts"]

_SHARED = {"/tmp": ("nosuid", "nodev"), "/var/tmp": ("nosuid", "nodev"), "/dev/shm": ("nosuid", "nodev")}  # noqa: S108
_REMOVABLE = ("/media/", "/mnt/usb", "/run/media/")
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    device: str
    point: str
    kind: str
    options: frozenset[str]


def parse_mounts(text: str) -> list[Mount]:
    r"""The mount table; blanks in names come as octal escapes.

    >>> parse_mounts("tmpfs /a\\040b tmpfs rw,nosuid 0 0")[0].point
    '/a b'
    """
    mounts = []
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) >= 4:
            device, point, kind = (_ESCAPE.sub(lambda found: chr(int(found[1], 8)), f) for f in fields[:3])
            mounts.append(Mount(device, point, kind, frozenset(fields[3].split(","))))
    return mounts


def judge_mount(mount: Mount) -> Iterator[Finding]:
    wanted = _SHARED.get(mount.point)
    if wanted is None and mount.point.startswith(_REMOVABLE):
        wanted = ("nosuid", "nodev")
    missing = [option for option in wanted or () if option not in mount.options]
    if missing and "ro" not in mount.options:
        yield Finding(
            "mounts.options", mount.point, f"{printable(mount.point)} ({mount.kind}) lacks {', '.join(missing)}"
        )
