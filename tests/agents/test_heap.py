"""Large blocks go back to the system when they are freed, also after larger ones were."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_HOLDS = """
import sys
from pathlib import Path
from agents.heap import large_blocks_apart

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

assert large_blocks_apart() or sys.exit("not set")
bytearray(b"x") * 2**24  # freed: the size from which blocks stand apart would be 16 MiB from here on
blocks = [bytearray(b"x") * 2**20 for _ in range(64)]
held = resident()
kept = blocks[::2]
del blocks
print((held - resident()) / 2**20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such size")
def test_a_freed_block_between_others_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _HOLDS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) >= 30.0
