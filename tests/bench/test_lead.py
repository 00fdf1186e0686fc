"""Figures of watched builds: what counts as a sign, as early, as false."""

from __future__ import annotations

from typing import Any

import pytest

from bench.early import mixed
from bench.faults import FAULTS, HEALTHY
from bench.lead import first_sign, plain, summary


def _row(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "package": "p", "fault": "source-error", "history": "cold", "failed": True, "seconds": 100.0,
        "first_sign": 20.0, "alert_event_at": 21.0, "alert_at": 60.0,
    }  # fmt: skip
    return given | changes


def _figures(*rows: dict[str, Any]) -> dict[str, Any]:
    figures: dict[str, Any] = summary(rows)["cold"]
    return figures


def test_the_first_line_of_trouble_that_healthy_builds_do_not_print_is_the_first_sign() -> None:
    seen = [(1.0, "checking for error 17"), (2.0, "gcc -c a.c"), (3.0, "a.c:1: error: x"), (4.0, "make: *** Error 1")]
    assert first_sign("source-error", seen, {plain("checking for error 3")}) == 3.0
    assert first_sign("source-error", seen, set()) == 1.0
    assert first_sign("source-error", seen[1:2], set()) is None


def test_words_of_the_product_itself_are_no_sign() -> None:
    assert first_sign("source-error", [(1.0, "buildcast ▲ error"), (2.0, "FAIL: x")], set()) == 2.0


def test_a_hang_shows_itself_by_the_line_before_its_silence() -> None:
    seen = [(1.0, "gcc -c a.c"), (2.0, "gcc -c b.c"), (9.0, "buildcast ▏"), (60.0, "make: *** Terminated")]
    assert first_sign("hang", seen, set()) == 2.0
    assert first_sign("hang", seen[:1], set()) is None


def test_alerts_count_by_their_time_and_by_the_screen_apart() -> None:
    figures = _figures(_row())
    assert (figures["flagged_before_half_time"], figures["on_screen_before_half_time"]) == (1.0, 0.0)
    assert figures["median_seconds_from_sign_to_alert"] == pytest.approx(1.0)
    assert figures["median_lead_share"] == pytest.approx(0.79)


def test_a_sign_that_is_the_end_warns_of_nothing() -> None:
    figures = _figures(_row(first_sign=96.0, alert_event_at=96.5), _row(first_sign=None, alert_event_at=None))
    assert figures["failures_with_a_sign_before_their_end"] == 0
    assert figures["flagged_before_half_time"] is None
    assert figures["recall"] == 0.5
    assert figures["missed"] == ["p source-error"]


def test_a_late_sign_counts_against_half_time_but_not_against_what_could_be_told() -> None:
    figures = _figures(_row(), _row(first_sign=80.0, alert_event_at=80.0))
    assert figures["flagged_before_half_time"] == 0.5
    assert figures["of_these_flagged_before_half_time"] == 1.0


def test_an_alert_in_a_healthy_run_is_false() -> None:
    figures = _figures(_row(), _row(failed=False, fault="warnings"), _row(failed=False, alert_event_at=None))
    assert (figures["precision"], figures["healthy_without_alert"]) == (0.5, 0.5)
    assert figures["false"] == ["p warnings"]


def test_parts_of_the_matrix_hold_every_fault_between_them_each_with_a_healthy_build() -> None:
    assert sorted(kind for part in range(3) for kind in mixed(part, 3) if kind in FAULTS) == sorted(FAULTS)
    assert all(kind in HEALTHY for kind in mixed()[1::2])
