"""The benchmark's own parts: the same work for all, delays and profiles reckoned rightly, what is missing named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from agents.outbox import record_of
from bench.live import throughput
from bench.live.hotspots import shares
from bench.live.latency import percentiles, runs_for, schedule
from bench.live.replica import closely_watched
from bench.live.task import INPUT, EmptyTask, FullTask
from bench.live.throughput import Missing, summary
from bench.live.traffic import builds, sizes
from streams.codec import decode
from streams.events import ExampleRecorded, ForecastMade, RunStarted


def test_the_full_task_forecasts_and_learns_from_each_run_that_ends() -> None:
    task = FullTask()
    outputs = [out for each in builds(200) for out in task(0, each.key or b"", each.value, each.headers)]
    kinds = Counter(type(decode(value, headers)) for _, _, value, headers in outputs)
    assert kinds[ForecastMade] == task.forecasts > 100
    assert (
        task._forecaster.counts["learned_success"] + task._forecaster.counts["learned_failure"]
        == (kinds[ExampleRecorded])
    )


def test_the_empty_task_sends_one_constant_a_record() -> None:
    task = EmptyTask()
    assert task(3, b"host", b"anything", []) == [("predictions.v1", b"host", b'{"risk":0.5}' * 25, [])]
    assert task.forecasts == 1


def test_traffic_is_the_same_each_time_on_one_topic() -> None:
    first = builds(100)
    builds.cache_clear()
    assert first == builds(100)
    assert {record.topic for record in first} == {INPUT}


def test_sizes_are_means_of_what_is_sent() -> None:
    records = builds(200)
    found = sizes(records)
    assert found["event"] == sum(len(each.value) for each in records) / len(records)
    assert found["forecast"] > found["event"]
    assert found["example"] > 0


def test_percentiles_are_nearest_ranks_in_milliseconds() -> None:
    found = percentiles([number / 1000.0 for number in range(1, 201)])
    assert found == {"p50": 100.0, "p99": 198.0, "count": 200.0}
    assert percentiles([0.007]) == {"p50": 7.0, "p99": 7.0, "count": 1.0}


@pytest.mark.parametrize(("rate", "samples"), [(500, 744), (2_000, 16_000)])
def test_every_scheduled_event_calls_for_a_forecast_of_its_own(rate: int, samples: int) -> None:
    events, runs = schedule(rate, samples, 1_760_000_000.0), runs_for(samples)
    assert sum(isinstance(event, RunStarted) for event in events) == runs
    keys = {(getattr(event, "run_id", None) or event.run.run_id, event.time) for event in events}  # type: ignore[attr-defined]
    assert len(keys) == len(events) == runs + samples
    homes = {
        (run_id, event.host) for event in events for run_id in [getattr(event, "run_id", None) or event.run.run_id]
    }  # type: ignore[attr-defined]
    assert len(homes) == runs  # one that moved would be unknown to the partition of its new host
    task, mine = FullTask(), [event for number, event in enumerate(events) if number % runs < 4]  # of a few runs, all
    for record in map(record_of, mine):
        task(0, record.key or b"", record.value, record.headers)
    assert task.forecasts == len(mine)


def test_medians_are_taken_of_rounds_and_every_rate_is_kept() -> None:
    rounds = [
        {"events": 100, "forecasts": 80, "seconds": seconds, "cpu_seconds": 0.01 * seconds}
        for seconds in (1.0, 4.0, 2.0)
    ]
    found = summary(rounds)
    assert found["events_per_second"] == 50.0
    assert found["cpu_us"] == pytest.approx(200.0)
    assert found["rates"] == [100.0, 25.0, 50.0]


def test_a_profile_leaves_out_waiting_and_names_packages() -> None:
    stats = {
        ("~", 0, "<method 'poll' of 'select.epoll' objects>"): (1, 1, 100.0, 100.0, {}),
        ("/x/models/risk.py", 10, "score"): (5, 5, 3.0, 4.0, {}),
        ("/v/site-packages/aiokafka/producer/producer.py", 1, "send"): (5, 5, 1.0, 1.0, {}),
    }
    found = shares(stats)
    assert found["packages"] == {"models": 0.75, "aiokafka": 0.25}
    assert found["functions"][0] == {"function": "models: risk.score", "own": 0.75, "with_callees": 1.0, "calls": 5}


def test_a_peer_without_its_environment_is_missing_not_faked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "PEERS_PYTHON", tmp_path / "no-such-python")
    with pytest.raises(Missing, match="make bench"):
        throughput.run("quix", "127.0.0.1:1", "full", 1, tmp_path)


def test_closely_watched_runs_are_scored_at_their_first_two_events_and_learned_at_their_end() -> None:
    task, kinds = FullTask(), Counter[type]()
    for record in closely_watched(0, 1000):
        for _, _, value, headers in task(0, record.key or b"", record.value, record.headers):
            kinds[type(decode(value, headers))] += 1
    assert (kinds[ForecastMade], kinds[ExampleRecorded]) == (20, 10)
    assert closely_watched(300, 5) == closely_watched(0, 1000)[300:305]


def test_contenders_that_did_other_work_are_not_compared() -> None:
    same = {"events": 10, "forecasts": 8, "seconds": 1.0, "cpu_seconds": 1.0}
    throughput._refuse_other_work("full", 10, {"a": [same], "b": [same]})
    with pytest.raises(RuntimeError, match="differ"):
        throughput._refuse_other_work("full", 10, {"a": [same], "b": [same | {"forecasts": 7}]})
    with pytest.raises(RuntimeError, match="of 11"):
        throughput._refuse_other_work("full", 11, {"a": [same]})


def test_no_answer_at_all_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="not one event"):
        percentiles([])
