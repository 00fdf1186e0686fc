"""What a person reads of a forecast: one line. Pure."""

from __future__ import annotations

from streams.events import AlertRaised, ForecastMade

__all__ = ["alert_line", "clock", "live_line", "says_nothing", "time_left"]


def live_line(forecast: ForecastMade, width: int = 100) -> str:
    """Stage, risk, time left with its interval, and the first reason.

    >>> from streams.events import Interval, ModelRef
    >>> live_line(ForecastMade(id="1", source="/", time=0, run_id="r", name="gcc", project="lfs", elapsed_seconds=5,
    ...     trigger="start", risk=0.12, risk_lower=0.05, risk_upper=0.3, confidence=0.5, variance=0.0, stage="compile",
    ...     model=ModelRef(config="c", offset=0), remaining=Interval(point=80, lower=50, upper=130)))
    'compile · risk 12 % (5-30) · 1:20 left (0:50-2:10)'
    """
    parts = [
        forecast.stage or forecast.trigger,
        f"risk {forecast.risk * 100:.0f} % ({forecast.risk_lower * 100:.0f}-{forecast.risk_upper * 100:.0f})",
    ]
    if left := forecast.remaining:
        parts.append(time_left(left.point, left.lower, left.upper))
    if raising := [reason for reason in forecast.reasons if reason.logit > 0.2]:
        parts.append(raising[0].text)
    line = " · ".join(parts)
    return line if len(line) <= width else f"{line[: width - 1]}…"


def time_left(point: float, lower: float, upper: float) -> str:
    """Time left with its interval; an interval that says next to nothing is told as such.

    >>> time_left(80, 50, 130), time_left(180, 0, 50_000)
    ('1:20 left (0:50-2:10)', 'time left not known yet')
    """
    if says_nothing(point, upper):
        return "time left not known yet"
    return f"{clock(point)} left ({clock(lower)}-{clock(upper)})"


def says_nothing(point: float, upper: float) -> bool:
    """Whether an upper end is so far off that nobody is helped by the interval."""
    return upper > 30.0 * max(point, 20.0)


def alert_line(alert: AlertRaised) -> str:
    """An alert in one line: how likely, why."""
    why = alert.reasons[0].text if alert.reasons else alert.cause
    return f"this build will probably fail ({alert.risk:.0%}): {why}".replace("%", " %", 1)


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss.

    >>> clock(59.6), clock(3725)
    ('1:00', '1:02:05')
    """
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
