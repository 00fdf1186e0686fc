"""Clocks that are off are told, once a host (T11)."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from agents.metrics import create
from agents.skew import SkewWatch, skew_seconds


def record(*headers: tuple[str, bytes], at: float = 1000.0, kind: int = 1) -> Any:
    return SimpleNamespace(headers=headers, timestamp=at * 1000, timestamp_type=kind)


def test_skew_is_the_senders_clock_against_the_brokers() -> None:
    assert skew_seconds(record(("sent-at", b"1400.5"))) == 400.5
    assert skew_seconds(record(("sent-at", b"900"))) == -100.0


def test_without_both_clocks_nothing_is_claimed() -> None:
    assert skew_seconds(record()) is None
    for nonsense in (b"soon", b"", b"\xff", b"nan", b"inf", None):
        assert skew_seconds(record(("sent-at", nonsense))) is None  # type: ignore[arg-type]
    assert skew_seconds(record(("sent-at", b"9000"), kind=0)) is None


def test_more_than_five_minutes_are_counted_and_each_host_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    watch = SkewWatch(create(registry))
    with caplog.at_level(logging.WARNING):
        for sent in (b"173800", b"173800", b"1299"):
            watch.look("two-days-ahead", record(("sent-at", sent)))
        watch.look("behind", record(("sent-at", b"600")))
    name = "buildcast_clock_skewed_records_total"
    assert registry.get_sample_value(name, {"direction": "ahead"}) == 2.0
    assert registry.get_sample_value(name, {"direction": "behind"}) == 1.0
    assert [each.message for each in caplog.records] == [
        "the clock of host two-days-ahead is 172800 s ahead", "the clock of host behind is 400 s behind",
    ]  # fmt: skip
