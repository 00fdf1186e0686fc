"""Whom a failing or slow run holds up: later packages, waiting runs, hosts; nobody where nobody waits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from models.core import Core
from models.forecaster import Forecaster
from models.impact import ImpactPolicy, lateness
from models.run_state import RunState
from streams import events
from tests.builders import HOST, T0, finished, run, sample, signal, started

PIPELINE = events.PipelineStarted(
    id="p", source="/p", time=T0, host=HOST, pipeline_id="p-1", name="lfs",
    packages=["binutils", "gcc-pass1", "glibc", "m4"],
)  # fmt: skip


def _queued(run_id: str, at: float = T0, host: str = HOST, **changes: Any) -> events.RunQueued:
    return events.RunQueued(id=f"{run_id}-queued", source="/q", time=at, host=host, run=run(run_id, **changes))


def _impacts(outputs: list[events.Event]) -> list[events.ImpactForecast]:
    return [one for one in outputs if isinstance(one, events.ImpactForecast)]


def _trained(seconds: float = 600.0) -> Core:
    """A core that knows how long gcc-pass1 takes."""
    core = Core(Forecaster())
    for number in range(30):
        at = T0 - 100_000 + number * 1000
        outputs = core.handle(started(f"old-{number}", at))
        outputs += core.handle(finished(f"old-{number}", at + seconds, started_at=at, seconds=seconds))
        for output in outputs:
            core.forecaster.fold(output) if isinstance(output, events.RunOpened | events.ExampleRecorded) else None
    return core


def test_a_failed_package_holds_up_all_that_are_built_after_it() -> None:
    core = Core(Forecaster())
    for event in (PIPELINE, started(pipeline_id="p-1")):
        core.handle(event)
    again = core.tracker.runs["run-1"].expected_seconds
    assert again is not None
    (impact,) = _impacts(core.handle(finished(outcome="failure", pipeline_id="p-1")))
    assert (impact.cause, impact.delay_seconds, impact.pipeline_id) == ("failed", again, "p-1")
    assert [(one.kind, one.name, one.delay_seconds) for one in impact.delayed] == [
        ("host", HOST, again), ("package", "glibc", again), ("package", "m4", again),
    ]  # fmt: skip


def test_a_failed_run_of_unknown_cost_is_done_again_in_the_time_it_took() -> None:
    core = Core(Forecaster())
    core.handle(PIPELINE)
    (impact,) = _impacts(core.handle(finished("never seen", outcome="failure", pipeline_id="p-1")))
    assert impact.delay_seconds == 60.0


def test_a_failed_job_holds_up_the_waiting_jobs_of_its_pipeline_and_their_hosts_but_no_queue() -> None:
    core = Core(Forecaster())
    for event in (started(pipeline_id="ci-1"), _queued("next", name="deploy", pipeline_id="ci-1", host="runner-2"),
                  _queued("stranger", name="x")):  # fmt: skip
        core.handle(event)
    (impact,) = _impacts(core.handle(finished(outcome="error", pipeline_id="ci-1")))
    assert {(one.kind, one.name) for one in impact.delayed} == {
        ("host", HOST), ("host", "runner-2"), ("package", "deploy")
    }  # fmt: skip


@pytest.mark.parametrize("outcome", ["success", "cancel"])
def test_a_run_that_did_not_fail_holds_up_nobody(outcome: events.Outcome) -> None:
    core = Core(Forecaster())
    for event in (PIPELINE, started(pipeline_id="p-1")):
        core.handle(event)
    assert _impacts(core.handle(finished(outcome=outcome, pipeline_id="p-1"))) == []


def test_a_failed_run_that_nobody_waits_for_is_no_impact() -> None:
    core = Core(Forecaster())
    core.handle(started())
    core.handle(_queued("waits only for the host"))
    assert _impacts(core.handle(finished(outcome="failure"))) == []


def test_a_slow_run_delays_the_queue_of_its_host_shared_among_what_runs_there() -> None:
    core = _trained()
    for event in (started("slow"), started("beside", T0 + 1), _queued("w-1", T0 + 2), _queued("w-2", T0 + 3)):
        core.handle(event)
    told: list[events.ImpactForecast] = []
    for number in range(1, 120):
        told += _impacts(core.handle(sample("slow", T0 + 60.0 * number, number)))
    assert told
    first = told[0]
    assert first.cause == "slow"
    assert first.delay_seconds >= 150.0  # a quarter of what was expected
    (queue,) = [one for one in first.delayed if one.kind == "queue"]
    assert (queue.name, queue.runs, queue.delay_seconds) == (HOST, 2, first.delay_seconds / 2)
    assert all(later.delay_seconds >= 2.0 * earlier.delay_seconds for earlier, later in pairwise(told))
    assert len({one.id for one in told}) == len(told) < 10


def test_a_run_that_will_probably_fail_holds_up_with_that_probability() -> None:
    core = _trained()
    for event in (PIPELINE, started("bad", pipeline_id="p-1")):
        core.handle(event)
    outputs = core.handle(signal("bad", T0 + 10, fatal=True))
    (alert,) = [one for one in outputs if isinstance(one, events.AlertRaised) and one.cause == "level"]
    (impact,) = [one for one in _impacts(outputs) if one.cause == "failing"]
    expected = core.tracker.runs["bad"].expected_seconds
    assert expected is not None
    assert impact.delay_seconds == pytest.approx(alert.risk * expected)
    assert [one.name for one in impact.delayed if one.kind == "package"] == ["glibc", "m4"]


def test_the_same_event_again_and_a_core_from_a_snapshot_tell_the_same() -> None:
    core, other = Core(Forecaster()), Core(Forecaster())
    for event in (PIPELINE, started(pipeline_id="p-1")):
        core.handle(event)
    other.load(core.state())
    end = finished(outcome="failure", pipeline_id="p-1")
    assert _impacts(core.handle(end)) == _impacts(other.handle(end)) != []
    assert core.handle(end) == []


def test_lateness_is_news_beyond_both_floors_and_again_when_it_has_doubled() -> None:
    state = RunState(run=run(), host=HOST, started_at=T0, seen_at=T0, expected_seconds=1000.0)
    policy = ImpactPolicy()
    assert lateness(state, 800.0, T0 + 300, policy) == 0.0  # 100 s late of 1000
    assert lateness(state, 1000.0, T0 + 300, policy) == 300.0
    state.told_delay_seconds = 300.0
    assert lateness(state, 1000.0, T0 + 500, policy) == 0.0
    assert lateness(state, 1000.0, T0 + 600, policy) == 600.0
    unknown = msgspec.structs.replace(state, expected_seconds=None)
    assert lateness(unknown, 1e9, T0, policy) == 0.0
    short = msgspec.structs.replace(state, expected_seconds=10.0, told_delay_seconds=0.0)
    assert lateness(short, 40.0, T0, policy) == 0.0  # half a minute is nobody's news


def test_many_delayed_ones_are_cut_with_hosts_and_queue_first() -> None:
    core = Core(Forecaster())
    many = msgspec.structs.replace(PIPELINE, packages=[f"p-{n}" for n in range(500)])
    for event in (many, started(name="p-0", pipeline_id="p-1")):
        core.handle(event)
    (impact,) = _impacts(core.handle(finished(outcome="failure", name="p-0", pipeline_id="p-1")))
    assert len(impact.delayed) == 200
    assert impact.delayed[0].kind == "host"
