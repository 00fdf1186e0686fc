"""Failed system units, as systemd lists them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from collectors.security.check import Finding

__all__ = ["judge_units", "parse_units", "read_units"]

_SYSTEMCTL = (Path("/usr/bin/systemctl"), Path("/bin/systemctl"))
_ARGUMENTS = ("list-units", "--state=failed", "--plain", "--no-legend", "--no-pager", "--full")
_SECONDS = 5.0


def read_units() -> str | None:
    """The running system's failed units; None where no systemd answers within 5 seconds."""
    program = next((path for path in _SYSTEMCTL if path.is_file()), None)
    if program is None:
        return None
    try:
        answer = subprocess.run(
            [str(program), *_ARGUMENTS], capture_output=True, timeout=_SECONDS, env={"LC_ALL": "C"}, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.decode(errors="replace") if answer.returncode == 0 else None


def parse_units(text: str) -> list[str]:
    """Unit names from `systemctl list-units --plain --no-legend`.

    >>> parse_units("nginx.service loaded failed failed A server\\n")
    ['nginx.service']
    """
    return [fields[0] for line in text.splitlines() if len(fields := line.split()) >= 4 and "." in fields[0]]


def judge_units(names: list[str]) -> Iterator[Finding]:
    for name in names:
        yield Finding("services.failed", name, f"{name[:120]} is in state failed")
