"""The risk before the start: reasons that add up, folds that cannot break, and proofs that nothing leaks."""

from __future__ import annotations

import math
import random

import msgspec
import pytest

from models.evaluation import Evaluation, replay
from models.history.fold import HistoryLimits
from models.risk import RiskConfig, RiskModel
from streams.events import Event, ExampleRecorded, Outcome, PriorFeatures, Run, RunFinished, RunOpened
from tests.builders import T0, run
from tests.models.histories import build_events, recorded


@pytest.fixture(scope="module")
def log() -> list[Event]:
    return recorded(400)


@pytest.fixture(scope="module")
def model(log: list[Event]) -> RiskModel:
    model = RiskModel()
    for event in log:
        match event:
            case RunOpened():
                model.open(event.run, event.time, event.prior, host=event.host)
            case ExampleRecorded():
                model.learn(event)
    return model


def _priors(log: list[Event], count: int = 50) -> list[PriorFeatures]:
    return [event.prior for event in log if isinstance(event, ExampleRecorded) and event.prior][-count:]


def test_base_and_reasons_sum_to_the_logit(model: RiskModel, log: list[Event]) -> None:
    for prior in _priors(log):
        scored = model.score(prior)
        total = scored.base_logit + math.fsum(reason.logit for reason in scored.reasons)
        assert total == pytest.approx(scored.logit, abs=1e-9)
        assert scored.risk == pytest.approx(1 / (1 + math.exp(-scored.logit)))


def test_score_is_within_its_interval_and_blame_sums_to_one(model: RiskModel, log: list[Event]) -> None:
    for prior in _priors(log):
        scored = model.score(prior)
        assert 0.0 < scored.lower <= scored.risk <= scored.upper < 1.0
        assert 0.0 < scored.confidence <= 1.0
        assert sum(scored.blame.values()) == pytest.approx(1.0)
        assert sum(scored.weights.values()) == pytest.approx(1.0)


def test_the_prior_speaks_alone_at_first_and_its_fading_voice_is_shown(model: RiskModel, log: list[Event]) -> None:
    prior = _priors(log)[-1]
    new, later = RiskModel().score(prior), model.score(prior)
    assert new.weights["prior"] == 1.0
    assert later.weights["prior"] == pytest.approx(40.0 / (model.labels + 40.0))
    assert later.members.keys() == {*model.config.chosen, "prior"}
    alone = RiskModel(RiskConfig(members=("prior",))).score(prior)
    assert (alone.members.keys(), alone.weights) == ({"prior"}, {"prior": 1.0})


@pytest.mark.parametrize(("outcome", "sure"), [("success", 0), ("failure", 1)])
def test_few_outcomes_of_one_kind_never_make_the_next_one_certain(outcome: Outcome, sure: int) -> None:
    """The least that n outcomes leave for the other kind is 1 / (2 n + 4) (after Krichevsky and Trofimov, 1981)."""
    model = RiskModel()
    for number in range(6):
        made = run(run_id=f"r{number}", project="p", branch="main")
        prior = model.describe(made, T0 + 100.0 * number)
        scored = model.score(prior)
        assert abs(sure - scored.risk) >= 1.0 / (2.0 * number + 4.0) - 1e-12
        assert model.risk(prior) == scored.risk
        assert len({reason.text for reason in scored.reasons}) == len(scored.reasons)
        model.open(made, T0 + 100.0 * number, prior)
        ended = T0 + 100.0 * number + 9.0
        model.learn(
            ExampleRecorded(id=f"e{number}", source="/test", time=ended, host="h", run=made, outcome=outcome,
                            prior=prior, started_at=ended - 9.0, seconds=9.0, checkpoints=[])
        )  # fmt: skip


def test_batch_gives_the_same_digits_as_one_by_one(model: RiskModel, log: list[Event]) -> None:
    priors = _priors(log)
    assert model.score_batch(priors) == [model.score(prior) for prior in priors]
    assert [model.risk(prior) for prior in priors] == [model.score_bare(prior).risk for prior in priors]


