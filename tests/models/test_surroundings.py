"""What a run meets where it starts becomes features of it, and changes nothing where nothing is said."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from models.core import Core, CoreConfig
from models.features import Availability, admit_attributes
from models.forecaster import Forecaster
from models.history.fold import PRIOR_SCHEMA
from models.surroundings import SURROUNDINGS, Surroundings, SurroundingsLimits
from models.tracker import Tracker, TrackerLimits
from models.tracker_state import dump, restore
from streams import events
from tests.builders import HOST, T0, finished, run, started


def _queued(run_id: str, at: float = T0, host: str = HOST, **changes: Any) -> events.RunQueued:
    return events.RunQueued(id=f"{run_id}-queued", source="/q", time=at, host=host, run=run(run_id, **changes))


def _finding(number: int, severity: str = "high", cleared: bool = False, evidence: str = "e") -> events.FindingReported:
    return events.FindingReported(
        id=f"f-{number}-{cleared}-{evidence}", source="/s", time=T0, host=HOST, check="setuid", severity=severity,
        evidence=evidence, remedy="r", subject=f"/x{number}", cleared=cleared,
    )  # fmt: skip


def _met(tracker: Tracker, event: events.RunStarted) -> dict[str, float]:
    tracker.update(event)
    return tracker.runs[event.run.run_id].run.attributes


def test_every_surrounding_is_declared_for_the_start_and_none_is_an_outcome() -> None:
    assert {feature.available_at for feature in SURROUNDINGS.features} == {Availability.STARTED}
    assert admit_attributes(dict.fromkeys(SURROUNDINGS.names, 0.0))


def test_runs_on_the_host_and_runs_that_wait_for_it_are_counted() -> None:
    tracker = Tracker()
    for number in range(3):
        tracker.update(_queued(f"q-{number}"))
    tracker.update(_queued("elsewhere", host="other"))
    tracker.update(started("a", T0 + 1))
    tracker.update(started("b", T0 + 2, host="other"))
    met = _met(tracker, started("q-0", T0 + 30))
    assert met == {"queue.waited": 30.0, "queue.running": 1.0, "queue.waiting": 2.0}
    tracker.finish(finished("a", T0 + 40))
    tracker.finish(finished("q-0", T0 + 41))
    assert _met(tracker, started("c", T0 + 50))["queue.running"] == 0.0
    assert set(_met(tracker, started("d", T0 + 60))) <= set(SURROUNDINGS.names)


def test_what_the_start_itself_says_of_its_queue_goes_before() -> None:
    tracker = Tracker()
    tracker.update(_queued("a"))
    assert _met(tracker, msgspec.structs.replace(started("a", T0 + 30), queued_seconds=7.0))["queue.waited"] == 7.0
    own = started("b", T0 + 31, attributes={"queue.running": 9.0, "mine": 1.0})
    assert _met(tracker, own)["queue.running"] == 9.0


def test_a_queued_event_that_comes_late_waits_for_nothing() -> None:
    tracker = Tracker()
    tracker.update(started("a"))
    tracker.update(_queued("a"))
    tracker.finish(finished("b"))
    tracker.update(_queued("b"))
    assert tracker.around.waiting == {}


def test_open_findings_of_a_host_are_counted_by_how_bad_they_are() -> None:
    tracker = Tracker()
    assert "host.weak_serious" not in _met(tracker, started("a"))
    for event in (_finding(1), _finding(2, "critical"), _finding(3, "low"), _finding(1, evidence="changed")):
        tracker.update(event)
    met = _met(tracker, started("b"))
    assert (met["host.weak_serious"], met["host.weak_minor"]) == (2.0, 1.0)
    tracker.update(_finding(2, cleared=True))
    met = _met(tracker, started("c"))
    assert (met["host.weak_serious"], met["host.weak_minor"]) == (1.0, 1.0)
    assert "host.weak_serious" not in _met(tracker, started("d", host="other"))


def test_a_run_without_a_host_is_left_as_it_is() -> None:
    tracker = Tracker()
    tracker.update(_finding(1))
    event = started("a", host="")
    tracker.update(event)
    assert tracker.runs["a"].run is event.run


def test_a_lonely_host_that_says_nothing_more_has_the_features_of_before() -> None:
    core, bare = Core(Forecaster()), Forecaster()
    for number in range(4):
        event = started(f"r-{number}", T0 + number)
        plain = bare.risk.describe(event.run, event.time, host=HOST)
        outputs = core.handle(event)
        (opened,) = [one for one in outputs if isinstance(one, events.RunOpened)]
        assert opened.prior == plain
        assert opened.prior.schema == PRIOR_SCHEMA.name
        core.handle(finished(f"r-{number}", T0 + number + 0.5))
        core.forecaster.fold(opened)
        bare.fold(msgspec.structs.replace(opened, run=event.run))


def test_surroundings_survive_a_snapshot_and_older_snapshots_can_be_read() -> None:
    tracker, other = Tracker(), Tracker()
    for event in (_queued("w"), started("a"), _finding(1), events.PipelineStarted(
        id="p", source="/p", time=T0, host=HOST, pipeline_id="p-1", name="lfs", packages=["a", "b"]
    )):  # fmt: skip
        tracker.update(event)
    restore(other, dump(tracker))
    assert other.around == tracker.around
    assert other.around.running == {HOST: 1}
    old = msgspec.msgpack.decode(dump(tracker))
    del old["around"]
    restore(other, msgspec.msgpack.encode(old))
    assert other.around == Surroundings(running={HOST: 1})


def test_memory_is_bounded_whatever_comes() -> None:
    limits = SurroundingsLimits(waiting=10, pipelines=5, hosts=3, findings=4, waiting_seconds=60.0)
    core = Core(Forecaster(), CoreConfig(limits=TrackerLimits(runs=4, surroundings=limits)))
    for number in range(50):
        core.handle(_queued(f"q-{number}", T0 + number))
        core.handle(msgspec.structs.replace(_finding(number), host=f"h-{number % 7}", id=f"f{number}"))
        core.handle(_finding(number))
        core.handle(events.PipelineStarted(id=f"p{number}", source="/p", time=T0, pipeline_id=f"p-{number}", name="l"))
        core.handle(started(f"r-{number}", T0 + number))
    around = core.tracker.around
    assert len(around.waiting) == 10
    assert len(around.pipelines) == 5
    assert len(around.findings) == 3
    assert max(len(open_) for open_ in around.findings.values()) == 4
    assert around.running == {HOST: 4}
    assert len(around.queue_of(HOST, T0 + 105, limits)) == 5
    core.handle(events.PipelineFinished(id="e", source="/p", time=T0, pipeline_id="p-49", name="l", outcome="success"))
    assert "p-49" not in around.pipelines


def test_a_host_that_is_too_busy_is_learned_to_be_risky() -> None:
    """Runs fail exactly while another run is on the host; nothing else tells them apart."""
    core = Core(Forecaster(), CoreConfig(explain=False))
    seen: dict[bool, list[float]] = {False: [], True: []}
    chance = Random(7)
    for number in range(400):
        at, busy = T0 + number * 1000.0, chance.random() < 0.4
        story: list[events.Event] = [started(f"hog-{number}", at, name="hog", project="q")] if busy else []
        story.append(started(f"r-{number}", at + 5, project="p"))
        story.append(finished(f"r-{number}", at + 65, "failure" if busy else "success", started_at=at + 5, project="p"))
        story += [finished(f"hog-{number}", at + 70, name="hog", project="q", started_at=at)] if busy else []
        for event in story:
            for output in core.handle(event):
                if isinstance(output, events.ForecastMade) and output.run_id == f"r-{number}" and number >= 300:
                    seen[busy].append(output.risk)
                if isinstance(output, events.RunOpened | events.ExampleRecorded):
                    core.forecaster.fold(output)
    calm, busy_risk = (sum(risks) / len(risks) for risks in seen.values())
    assert busy_risk > calm + 0.3
