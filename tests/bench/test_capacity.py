"""What is computed on paper follows from the figures it is given."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.capacity import Measured, Site, limits, plan

MEASURED = Measured(
    event_cpu_us=500.0, examples_per_second=3000.0, sink_rows=6000.0, event_bytes=500.0, forecast_bytes=3000.0,
    example_bytes=6000.0, worker_mib=200.0,
)  # fmt: skip
SITE = Site(run_seconds=100.0, facts_per_run=5.0, run_sample_seconds=5.0, host_sample_seconds=10.0)


def test_a_host_sends_samples_and_the_facts_of_its_runs() -> None:
    assert SITE.events == pytest.approx(0.2 + 0.1 + 0.05)
    assert SITE.forecasts == pytest.approx(0.2 + 0.04)


def test_a_plan_by_hand() -> None:
    found = plan(10_000, SITE, MEASURED)
    assert found.events == pytest.approx(3500.0)
    assert found.fold_share == pytest.approx(100.0 / 3000.0)
    assert found.workers == 4  # 1.75 cores of scoring; 0.567 of each worker are left for it
    assert found.partitions == 16
    assert found.rows_per_day == pytest.approx(10_000 * (0.24 + 0.1 + 0.06) * 86_400)
    assert found.sinks == 2  # 4,000 rows a second, 3,600 a database
    assert found.bytes_per_day == pytest.approx((3500 * 500 + 2400 * 3000 + 100 * 6000) * 86_400)
    assert found.brokers == 3


@given(st.integers(1, 100_000), st.integers(1, 100_000))
def test_more_hosts_never_need_less(some: int, more: int) -> None:
    one, two = plan(min(some, more), SITE, MEASURED), plan(max(some, more), SITE, MEASURED)
    assert (one.workers, one.partitions, one.sinks, one.brokers) <= (
        two.workers, two.partitions, two.sinks, two.brokers,
    )  # fmt: skip
    assert one.rows_per_day <= two.rows_per_day


def test_what_gives_out_first_stands_first_and_follows_the_figures() -> None:
    found = limits(SITE, MEASURED)
    assert [each.hosts for each in found] == sorted(each.hosts for each in found)
    assert found[0].what == "one database's writes"
    assert found[0].hosts == pytest.approx(3600.0 / 0.4)
    slow = limits(SITE, replace(MEASURED, examples_per_second=1.0))
    assert "fold" in slow[0].what
    assert slow[0].hosts == pytest.approx(60.0)
