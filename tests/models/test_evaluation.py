"""Real histories: nothing of the future reaches a score, partitions change no digit, baselines are beaten."""

from __future__ import annotations

import dataclasses
import random

import msgspec
import pytest

from models.evaluation import Evaluation, replay
from models.forecaster import ForecasterConfig
from models.records.ci import Record, events_of
from models.risk import RiskConfig
from streams.errors import InvalidEvent
from tests.models.real import travis_records

pytestmark = pytest.mark.data
QUICK = ForecasterConfig(risk=RiskConfig(fast=True))


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return travis_records(2500)


@pytest.fixture(scope="module")
def honest(records: list[Record]) -> Evaluation:
    return replay(events_of(records), QUICK)


def test_every_outcome_and_duration_known_later_may_change_and_no_earlier_forecast_does(
    records: list[Record], honest: Evaluation
) -> None:
    cut = records[1200].started_at
    changed = [
        record
        if record.known_at <= cut
        else dataclasses.replace(
            record,
            failed=not record.failed,
            seconds=7.0 * (record.seconds or 0.0) + 100.0,
            known_at=record.known_at + 5.0,
            error_class="network",
        )
        for record in records
    ]
    other = replay(events_of(changed), QUICK)
    before = [(run.id, run.at, run.risk, run.seconds) for run in honest.runs if run.at <= cut]
    assert len(before) > 1000
    assert before == [(run.id, run.at, run.risk, run.seconds) for run in other.runs if run.at <= cut]
    assert [run.risk for run in honest.runs if run.at > cut] != [run.risk for run in other.runs if run.at > cut]


def test_labels_shuffled_within_projects_leave_the_forecast_without_skill(
    records: list[Record], honest: Evaluation
) -> None:
    draw = random.Random(3)
    labels: dict[str, list[bool]] = {}
    for record in records:
        labels.setdefault(record.run.project, []).append(record.failed)
    for own in labels.values():
        draw.shuffle(own)
    shuffled = [dataclasses.replace(record, failed=labels[record.run.project].pop()) for record in records]
    assert honest.metrics()["mean_auc"] > 0.75
    assert replay(events_of(shuffled), QUICK).metrics()["mean_auc"] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("partitions", [8, 32])
def test_partitions_change_no_digit(records: list[Record], honest: Evaluation, partitions: int) -> None:
    split = replay(events_of(records[:800]), QUICK, partitions)
    assert [(run.id, run.risk, run.seconds) for run in split.runs] == [
        (run.id, run.risk, run.seconds) for run in honest.runs[:800]
    ]


def test_every_run_is_scored_once_and_revealed_when_it_was_known(records: list[Record], honest: Evaluation) -> None:
    assert [run.id for run in honest.runs] == [record.run.run_id for record in records]
    for run, record in zip(honest.runs, records, strict=True):
        assert run.label == int(record.failed)
        assert run.label_known_at == record.known_at


def test_forecast_is_below_every_baseline_in_log_loss_and_brier(honest: Evaluation) -> None:
    found = honest.metrics()
    for figures in found["baselines"].values():
        assert found["log_loss"] < figures["log_loss"]
        assert found["brier"] < figures["brier"]


def test_outcome_smuggled_in_as_an_attribute_is_refused(records: list[Record]) -> None:
    leaking = [
        dataclasses.replace(
            record, run=msgspec.structs.replace(record.run, attributes={"build_failed": float(record.failed)})
        )
        for record in records[:1]
    ]
    with pytest.raises(InvalidEvent, match="leak"):
        replay(events_of(leaking), QUICK)


def test_nothing_to_score_gives_no_figures() -> None:
    found = replay([], QUICK).metrics()
    assert (found["pooled_auc"], found["coverage"], found["baselines"]) == (None, None, {})
