"""Labels restated: replicas that fold them as they come agree with a replay from zero."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from models.forecaster import Forecaster
from models.snapshot import probe, seal, unseal
from streams.events import Event, LabelRevised
from tests.builders import T0, run
from tests.models.histories import recorded

LOG = recorded(40)
KEY = b"k" * 32


def _revised(run_id: str, verdict: str, number: int = 0) -> LabelRevised:
    return LabelRevised(id=f"{run_id}-{verdict}-{number}", source="/t", time=T0, run_id=run_id, verdict=verdict)  # type: ignore[arg-type]


def _folded(events: list[Event]) -> Forecaster:
    forecaster = Forecaster()
    for offset, event in enumerate(events):
        forecaster.fold(event, offset)
    return forecaster


def _says(forecaster: Forecaster) -> list[float]:
    runs = [run(f"q{i}", project=f"p{i}", name="job") for i in range(6)]
    return [forecaster.risk.risk(forecaster.risk.describe(each, T0 + 1e6)) for each in runs] + [probe(forecaster)]


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 79), st.integers(0, 45), st.sampled_from(["failure", "success", "flaky", "infrastructure"])
        ),
        max_size=6,
    ),
    st.integers(1, 79),
)
def test_a_replica_restarted_anywhere_agrees_with_a_replay_from_zero(
    revisions: list[tuple[int, int, str]], restarted_at: int
) -> None:
    log = list(LOG)
    for number, (at, which, verdict) in enumerate(revisions):
        log.insert(at, _revised(f"r{which}", verdict, number))
    whole = _folded(log)
    replica = _folded(log[:restarted_at])
    replica = unseal(seal(replica, KEY), KEY, replica.config)
    for offset, event in enumerate(log):  # from the log's start again: what it has seen is dropped
        replica.fold(event, offset)
    assert _says(replica) == _says(whole)
    assert replica.ledger.whole == whole.ledger.whole
    assert replica.revised == whole.revised


def test_a_revision_before_its_label_decides_what_is_learned() -> None:
    label = next(number for number, event in enumerate(LOG) if type(event).__name__ == "ExampleRecorded")
    outcome = LOG[label].outcome  # type: ignore[attr-defined]
    run_id = LOG[label].run.run_id  # type: ignore[attr-defined]
    other = "success" if outcome == "failure" else "failure"
    early = _folded([*LOG[:label], _revised(run_id, other), LOG[label]])
    assert early.counts[f"learned_{other}"] == 1
    assert early.counts[f"learned_{outcome}"] == 0


def test_a_revision_told_twice_counts_once() -> None:
    once = _folded([*LOG, _revised("r3", "flaky")])
    twice = _folded([*LOG, _revised("r3", "flaky"), _revised("r3", "flaky", 1)])
    assert _says(once) == _says(twice)
    assert twice.counts["repeated"] == once.counts["repeated"] + 1


def test_a_revision_of_an_unknown_run_is_counted_and_kept_for_its_label() -> None:
    found = _folded([*LOG, _revised("nobody", "failure")])
    assert found.counts["revised_unknown"] == 1
    assert _says(found) == _says(_folded(list(LOG)))
    assert found.revised == {"nobody": "failure"}


def test_first_and_revised_scores_are_both_kept() -> None:
    found = _folded([*LOG, _revised("r3", "failure"), _revised("r3", "success", 1)])
    assert found.ledger.whole.first["model"].labels == 40
    assert found.ledger.whole.revised.labels == 40
