"""How long a run still takes, given how long it has lasted: a two-sided log-logistic around point and bounds.

Log-logistic because its conditional quantiles are one line and its tail is heavy: a run that is far past its bound is
expected to last about as long again (Lindy), as builds do. All values in seconds, bounds at 2.5 % and 97.5 %.
"""

from __future__ import annotations

import math

from streams.events import Interval

__all__ = ["doubt_of_tool", "given_elapsed", "with_progress"]

_EDGE = math.log(0.975 / 0.025)
_LEAST_SPREAD = 1e-3
_SURE_OF_TOOL = 0.05  # spread (log seconds) of elapsed / progress near the end of a run
_UNSURE_OF_TOOL = 0.9  # the same at the start


def given_elapsed(total: Interval, elapsed: float) -> Interval:
    """The total's forecast once it is known to exceed `elapsed`."""
    if elapsed <= 0.0:
        return total
    middle = math.log(max(total.point, 1e-3))
    low = max(_LEAST_SPREAD, (middle - math.log(max(total.lower, 1e-3))) / _EDGE)
    high = max(_LEAST_SPREAD, (math.log(max(total.upper, 1e-3)) - middle) / _EDGE)
    at = math.log(elapsed) - middle
    gone = _share(at / (low if at < 0.0 else high))
    left = 1.0 - gone
    lower, point, upper = (math.exp(middle + _spread_out(left * (1.0 - q), low, high)) for q in (0.025, 0.5, 0.975))
    return Interval(point=max(point, elapsed), lower=max(lower, elapsed), upper=max(upper, elapsed))


def doubt_of_tool(progress: float) -> float:
    """Spread (log seconds) of the total that a build tool's own count of its steps tells."""
    return _SURE_OF_TOOL + (_UNSURE_OF_TOOL - _SURE_OF_TOOL) * math.pow(max(0.0, 1.0 - progress), 1.5)


def with_progress(total: Interval, elapsed: float, progress: float | None, doubt: float) -> Interval:
    """Sharpen the total by the share that is done; `doubt`: spread (log seconds) of the total that this tells."""
    if progress is None or not 0.02 < progress <= 1.0 or elapsed <= 0.0:
        return total
    told = math.log(elapsed / progress)
    middle = math.log(max(total.point, 1e-3))
    half = max(_LEAST_SPREAD, (math.log(max(total.upper, 1e-3)) - math.log(max(total.lower, 1e-3))) / 3.92)
    # a forecast far off what the run shows is itself in doubt
    half = math.hypot(half, 0.5 * (told - middle))
    weight = half**2 / (half**2 + doubt**2)
    point = middle + weight * (told - middle)
    spread = 1.96 * math.sqrt((1.0 - weight) * half**2 + _LEAST_SPREAD**2)
    return Interval(point=math.exp(point), lower=math.exp(point - spread), upper=math.exp(point + spread))


def _share(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit)) if logit > -700.0 else 0.0


def _spread_out(surviving: float, low: float, high: float) -> float:
    """The quantile at which the share `surviving` is still running, as distance from the middle (log seconds)."""
    surviving = max(surviving, 1e-12)
    logit = math.log((1.0 - surviving) / surviving) if surviving < 1.0 else -30.0
    return logit * (low if logit < 0.0 else high)
