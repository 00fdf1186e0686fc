"""What a person reads: one line a forecast where it is worth reading, alerts always, nothing where nobody looks."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from buildcast.picture import draw
from buildcast.screen import Screen
from streams import events
from tests.builders import one_of_each

FORECAST = next(event for event in one_of_each() if isinstance(event, events.ForecastMade))
ALERT = next(event for event in one_of_each() if isinstance(event, events.AlertRaised))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_written_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.show(FORECAST)
    screen.show(ALERT)
    screen.say("hello")
    assert stream.getvalue() == ""


def test_a_terminal_shows_stage_risk_time_left_and_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    stream = _Terminal()
    Screen(stream).show(FORECAST)
    assert "risk 25 % (10-50) · 1:00 left (0:40-2:00) · branch broke 3 of its last 4 runs" in stream.getvalue()


def test_the_same_risk_again_is_not_shown_again() -> None:
    stream = io.StringIO()
    screen = Screen(stream, plain=True)
    screen.show(FORECAST)
    screen.show(FORECAST)
    assert stream.getvalue().count("\n") == 1


def test_an_alert_says_how_likely_and_why() -> None:
    stream = io.StringIO()
    Screen(stream, plain=True).show(ALERT)
    assert "this build will probably fail (90 %): branch broke 3 of its last 4 runs" in stream.getvalue()


def _drawn(report: dict[str, object]) -> str:
    stream = io.StringIO()
    Console(file=stream, width=120).print(draw(report))
    return stream.getvalue()


def _report(**changes: object) -> dict[str, object]:
    forecast = {
        "at": 0.0, "elapsed_seconds": 1.0, "trigger": "start", "risk": 0.25, "risk_lower": 0.1, "risk_upper": 0.5,
        "remaining_seconds": {"point": 60.0, "lower": 40.0, "upper": 120.0}, "reasons": [{"text": "why", "logit": 1.0}],
    }  # fmt: skip
    later = forecast | {"elapsed_seconds": 40.0, "risk": 0.97, "trigger": "signal", "remaining_seconds": None}
    base = {
        "run_id": "r", "name": "gcc", "outcome": "failure", "error_class": "",
        "started_at": 0.0, "finished_at": 50.0, "seconds": 50.0,
        "forecasts": [forecast, later],
        "alerts": [{"risk": 0.97, "cause": "level", "reasons": [{"text": "x.c: error"}]}],
        "impacts": [],
        "analysis": None,
    }  # fmt: skip
    return base | changes


def test_the_picture_tells_outcome_curve_and_alert() -> None:
    drawn = _drawn(_report())
    for said in ("failure", "0:50", "25% → 97%", "1:00 (0:40-2:00)", "0:49", "unknown", "x.c: error"):
        assert said in drawn


def test_a_forecast_that_says_nothing_new_has_no_row() -> None:
    unknown = {"point": 180.0, "lower": 0.0, "upper": 1e6}
    told = [_forecast(second, 0.25, unknown) for second in range(1, 30, 4)]
    assert _drawn(_report(forecasts=told, seconds=None)).count("not known yet") == 1
    known = {"point": 60.0, "lower": 40.0, "upper": 120.0}
    moved = [*told[:3], _forecast(14, 0.6, unknown), _forecast(18, 0.61, unknown), _forecast(22, 0.62, known)]
    drawn = _drawn(_report(forecasts=moved, seconds=None))
    assert [moment for moment in ("0:01", "0:05", "0:14", "0:18", "0:22") if moment in drawn] == [
        "0:01",
        "0:14",
        "0:22",
    ]


def _forecast(second: int, risk: float, left: dict[str, float]) -> dict[str, object]:
    return {
        "at": 0.0, "elapsed_seconds": float(second), "trigger": "resource", "risk": risk, "risk_lower": 0.0,
        "risk_upper": 1.0, "remaining_seconds": left, "reasons": [],
    }  # fmt: skip


def test_the_picture_names_whom_the_run_holds_up() -> None:
    delayed = [{"kind": "host", "name": "h-1", "delay_seconds": 720.0},
               {"kind": "queue", "name": "h-1", "delay_seconds": 80.0, "runs": 3},
               *({"kind": "package", "name": f"p{n}", "delay_seconds": 720.0} for n in range(5))]  # fmt: skip
    impact = {"time": 1.0, "cause": "slow", "delay_seconds": 720.0, "delayed": delayed}
    drawn = " ".join(_drawn(_report(impacts=[impact, impact | {"cause": "failing"}])).replace("│", " ").split())
    for said in ("is late: holds up p0, p1, p2 and 2 more by about 12 min", "3 waiting for h-1 by about 80 s; on h-1"):
        assert said in drawn
    assert "will probably fail" not in drawn
    alone = [
        {"kind": "host", "name": "h", "delay_seconds": 1.0},
        {"kind": "package", "name": "m4", "delay_seconds": 1.0},
    ]
    assert "has failed: holds up m4" in _drawn(_report(impacts=[impact | {"cause": "failed", "delayed": alone}]))


def test_the_picture_tells_what_held_the_run_back_and_what_would_save_time() -> None:
    saving = {"point": 90.0, "lower": -20.0, "upper": 150.0}
    analysis = {
        "held_back": [{"resource": "io", "share": 0.3, "seconds": 180.0, "text": "some task waited for the disk"}],
        "advice": [{"change": "jobs=8", "text": "-j8", "saving_seconds": saving}],
        "checked": [{"change": "cache=warm", "run_id": "r0", "expected": saving, "saved_seconds": -30.0}],
    }
    drawn = " ".join(_drawn(_report(analysis=analysis)).replace("│", " ").split())
    for said in (
        "held back 3 min (30%): io, some task waited for the disk",
        "advice -j8: saves about 2 min (-20 s to 2 min)",
        "cache=warm saved -30 s, about 2 min was foretold: not as foretold",
    ):
        assert said in drawn


def test_a_running_build_without_forecasts_has_a_picture_too() -> None:
    drawn = _drawn(_report(outcome=None, seconds=None, forecasts=[], alerts=[]))
    assert "running" in drawn
    assert "No forecast" in drawn


def test_a_long_curve_shows_its_largest_changes() -> None:
    one = _report()["forecasts"][0]  # type: ignore[index]
    many = [one | {"elapsed_seconds": float(i), "risk": 0.9 if i >= 20 else 0.1} for i in range(40)]
    assert "90%" in _drawn(_report(forecasts=many, seconds=None))
