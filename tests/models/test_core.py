"""The one door: what follows from a build's events, the same live, in batches, from a snapshot and on replay."""

from __future__ import annotations

import math

import pytest

from models.core import Core, CoreConfig
from models.forecaster import Forecaster
from models.tracker import TrackerLimits
from streams import events
from streams.codec import decode, encode
from tests.builders import T0, finished, sample, signal, started


def _core() -> Core:
    return Core(Forecaster())


def _of(kind: type[events.Event], outputs: list[events.Event]) -> list[events.Event]:
    return [output for output in outputs if isinstance(output, kind)]


def _play(core: Core, run_id: str, outcome: events.Outcome, at: float, errors: int = 0) -> list[events.Event]:
    """A whole run, its records folded as they come back from the log."""
    story: list[events.Event] = [started(run_id, at)]
    story += [signal(run_id, at + 10 + i, number=i) for i in range(errors)]
    story.append(finished(run_id, at + 60, outcome, started_at=at, seconds=60.0))
    outputs: list[events.Event] = []
    for event in story:
        new = core.handle(event)
        for output in new:
            core.forecaster.fold(output) if isinstance(output, events.RunOpened | events.ExampleRecorded) else None
        outputs += new
    return outputs


def test_a_start_gives_a_forecast_and_opens_the_run_for_the_fold() -> None:
    outputs = _core().handle(started())
    (forecast,), (opened,) = _of(events.ForecastMade, outputs), _of(events.RunOpened, outputs)
    assert isinstance(forecast, events.ForecastMade)
    assert isinstance(opened, events.RunOpened)
    assert forecast.trigger == "start"
    assert 0.0 < forecast.risk_lower <= forecast.risk <= forecast.risk_upper < 1.0
    assert opened.prior is not None
    assert forecast.model.offset == 0


def test_reasons_and_base_sum_to_the_logit_of_the_risk() -> None:
    core = _core()
    for number in range(6):
        _play(core, f"old-{number}", "failure" if number % 2 else "success", T0 + number * 100)
    outputs = [*core.handle(started("new", T0 + 1000)), *core.handle(signal("new", T0 + 1010))]
    for forecast in _of(events.ForecastMade, outputs):
        assert isinstance(forecast, events.ForecastMade)
        total = forecast.base_logit + math.fsum(reason.logit for reason in forecast.reasons)
        assert total == pytest.approx(math.log(forecast.risk / (1 - forecast.risk)), abs=1e-6)
        assert sum(forecast.blame.values()) == pytest.approx(1.0)


def test_a_compilers_error_raises_one_alert_with_its_reason() -> None:
    core = _core()
    core.handle(started())
    (alert,) = _of(events.AlertRaised, core.handle(signal()))
    assert isinstance(alert, events.AlertRaised)
    assert alert.risk >= 0.8
    assert "compiler error" in alert.reasons[0].text
    assert not _of(events.AlertRaised, core.handle(signal(number=2, at=T0 + 11)))
    (resolved,) = _of(events.AlertResolved, core.handle(finished(outcome="failure")))
    assert isinstance(resolved, events.AlertResolved)
    assert (resolved.alert_id, resolved.why) == (alert.alert_id, "finished-failure")


def test_a_finished_run_gives_one_example_with_its_checkpoints() -> None:
    core = _core()
    core.handle(started())
    core.handle(signal())
    (example,) = _of(events.ExampleRecorded, core.handle(finished(outcome="failure")))
    assert isinstance(example, events.ExampleRecorded)
    assert [checkpoint.trigger for checkpoint in example.checkpoints] == ["start", "signal"]
    assert example.prior is not None
    assert core.handle(finished(outcome="failure")) == []


def test_a_run_whose_start_was_lost_still_gives_an_example() -> None:
    (example,) = _core().handle(finished())
    assert isinstance(example, events.ExampleRecorded)
    assert (example.prior, example.checkpoints) == (None, [])


def test_the_same_event_again_changes_nothing() -> None:
    core = _core()
    core.handle(started())
    core.handle(signal())
    assert core.handle(signal()) == []
    assert core.handle(started()) == []
    assert core.tracker.runs["run-1"].errors == {"compile": 1}
    assert core.tracker.counts["repeated"] == 2


def test_ids_of_outputs_follow_from_the_input() -> None:
    first, second = _core().handle(started()), _core().handle(started())
    assert first == second


