"""`buildcast run --abort`: the forecasts' verdicts on a build, acted on once such verdicts have proven right.

Without enough evidence nothing is stopped, but it is said what would have been. Source of the limits: models/abort.py.
"""

from __future__ import annotations

from collections.abc import Callable

from buildcast.live import clock
from collectors.stop import Stop
from models.abort import MIN_VERDICTS, MOST_WRONG
from streams.events import Event, ForecastMade

__all__ = ["STOPPED_EXIT_CODE", "GivingUp"]

STOPPED_EXIT_CODE = 124  # as of timeout(1)


class GivingUp:
    """Sees the forecasts of one build."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._held_back = ""

    def beside(self, show: Callable[[Event], None]) -> Callable[[Event], None]:
        """To be told of the outputs after whoever shows them."""

        def both(event: Event) -> None:
            show(event)
            self.see(event)

        return both

    def see(self, event: Event) -> None:
        """Take a core output; the first trusted verdict stops the build."""
        if not isinstance(event, ForecastMade) or event.abort is None:
            return
        verdict = event.abort
        left = event.remaining.point if event.remaining else 0.0
        why = f"risk {event.risk * 100:.0f} % after {clock(event.elapsed_seconds)}, about {clock(left)} were left"
        if verdict.trusted:
            self._stop.ask(why)
        elif not self._held_back:
            right = f"{verdict.wrong} of {verdict.verdicts} such verdicts so far were wrong"
            asked = f"{MIN_VERDICTS} with at most {MOST_WRONG * 100:.0f} % wrong are asked"
            self._held_back = f"{why}; {right}, {asked}"

    def said(self) -> str:
        """What became of it, in a sentence for the person; empty where there was no verdict."""
        if self._stop.reason:
            return f"this build was given up ({self._stop.reason}); exit code {STOPPED_EXIT_CODE}"
        return f"this build would have been given up ({self._held_back})" if self._held_back else ""
