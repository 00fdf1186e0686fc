"""A worker process of a group, followed by the lines that it prints."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["Member", "until"]

_SECONDS = 300.0


class Member:
    """`assigned` partitions, `done` records, wall times of the `first` and `last`, processor seconds between them."""

    def __init__(self, bootstrap: str, group: str, folder: Path, number: int) -> None:
        state = folder / f"{group}-{number}"
        command = [sys.executable, "-m", "bench.live.contenders.worker", "--bootstrap", bootstrap, "--group", group]
        command += ["--task", "full", "--total", "-1", "--state", str(state)]
        with (folder / f"{group}-{number}.log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.assigned = self.done = 0
        self.first = self.last = self.cpu = self._cpu_before = 0.0
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = json.loads(line)
            if "assigned" in found:
                self.assigned = found["assigned"]
            elif "began" in found:
                self.first, self._cpu_before = found["began"], found["cpu"]
            else:
                self.done, self.last, self.cpu = found["done"], found["at"], found["cpu"] - self._cpu_before


async def until(members: Sequence[Member], condition: Callable[[], bool]) -> None:
    """Wait for the members to get there; RuntimeError when one has ended or time is up."""
    deadline = time.monotonic() + _SECONDS
    while not condition():
        if time.monotonic() > deadline or any(m.process.poll() is not None for m in members):
            raise RuntimeError(f"workers ended or stand still at {[(m.assigned, m.done) for m in members]}")
        await asyncio.sleep(0.05)
