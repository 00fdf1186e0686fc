"""The figures of time left, on forecasts whose truth is known."""

from __future__ import annotations

import pytest

from bench.left import summary


def _row(elapsed: float, point: float, upper: float, last: float = 80.0) -> dict[str, float]:
    return {"seconds": 100.0, "elapsed": elapsed, "point": point, "lower": 0.0, "upper": upper, "last": last}


def test_errors_are_shares_of_the_runs_length_beside_the_last_durations() -> None:
    found = summary([_row(10.0, 80.0, 100.0), _row(20.0, 50.0, 70.0), _row(90.0, 10.0, 12.0)])
    assert list(found) == ["0% to 25% of the run passed", "75% to 100% of the run passed"]
    early, late = found.values()
    assert early["forecasts"] == 2
    assert early["mean error"] == pytest.approx(0.2)
    assert early["last duration's mean error"] == pytest.approx(0.2)
    assert early["inside the 95 % interval"] == 0.5
    assert late["median error"] == 0.0
    assert late["last duration's median error"] == pytest.approx(0.1)
    assert late["median width of the interval over the run's length"] == pytest.approx(0.12)
