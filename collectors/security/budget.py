"""What a scan may spend: seconds and files. Once spent, every reader stops and the scan says it is cut short."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Budget"]


class Budget:
    """Counts files against a limit and the clock against a deadline.

    `clock` is a monotonic clock in seconds. `cut` is True from the first refusal on.
    """

    def __init__(self, seconds: float, files: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._deadline = clock() + seconds
        self._files_left = files
        self.cut = False

    def spend(self, files: int = 1) -> bool:
        """Takes `files` from the budget; False when there is no time or no file left."""
        if self._files_left < files or self._clock() > self._deadline:
            self.cut = True
            return False
        self._files_left -= files
        return True