def test_example_without_features_or_of_another_schema_still_teaches_history() -> None:
    model = RiskModel()
    for number, prior in enumerate((None, PriorFeatures(schema="older", values=[1.0]))):
        model.learn(_example(f"r{number}", prior=prior))
    assert model.counts["without_features"] == 2
    assert model.history.fleet[0] > 2.0


def test_cancelled_run_leaves_flight_and_teaches_nothing() -> None:
    model = RiskModel()
    model.open(run("r1"), T0)
    model.learn(msgspec.structs.replace(_example("r1"), outcome="cancel"))
    assert model.labels == 0
    assert not model.history.flights.entries


def test_memory_is_bounded_and_what_was_forgotten_is_counted() -> None:
    model = RiskModel(RiskConfig(fast=True, limits=HistoryLimits(keys=5)))
    tables = model.history.scopes["branch"]
    for number in range(20):
        model.open(run(f"r{number}", branch=f"b{number}"), T0 + number)
    assert len(tables) == 5
    assert model.history.evicted() == 15


def test_outcomes_known_after_a_moment_change_no_earlier_score() -> None:
    events = list(build_events(300))
    cut = events[len(events) // 2].time
    turned = [_turned(event) if isinstance(event, RunFinished) and event.time > cut else event for event in events]
    honest, other = replay(events), replay(turned)
    before = [(run.id, run.risk, run.seconds) for run in honest.runs if run.at <= cut]
    assert before == [(run.id, run.risk, run.seconds) for run in other.runs if run.at <= cut]
    assert [run.risk for run in honest.runs] != [run.risk for run in other.runs]


def test_labels_shuffled_within_projects_leave_nothing_to_know() -> None:
    events = list(build_events(1200))
    draw = random.Random(7)
    labels: dict[str, list[Outcome]] = {}
    for event in events:
        if isinstance(event, RunFinished):
            labels.setdefault(event.project, []).append(event.outcome)
    for some in labels.values():
        draw.shuffle(some)
    shuffled = [
        msgspec.structs.replace(event, outcome=labels[event.project].pop()) if isinstance(event, RunFinished) else event
        for event in events
    ]
    assert replay(events).metrics()["mean_auc"] > 0.7
    assert replay(shuffled).metrics()["mean_auc"] < 0.56


@pytest.mark.parametrize("partitions", [8, 32])
def test_partitions_change_no_digit(partitions: int) -> None:
    events = list(build_events(150))
    assert _told(replay(events, partitions=partitions)) == _told(replay(events))


def test_fault_of_a_host_is_blamed_on_the_host() -> None:
    model, draw = RiskModel(), random.Random(11)
    shares = []
    for number in range(900):
        host = f"h{draw.randrange(4)}"
        faulty = host == "h0" and number > 600
        each = run(f"r{number}", name=f"p{draw.randrange(12)}", commit=f"c{number}")
        at = T0 + 600.0 * number
        prior = model.describe(each, at, host=host)
        if faulty and number > 700:
            shares.append(model.score(prior).blame["host"])
        model.open(each, at, prior, host=host)
        failed = draw.random() < (0.95 if faulty else 0.08)
        model.learn(_example(each.run_id, each, at + 60, failed, prior, host))
    assert sum(shares) / len(shares) >= 0.7


def _told(found: Evaluation) -> list[tuple[str, float]]:
    return [(run.id, run.risk) for run in found.runs]


def _turned(event: RunFinished) -> RunFinished:
    outcome = "success" if event.outcome == "failure" else "failure"
    return msgspec.structs.replace(event, outcome=outcome, seconds=event.seconds * 3.0)


def _example(
    run_id: str,
    each: Run | None = None,
    at: float = T0 + 60,
    failed: bool = True,
    prior: PriorFeatures | None = None,
    host: str = "",
) -> ExampleRecorded:
    return ExampleRecorded(
        id=f"{run_id}-x", source="/t", time=at, host=host, run=each or run(run_id), started_at=at - 60, seconds=60.0,
        outcome="failure" if failed else "success", prior=prior,
    )  # fmt: skip
