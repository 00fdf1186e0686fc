"""Bad examples are set aside with the reason, good ones come out."""

from __future__ import annotations

from typing import Any

import pytest

from models.dataset import DataPolicy, DataValidator, psi
from streams.events import Event, ExampleRecorded, LabelRevised, PriorFeatures
from tests.builders import T0, one_of_each, run
from tests.models.histories import recorded


def _example(run_id: str = "r", **changes: Any) -> ExampleRecorded:
    given: dict[str, Any] = {"outcome": "success", "started_at": T0 - 60, "seconds": 50.0, "run": run(run_id)}
    return ExampleRecorded(id=run_id, source="/t", time=T0, **(given | changes))


def _validate(*events: Event) -> tuple[list[str], DataValidator]:
    validator = DataValidator()
    return [example.run.run_id for _, example in validator.examples(enumerate(events))], validator


def _checkpoint(**changes: Any) -> Any:
    import msgspec

    example = next(event for event in one_of_each() if isinstance(event, ExampleRecorded))
    return msgspec.structs.replace(example.checkpoints[0], **changes)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"seconds": -1.0}, "range"),
        ({"seconds": 1e9}, "range"),
        ({"started_at": T0 + 1e6}, "range"),
        ({"run": run("", name="x")}, "schema"),
        ({"run": run("r", name="", project="")}, "schema"),
        ({"prior": PriorFeatures(schema="s", values=[float("nan")])}, "schema"),
        ({"run": run("r", attributes={"Exit_Code": 1.0})}, "leak"),
        ({"checkpoints": [_checkpoint(risk=1.5, at=T0)]}, "range"),
        ({"checkpoints": [_checkpoint(at=T0 + 1.0)]}, "leak"),
    ],
)
def test_bad_example_is_quarantined_with_its_reason(bad: dict[str, Any], reason: str) -> None:
    good, validator = _validate(_example(**bad), _example("fine"))
    assert good == ["fine"]
    assert [(q.offset, q.reason) for q in validator.quarantine] == [(0, reason)]
    assert validator.report.reasons == {reason: 1}


def test_a_run_recorded_twice_is_taken_once() -> None:
    good, validator = _validate(_example(), _example())
    assert good == ["r"]
    assert validator.quarantine[0].reason == "duplicate"


def test_report_counts_outcomes_delays_missing_and_revisions() -> None:
    revised = LabelRevised(id="x", source="/t", time=T0, run_id="r", verdict="flaky")
    _, validator = _validate(_example("a"), _example("b", outcome="failure", seconds=None), revised)
    report = validator.report
    assert report.failure_share == 0.5
    assert report.delay_quantile(0.5) == pytest.approx(10.0)
    assert report.missing["seconds"] == 1
    assert report.missing["prior"] == 2
    assert (report.records, report.examples, report.good, report.revisions) == (3, 2, 2, 1)


def test_empty_log_gives_an_empty_report() -> None:
    _, validator = _validate()
    assert validator.report.failure_share is None
    assert validator.report.delay_quantile(0.5) is None


def test_a_shifted_feature_stands_out_against_the_reference() -> None:
    events = [_example(str(i), seconds=10.0 + i % 7 + (30.0 if i >= 200 else 0.0)) for i in range(400)]
    _, validator = _validate(*events)
    assert validator.report.shifts["seconds"] > validator.policy.shifted_psi
    assert validator.report.shifts["failure"] == 0.0


def test_psi_of_nothing_is_nothing() -> None:
    assert psi([], [1.0]) == 0.0


def test_features_are_named_and_the_reference_may_be_a_shorter_first_part() -> None:
    log = list(enumerate(recorded(250)))
    shifts = []
    for share in (0.3, 0.5):
        validator = DataValidator(DataPolicy(reference_share=share))
        assert len(list(validator.examples(log))) == 250
        shifts.append(validator.report.shifts)
    assert {"project_rate_3", "starts_hour", "seconds", "failure"} <= shifts[0].keys() == shifts[1].keys()
    assert shifts[0]["project_rate_3"] != shifts[1]["project_rate_3"]
