"""Served forecasts scored against what happened: all together and by model, package and host."""

from __future__ import annotations

import math

import pytest

from models import ledger as module
from models.forecaster import Forecaster
from models.ledger import Ledger, fold_ledger
from streams.events import Checkpoint, Event, ExampleRecorded, Interval, LabelRevised, ModelRef, Outcome
from tests.builders import T0, run
from tests.models.histories import recorded


def _example(
    number: int, outcome: Outcome = "success", risks: tuple[float, ...] = (0.2,), *, seconds: float | None = 100.0,
    point: float = 100.0, name: str = "gcc", host: str = "h1", config: str = "default",
) -> ExampleRecorded:  # fmt: skip
    left = Interval(point=point, lower=point / 2, upper=point * 2)
    points = [
        Checkpoint(at=T0, elapsed_seconds=0.0, trigger="start", evidence=[], risk=risk, prior_logit=0.0,
                   remaining=left, model=ModelRef(config=config, offset=0))
        for risk in risks
    ]  # fmt: skip
    about = run(f"r{number}", name=name, project="lfs")
    return ExampleRecorded(id=f"e{number}", source="/t", time=T0 + 1000, host=host, outcome=outcome, started_at=T0,
                           run=about, seconds=seconds, checkpoints=points)  # fmt: skip


def _revised(number: int, verdict: str) -> LabelRevised:
    return LabelRevised(id=f"v{number}{verdict}", source="/t", time=T0, run_id=f"r{number}", verdict=verdict)  # type: ignore[arg-type]


def _folded(*events: Event) -> Ledger:
    return fold_ledger(enumerate(events))


def test_each_slice_is_scored_alone() -> None:
    ledger = _folded(
        _example(1, risks=(0.1,), name="gcc", host="h1", config="a"),
        _example(2, "failure", risks=(0.1,), name="glibc", host="h1", config="b"),
    )
    parts = {kind: {key: account.first["model"].log_loss for key, account in held.items()}
             for kind, held in ledger.parts.items()}  # fmt: skip
    right, wrong = pytest.approx(-math.log(0.9)), pytest.approx(-math.log(0.1))
    assert parts["model"] == {"a": right, "b": wrong}
    assert parts["package"] == {"lfs/gcc": right, "lfs/glibc": wrong}
    assert list(parts["host"]) == ["h1"]
    assert ledger.parts["host"]["h1"].first["model"] == ledger.whole.first["model"]


def test_baselines_stand_beside_on_the_same_labels() -> None:
    ledger = _folded(*(_example(i, "failure") for i in range(8)))
    first = ledger.whole.first
    assert {scores.labels for scores in first.values()} == {8}
    assert first["ewma5"].log_loss is not None
    assert first["model"].log_loss is not None
    assert first["ewma5"].log_loss < first["model"].log_loss


def test_every_forecast_of_a_run_is_scored_beside_its_first() -> None:
    account = _folded(_example(1, risks=(0.1, 0.5))).whole
    assert account.first["model"].log_loss == pytest.approx(-math.log(0.9))
    assert account.every_log_loss.value == pytest.approx((-math.log(0.9) - math.log(0.5)) / 2)


def test_intervals_and_durations_stand_beside_the_last_duration() -> None:
    account = _folded(_example(1, seconds=99.5, point=99.5), _example(2, seconds=199.5, point=399.5)).whole
    assert account.duration_error.value == pytest.approx(math.log(2) / 1.998)
    assert account.last_duration_error.value == pytest.approx(math.log(2))
    hit = _folded(_example(1)).whole
    assert (hit.coverage.value, hit.every_coverage.value) == (1.0, 1.0)
    missed = _folded(_example(1, seconds=201.0)).whole
    assert (missed.coverage.value, missed.every_coverage.value, missed.interval_seconds) == (0.0, 0.0, 150.0)


def test_what_a_forecast_expected_of_itself_is_compared_with_what_came() -> None:
    account = _folded(_example(1, risks=(0.5,))).whole
    assert account.surprise.value == pytest.approx(0.0)
    assert (_folded(_example(1, "failure", risks=(0.01,))).whole.surprise.value or 0.0) > 4.0


@pytest.mark.parametrize("before", [True, False])
def test_first_and_revised_scores_are_both_kept(before: bool) -> None:
    told, restated = _example(1, "failure", risks=(0.1,)), _revised(1, "success")
    ledger = _folded(*([restated, told] if before else [told, restated]), _revised(1, "success"))
    for account in (ledger.whole, ledger.parts["package"]["lfs/gcc"]):
        assert account.first["model"].log_loss == pytest.approx(-math.log(0.1))
        assert account.revised.log_loss == pytest.approx(-math.log(0.9))


@pytest.mark.parametrize("before", [True, False])
def test_a_label_that_says_nothing_leaves_the_revised_scores_and_may_come_back(before: bool) -> None:
    told, flaky = _example(1, "failure"), _revised(1, "flaky")
    both = [flaky, told] if before else [told, flaky]
    assert _folded(*both).whole.revised.labels == 0
    again = _folded(*both, _revised(1, "failure")).whole.revised
    assert again.labels == 1
    assert again.log_loss == pytest.approx(-math.log(0.2))


def test_unknown_runs_cancelled_runs_and_repeats_score_nothing() -> None:
    ledger = _folded(_revised(9, "success"), _example(1, "cancel"), _example(2), _example(2))
    assert ledger.whole.first["model"].labels == 1


def test_who_was_seen_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._LIMITS, "host", 2)
    monkeypatch.setattr(module, "_REVISABLE", 2)
    ledger = _folded(*(_example(i, host=host) for i, host in enumerate(["a", "b", "a", "c"])), _revised(1, "failure"))
    assert list(ledger.parts["host"]) == ["a", "c"]
    assert ledger.whole.revised == ledger.whole.first["model"]


def test_the_log_alone_gives_the_ledger_that_the_forecaster_keeps() -> None:
    log = recorded(60)
    log.insert(50, _revised(3, "success"))
    log.insert(100, _revised(55, "flaky"))
    forecaster = Forecaster()
    for offset, event in enumerate(log):
        forecaster.fold(event, offset)
    alone = fold_ledger(enumerate(log))
    assert alone.whole == forecaster.ledger.whole
    assert alone.parts == forecaster.ledger.parts
    assert alone.abort == forecaster.ledger.abort