def test_a_batch_gives_the_same_digits_as_one_at_a_time() -> None:
    story = [started(f"run-{n}", T0 + n) for n in range(5)]
    story_all: list[events.Event] = [*story, *(signal(f"run-{n}", T0 + 10 + n) for n in range(5)), finished("run-3")]
    single, batched = _core(), _core()
    one_by_one = [single.handle(event, {"build-events.v1": i}) for i, event in enumerate(story_all)]
    at_once = batched.handle_batch([(event, {"build-events.v1": i}) for i, event in enumerate(story_all)])
    assert at_once == one_by_one


def test_a_state_that_was_stored_goes_on_as_if_nothing_had_happened() -> None:
    core = _core()
    core.handle(started())
    core.handle(
        events.HostSampled(id="h", source="/h", time=T0, host="host-1", metrics={"system.cpu.utilization": 0.2})
    )
    other = Core(core.forecaster)
    other.load(core.state())
    assert other.handle(signal()) == core.handle(signal())
    assert other.handle(finished()) == core.handle(finished())


def test_outputs_survive_the_wire() -> None:
    core = _core()
    outputs = [*_play(core, "a", "failure", T0, errors=2), *_play(core, "b", "success", T0 + 100)]
    assert [decode(encode(output)) for output in outputs] == outputs


def test_runs_are_evicted_oldest_first_and_counted() -> None:
    core = Core(Forecaster(), CoreConfig(limits=TrackerLimits(runs=2)))
    for number in range(3):
        core.handle(started(f"run-{number}", T0 + number))
    assert list(core.tracker.runs) == ["run-1", "run-2"]
    assert core.tracker.counts["evicted_run"] == 1


def test_signals_of_an_unknown_run_are_counted() -> None:
    core = _core()
    assert core.handle(signal("nobody")) == []
    assert core.tracker.counts["unknown_run"] == 1


def test_a_clock_that_jumps_back_gives_no_negative_time() -> None:
    core = _core()
    core.handle(started())
    (forecast,) = _of(events.ForecastMade, core.handle(signal(at=T0 - 3600)))
    assert isinstance(forecast, events.ForecastMade)
    assert forecast.elapsed_seconds == 0.0
    assert forecast.remaining is None or forecast.remaining.lower >= 0.0


def test_failures_teach_that_failures_are_likely() -> None:
    core = _core()
    before = core.handle(started("first", T0))[0]
    for number in range(20):
        _play(core, f"bad-{number}", "failure", T0 + 100 + number * 100)
    after = core.handle(started("last", T0 + 10_000))[0]
    assert isinstance(before, events.ForecastMade)
    assert isinstance(after, events.ForecastMade)
    assert after.risk > before.risk


def test_silence_without_work_beyond_the_usual_is_taken_for_a_hang() -> None:
    core = _core()
    core.handle(started())
    risks = []
    for number in range(1, 20):
        idle = sample(at=T0 + 5 * number, number=number, cpu_ratio=0.0, silent_seconds=5.0 * number)
        risks += [f.risk for f in core.handle(idle) if isinstance(f, events.ForecastMade)]
    assert risks[-1] > 0.8


def test_work_without_a_word_is_no_hang() -> None:
    core = _core()
    core.handle(started())
    for number in range(1, 20):
        busy = sample(at=T0 + 5 * number, number=number, cpu_ratio=0.9, silent_seconds=5.0 * number)
        assert not _of(events.AlertRaised, core.handle(busy))


def test_a_sample_that_shows_trouble_is_scored_at_once_and_a_quiet_one_in_its_turn() -> None:
    core = _core()
    core.handle(started())
    assert _of(events.ForecastMade, core.handle(sample(at=T0 + 5.0, number=1)))
    assert not _of(events.ForecastMade, core.handle(sample(at=T0 + 6.0, number=2)))
    full = {"memory_limit_bytes": 10**9, "rss_bytes": 990_000_000}
    (scored,) = _of(events.ForecastMade, core.handle(sample(at=T0 + 7.0, number=3, **full)))
    assert isinstance(scored, events.ForecastMade)
    assert "memory is nearly used up" in [reason.text for reason in scored.reasons]
    assert not _of(events.ForecastMade, core.handle(sample(at=T0 + 8.0, number=4, **full)))
