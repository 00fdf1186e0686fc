"""A build ended from outside before its time, asked for from any thread; the first reason counts.

The whole process group gets SIGTERM, and SIGKILL after the grace, whatever is left of it by then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

from collectors.child import Child

__all__ = ["Stop"]

_LOOK_SECONDS = 0.05


class Stop:
    """Hand it to `run_build`; `reason` says why the build was stopped, or is empty."""

    def __init__(self, grace_seconds: float = 10.0) -> None:
        self.reason = ""
        self._grace = grace_seconds
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._over = False
        self._thread = threading.Thread(target=self._end, daemon=True, name="buildcast-stop")

    def ask(self, reason: str) -> bool:
        """Stop the build; returns at once. False where it has ended, or was asked to before."""
        with self._lock:
            if self._over or self.reason:
                return False
            self.reason = reason
            if self._child is not None:
                self._thread.start()
            return True

    def begin(self, child: Child) -> None:
        """The build has started."""
        with self._lock:
            self._child = child
            if self.reason:
                self._thread.start()

    def settle(self) -> None:
        """The build has ended: wait until nothing of its group is left, if it was stopped."""
        with self._lock:
            self._over = True
        if self._thread.is_alive():
            self._thread.join()

    def _end(self) -> None:
        assert self._child is not None
        group, deadline = self._child.pid, time.monotonic() + self._grace
        self._child.send(signal.SIGTERM)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            while time.monotonic() < deadline:
                os.killpg(group, 0)
                time.sleep(_LOOK_SECONDS)
            os.killpg(group, signal.SIGKILL)
