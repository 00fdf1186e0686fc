"""Logs alone, without history: where the alert stands among the lines."""

from __future__ import annotations

from bench.logs import first_alert

HEALTHY = ["checking for gcc... gcc", *(f"gcc -Werror -c error{n}.c" for n in range(50)), "PASS: error"]


def test_a_healthy_log_alerts_nowhere() -> None:
    assert first_alert(HEALTHY) is None


def test_the_alert_stands_at_the_first_error_and_not_at_the_end_of_make() -> None:
    lines = [*HEALTHY, "a.c:1:1: error: x", *HEALTHY, "make: *** [Makefile:1: a.o] Error 1"]
    assert first_alert(lines) == len(HEALTHY) / len(lines)


def test_a_network_error_alone_is_no_alert_but_a_tool_that_gave_up_is() -> None:
    assert first_alert([*HEALTHY, "  Could not connect to x:80, connection timed out"]) is None
    assert first_alert([*HEALTHY, "curl: (6) Could not resolve host: example.org"]) is not None
