"""A process that stands still ends itself, so that its supervisor starts it again.

Faust can stall without an error (issues 175, 629, 640). A thread of its own watches named heart-beats: one that was
armed and has not beaten for `seconds` ends the process at once, without waiting for anything.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

__all__ = ["Watchdog"]

_log = logging.getLogger(__name__)


class Watchdog:
    """`arm` a name when work begins, `beat` while it goes on, `disarm` when there is none."""

    def __init__(
        self, seconds: float, end: Callable[[str], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._end = end or _exit
        self._clock = clock
        self._beats: dict[str, float] = {}
        self._stop = threading.Event()

    def beat(self, name: str) -> None:
        """Progress was made, or the watch over it begins."""
        self._beats[name] = self._clock()

    def excuse(self) -> None:
        """One long step holds everything up, and it goes on."""
        now = self._clock()
        self._beats.update(dict.fromkeys(list(self._beats), now))

    def disarm(self, name: str) -> None:
        """Standing still is in order here."""
        self._beats.pop(name, None)

    def check(self) -> str | None:
        """The name that has stood still too long, if one has."""
        now = self._clock()
        return next((name for name, beat in list(self._beats.items()) if now - beat > self.seconds), None)

    def start(self) -> None:
        """Watch from a thread until `stop`."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(min(1.0, self.seconds / 4)):
            if name := self.check():
                self._end(f"no progress of {name} for {self.seconds:.0f} s")
                return


def _exit(reason: str) -> None:
    _log.critical("ending this process: %s", reason)
    os._exit(1)
