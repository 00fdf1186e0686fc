"""Evidence of a running build: what counts, what does not, and how weights learn without forgetting what they knew."""

from __future__ import annotations

import math
from typing import Any

import pytest

from models.evidence import EVIDENCE, EvidenceModel, observe
from models.run_state import RunState
from models.usual import UsualModel
from streams.events import Checkpoint, ExampleRecorded, ModelRef
from tests.builders import T0, run

NAMES = [signal.name for signal in EVIDENCE]


def _state(**given: Any) -> RunState:
    return RunState(run=run(), host="h", started_at=T0, seen_at=T0, **given)


def _seen(now: float = T0 + 10, **given: Any) -> dict[str, float]:
    return {n: v for n, v in zip(NAMES, observe(_state(**given), now), strict=True) if v}


def _checkpoint(evidence: list[float], prior: float = -1.0) -> Checkpoint:
    return Checkpoint(
        at=T0, elapsed_seconds=1.0, trigger="signal", evidence=evidence, risk=0.5, prior_logit=prior,
        model=ModelRef(config="c", offset=0),
    )  # fmt: skip


def test_a_quiet_start_shows_nothing() -> None:
    assert _seen() == {}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"errors": {"compile": 1}}, "errors_compile"),
        ({"errors": {"ninja": 2}}, "errors_make"),
        ({"fatal": True}, "fatal"),
        ({"oom_kills": 1}, "oom_kills"),
        ({"idle_seconds": 40.0}, "idle"),
        ({"silent_seconds": 300.0}, "silence"),
        ({"memory_limit_bytes": 100, "rss_bytes": 99}, "memory"),
        ({"memory_available_bytes": 10**7}, "memory"),
        ({"disk_free_bytes": 10**6}, "disk_low"),
        ({"pressure": {"memory": 0.5}}, "stalled"),
        ({"expected_seconds": 20.0}, "survived"),
        ({"upper_seconds": 5.0}, "overrun"),
    ],
)
def test_each_sign_is_seen(given: dict[str, Any], name: str) -> None:
    assert _seen(**given).keys() == {name}


@pytest.mark.parametrize(
    ("runs", "usual", "beyond"), [(0, {}, 0.0), (1, {}, 1 / 3), (7, {}, 1.0), (90, {}, 1.0), (7, {"test": 1.0}, 0.0)]
)
def test_a_sign_that_healthy_runs_never_showed_says_more_the_more_of_them_there_were(
    runs: int, usual: dict[str, float], beyond: float
) -> None:
    seen = _seen(errors={"test": 1}, usual_runs=runs, usual_errors=usual)
    assert seen.get("unheard_of", 0.0) == pytest.approx(beyond)


@pytest.mark.parametrize("kind", ["make", "cmake", "ninja", "tool", "link", "network"])
def test_a_sign_of_any_tool_can_be_one_that_healthy_runs_never_showed(kind: str) -> None:
    assert _seen(errors={kind: 1}, usual_runs=7)["unheard_of"] == pytest.approx(1.0)
    assert "unheard_of" not in _seen(errors={kind: 1}, usual_runs=7, usual_errors={"make": 1.0, kind: 1.0})


def test_a_healthy_run_is_remembered_with_what_it_said() -> None:
    usual = UsualModel()
    healthy = ExampleRecorded(
        id="e", source="/test", time=T0, host="h", run=run(), outcome="success", started_at=T0 - 9.0, seconds=9.0,
        errors={"test": 2}, checkpoints=[_checkpoint([0.0])],
    )  # fmt: skip
    usual.learn(healthy)
    usual.learn(healthy)
    assert (usual.of(healthy.run).runs, usual.of(healthy.run).errors) == (2, {"test": 2.0})


def test_a_package_that_is_never_still_is_missed_sooner_than_one_of_which_nothing_is_known() -> None:
    assert _seen(idle_seconds=9.0) == {}
    assert _seen(idle_seconds=9.0, usual_silence_seconds=0.5).keys() == {"idle"}
    assert _seen(idle_seconds=9.0, usual_silence_seconds=8.0).get("idle", 0.0) == 0.0


def test_time_beyond_all_that_was_expected_is_no_good_sign() -> None:
    late = _seen(now=T0 + 80.0, expected_seconds=20.0, upper_seconds=40.0)
    assert late["survived"] == pytest.approx(0.95 / 2.0)
    assert late["overrun"] == pytest.approx(1.0)


def test_usual_silence_is_no_sign() -> None:
    assert _seen(idle_seconds=40.0, usual_silence_seconds=60.0) == {}


def test_silence_beyond_what_the_package_ever_showed_grows_further_than_where_nothing_is_known() -> None:
    assert _seen(silent_seconds=3600.0) == {"silence": 2.0}
    assert _seen(silent_seconds=3600.0, usual_silence_seconds=5.0) == {"silence": 4.0}
    assert _seen(silent_seconds=3600.0, usual_silence_seconds=1800.0) == {}


def test_errors_that_healthy_runs_of_the_package_print_are_no_sign() -> None:
    assert _seen(errors={"compile": 3}, usual_errors={"compile": 2.7}) == {}
    assert _seen(errors={"compile": 4}, usual_errors={"compile": 2.7}) == {"errors_compile": 1.0}


def test_more_of_the_same_weighs_a_little_more_and_never_without_end() -> None:
    one, many = (_seen(errors={"compile": n})["errors_compile"] for n in (1, 10**6))
    assert one < many <= 1.5


def test_reasons_sum_to_the_logit() -> None:
    model, state = EvidenceModel(), _state(errors={"compile": 3, "missing": 1}, fatal=True)
    evidence = observe(state, T0 + 5)
    assert math.fsum(r.logit for r in model.reasons(evidence, state, T0 + 5)) == pytest.approx(model.logit(evidence))


def test_evidence_of_another_schema_counts_as_none() -> None:
    assert EvidenceModel().logit([1.0, 2.0]) == 0.0
    model = EvidenceModel()
    model.learn([_checkpoint([1.0, 2.0])], failed=True)
    assert (model.weights == EvidenceModel().weights).all()


def test_signs_that_mean_nothing_here_lose_weight_and_the_others_stand() -> None:
    model = EvidenceModel()
    evidence = observe(_state(errors={"network": 1}), T0)
    for _ in range(60):
        model.learn([_checkpoint(evidence)], failed=False)
    at = NAMES.index("errors_network")
    assert model.weights[at] < 0.5 * EVIDENCE[at].weight
    assert model.weights[NAMES.index("errors_compile")] == EVIDENCE[NAMES.index("errors_compile")].weight


def test_what_was_stored_goes_on_the_same() -> None:
    model, other = EvidenceModel(), EvidenceModel()
    evidence = observe(_state(errors={"test": 2}), T0)
    model.learn([_checkpoint(evidence)], failed=False)
    other.load(model.state())
    assert other.logit(evidence) == model.logit(evidence)


def test_a_full_disk_blames_the_host() -> None:
    shares = EvidenceModel().blame(observe(_state(errors={"disk": 1}), T0))
    assert max(shares, key=lambda who: shares[who]) == "host"
