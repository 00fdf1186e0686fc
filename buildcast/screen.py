"""The live line on a terminal: redrawn in place, out of the way of the build; nothing where there is no terminal."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import TextIO

from buildcast.live import alert_line, live_line
from streams.events import AlertRaised, Event, ForecastMade

__all__ = ["Screen"]

_ERASE = "\r\x1b[2K"


class Screen:
    """Shows the newest forecast after the build's last whole line, and alerts as lines of their own.

    `plain` writes a line on each change worth reading, for logs; without it and without a terminal nothing is shown.
    """

    def __init__(self, stream: TextIO | None = None, plain: bool = False, pause_seconds: float = 1.0) -> None:
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty()
        self.plain = plain and not self.terminal
        self._pause = pause_seconds
        self._lock = threading.Lock()
        self._shown_at = 0.0
        self._shown_risk: float | None = None
        self._shown_stage = ""

    @property
    def shows(self) -> bool:
        """Whether anything is seen of what is shown."""
        return self.terminal or self.plain

    def show(self, event: Event) -> None:
        """Take a core output; forecasts and alerts are shown, the rest is not."""
        match event:
            case AlertRaised():
                self._line(f"buildcast ▲ {alert_line(event)}")
            case ForecastMade():
                self._forecast(event)
            case _:
                return

    def say(self, text: str) -> None:
        """One sentence for the person, where there is a person."""
        self._line(f"buildcast: {text}")

    def _forecast(self, forecast: ForecastMade) -> None:
        now = time.monotonic()
        jump = self._shown_risk is None or abs(forecast.risk - self._shown_risk) >= 0.1
        if not (jump or forecast.stage != self._shown_stage or now - self._shown_at >= 10.0 * self._pause):
            return
        if not jump and now - self._shown_at < self._pause:
            return
        self._shown_at, self._shown_risk, self._shown_stage = now, forecast.risk, forecast.stage
        self._line(f"buildcast ▏{live_line(forecast, self._width() - 12)}")

    def _line(self, text: str) -> None:
        if not self.shows:
            return
        with self._lock:
            self.stream.write(f"{_ERASE}\x1b[2m{text}\x1b[0m\n" if self.terminal else f"{text}\n")
            self.stream.flush()

    @staticmethod
    def _width() -> int:
        return max(40, shutil.get_terminal_size((100, 24)).columns)
