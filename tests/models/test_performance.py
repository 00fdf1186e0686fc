"""What held a run back, what would save time by how much, and whether advice that was followed kept its word."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.advisor import Advisor
from models.core import Core
from models.duration import DurationModel
from models.forecaster import Forecaster
from models.performance import advise, held_back
from streams import events
from tests.builders import HOST, T0, finished, run, sample, started


def _example(seconds: float = 600.0, host: str = HOST, outcome: str = "success", **changes: Any) -> Any:
    use = changes.pop("use", {"watched": seconds, "cpu": seconds * 3.8})
    described = run(changes.pop("run_id", "run-1"), **{"parallelism": 4, "cpu_count": 4} | changes)
    return events.ExampleRecorded(
        id=described.run_id, source="/t", time=T0 + seconds, host=host, run=described, outcome=outcome,  # type: ignore[arg-type]
        started_at=T0, seconds=seconds, use=use,
    )  # fmt: skip


def _resources(**use: float) -> list[str]:
    return [one.resource for one in held_back(_example(use={"watched": 600.0, "cpu": 2400.0} | use))]


def test_nothing_held_back_a_run_that_used_all_its_cores() -> None:
    assert _resources() == []


@pytest.mark.parametrize(
    ("kind", "resource"),
    [("memory_wait", "memory"), ("io_wait", "io"), ("cpu_wait", "cpu"), ("idle", "network"), ("alone", "lock-step")],
)
def test_what_took_a_third_of_the_time_is_named(kind: str, resource: str) -> None:
    assert _resources(**{kind: 200.0}) == [resource]


def test_the_worst_stands_first_and_shares_are_of_the_watched_time() -> None:
    worst, other = held_back(_example(use={"watched": 600.0, "cpu": 900.0, "io_wait": 300.0, "memory_wait": 60.0}))
    assert (worst.resource, worst.share, worst.seconds) == ("io", 0.5, 300.0)
    assert (other.resource, other.share) == ("memory", 0.1)


def test_too_many_jobs_and_too_few_are_both_told() -> None:
    crowded = _example(parallelism=16, use={"watched": 600.0, "cpu": 2400.0, "cpu_wait": 400.0})
    assert [(one.resource, one.text) for one in held_back(crowded)] == [("jobs", "16 jobs wait for 4 cores")]
    narrow = _example(parallelism=1, use={"watched": 600.0, "cpu": 590.0})
    assert [(one.resource, one.share) for one in held_back(narrow)] == [("jobs", 0.75)]


def test_a_run_that_was_not_watched_gets_no_judgement() -> None:
    assert held_back(_example(use={})) == []
    assert advise(_example(use={}), DurationModel()) == []


def test_more_jobs_save_what_amdahls_law_says_where_nothing_is_known() -> None:
    narrow = _example(parallelism=2, cpu_count=8, use={"watched": 600.0, "cpu": 1100.0, "alone": 60.0})
    (advice,) = advise(narrow, DurationModel())
    assert advice.change == "jobs=8"
    assert advice.saving_seconds.point == pytest.approx(600.0 * (1.0 - (0.1 + 0.9 * 2 / 8)))
    assert advice.saving_seconds.lower < advice.saving_seconds.point < advice.saving_seconds.upper


def test_what_the_model_has_timed_outweighs_the_law() -> None:
    model = DurationModel()
    for number in range(40):
        for jobs in (2, 8):
            one = _example(590.0 + 10 * (number % 3), run_id=f"{number}-{jobs}", parallelism=jobs, cpu_count=8)
            model.learn(one)
    narrow = _example(parallelism=2, cpu_count=8, use={"watched": 600.0, "cpu": 1100.0, "alone": 60.0})
    told = advise(narrow, model)
    assert not told or told[0].saving_seconds.point < 200.0  # eight jobs never were any quicker


def test_a_quicker_host_and_a_warm_cache_are_advised_once_they_are_known() -> None:
    model = DurationModel()
    cold = _example(600.0, "slow", cache_warm=False)
    assert advise(cold, model) == []
    for number in range(12):
        for host, factor in (("slow", 2.0), ("quick", 1.0)):
            for warm, saved in ((False, 1.0), (True, 0.5)):
                seconds = 300.0 * factor * saved
                model.learn(_example(seconds, host, run_id=f"{number}{host}{warm}", cache_warm=warm))
    told = {one.change: one.saving_seconds for one in advise(cold, model)}
    assert set(told) == {"host=quick", "cache=warm"}
    assert 200.0 < told["host=quick"].point < 400.0
    assert 200.0 < told["cache=warm"].point < 400.0


def test_waiting_for_disk_or_memory_bounds_what_can_be_saved() -> None:
    waited = _example(use={"watched": 600.0, "cpu": 900.0, "io_wait": 240.0, "memory_wait": 120.0})
    told = {one.change: one.saving_seconds for one in advise(waited, DurationModel())}
    assert (told["disk=memory"].lower, told["disk=memory"].upper) == (0.0, 240.0)
    assert told["memory=more"].upper == 120.0


def test_a_failed_run_gets_no_advice_on_time() -> None:
    assert advise(_example(outcome="failure", parallelism=1), DurationModel()) == []


@given(
    st.dictionaries(
        st.sampled_from(["cpu", "alone", "idle", "cpu_wait", "memory_wait", "io_wait"]), st.floats(0.0, 600.0)
    ),
    st.integers(1, 64),
    st.integers(1, 64),
)
def test_savings_are_ordered_and_never_more_than_the_run(use: dict[str, float], jobs: int, cores: int) -> None:
    one = _example(parallelism=jobs, cpu_count=cores, use={"cpu": 0.0} | use | {"watched": 600.0})
    for advice in advise(one, DurationModel()):
        saving = advice.saving_seconds
        assert saving.lower <= saving.point <= saving.upper <= 600.0
    assert all(0.0 <= each.share <= 1.0 for each in held_back(one))


def test_followed_advice_is_held_against_what_the_next_run_took() -> None:
    advisor, model = Advisor(), DurationModel()
    narrow = _example(parallelism=2, cpu_count=4, use={"watched": 600.0, "cpu": 1190.0})
    advisor.learn(narrow, model)
    (checked,) = advisor.analyse(_example(360.0, run_id="run-2"), model)[2]
    assert (checked.change, checked.run_id, checked.saved_seconds) == ("jobs=4", "run-1", 240.0)
    assert checked.expected.lower <= 240.0 <= checked.expected.upper


@pytest.mark.parametrize("changes", [{"parallelism": 2}, {"host": "another"}, {"outcome": "failure"}])
def test_advice_that_was_not_followed_alone_or_to_success_is_not_judged(changes: dict[str, Any]) -> None:
    advisor, model = Advisor(), DurationModel()
    advisor.learn(_example(parallelism=2, cpu_count=4, use={"watched": 600.0, "cpu": 1190.0}), model)
    assert advisor.analyse(_example(360.0, run_id="run-2", **changes), model)[2] == []


def test_the_core_tells_of_a_run_that_waited_for_its_disk_when_it_ends() -> None:
    core = Core(Forecaster())
    core.handle(started(parallelism=4, cpu_count=4))
    for second in range(10, 100, 10):
        core.handle(sample("run-1", T0 + second, number=second, cpu_ratio=1.0, pressure={"io": 0.5}))
    outputs = core.handle(finished("run-1", T0 + 100, "success", started_at=T0, seconds=100.0))
    (analysed,) = [one for one in outputs if isinstance(one, events.RunAnalysed)]
    assert {one.resource for one in analysed.held_back} == {"io", "lock-step"}
    assert analysed.advice[0].change == "disk=memory"
    (example,) = [one for one in outputs if isinstance(one, events.ExampleRecorded)]
    assert example.use == {"watched": 90.0, "cpu": 90.0, "alone": 90.0, "io_wait": 45.0}


def test_a_run_in_which_nothing_was_seen_is_not_spoken_of() -> None:
    core = Core(Forecaster())
    core.handle(started())
    outputs = core.handle(finished("run-1", T0 + 100, "success", started_at=T0, seconds=100.0))
    assert not [one for one in outputs if isinstance(one, events.RunAnalysed)]
