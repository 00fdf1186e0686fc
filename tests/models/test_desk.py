"""From the logs alone: triggers, trainings, promotions, roll-backs; a restart anywhere changes nothing."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from models.champion import Champions
from models.definition import config_of, definition_of
from models.desk import SOURCE, Desk, DeskPolicy
from models.floor import FloorPolicy
from models.forecaster import ForecasterConfig
from models.promotion import PromotionPolicy
from models.snapshot import loaded
from models.training import train
from models.triggers import TriggerPolicy
from streams.events import (
    DriftDetected,
    Event,
    ModelPromoted,
    ModelRolledBack,
    TrainingFinished,
    TrainingRequested,
)
from tests.builders import T0
from tests.models.histories import recorded

POOR = config_of({"risk.members": ["prior"]})
POLICY = DeskPolicy(
    challengers=3, lead_records=5,
    space={"risk.share": (0.002, 0.02), "risk.members": (["prior", "linear"], ["linear"])},
    promotion=PromotionPolicy(min_labels=100, rest_labels=50),
    triggers=TriggerPolicy(schedule_seconds=0, volume_labels=0, worse_ratio=0),
)  # fmt: skip
LOG = list(enumerate(recorded(700, config=POOR)))


class World:
    """Both logs, and a trainer that may be killed after any record."""

    def __init__(self, policy: DeskPolicy = POLICY, first: ForecasterConfig = POOR, log: list[tuple[int, Event]] = LOG):
        self.policy, self.first, self.log = policy, first, log
        self.model_events: list[Event] = []
        self.desk = Desk(policy, first)

    def restart(self) -> None:
        self.desk = Desk(self.policy, self.first)
        for event in self.model_events:
            self.desk.note(event)
        self.desk.rebuild()

    def resume(self, kept: bytes) -> bool:
        self.restart()
        return self.desk.resume(loaded(kept))

    def emit(self, outputs: list[Event]) -> None:
        known = {event.id for event in self.model_events}
        assert not known & {event.id for event in outputs}, "told twice"
        self.model_events += outputs

    def tell(self, event: Event) -> None:
        self.model_events.append(event)
        self.desk.note(event)

    def read(self, until: int, killed_at: tuple[int, ...] = ()) -> None:
        while self.desk.offset < until:
            offset, event = self.log[self.desk.offset]
            self.emit(self.desk.fold(event, offset))
            if self.desk.offset in killed_at:
                killed_at = tuple(at for at in killed_at if at != self.desk.offset)
                self.restart()

    def train(self) -> None:
        plan = self.desk.plan()
        assert plan is not None
        shadow = train(lambda: self.log, plan, lambda _progress: None)
        self.emit(self.desk.finish(plan, shadow, T0, 1.0, log_end=plan.end))

    def moves(self) -> list[tuple[type, str, int]]:
        return [
            (type(event), event.config, event.at_offset)
            for event in self.model_events
            if isinstance(event, ModelPromoted | ModelRolledBack)
        ]


def _request(name: str = "t1") -> TrainingRequested:
    return TrainingRequested(id=name, source="/t", time=T0, training_id=name, model="risk", principal="ann")


def test_a_poor_champion_is_replaced_by_a_proven_challenger_at_an_offset_ahead() -> None:
    world = World()
    world.read(800)
    world.tell(_request())
    world.train()
    (_, name, at), *_ = world.moves()
    finished = next(event for event in world.model_events if isinstance(event, TrainingFinished))
    assert at == 805
    assert finished.metrics[f"lower_bound.{name}"] > 0.0
    assert finished.metrics[f"log_loss.{name}"] < finished.metrics["log_loss.champion"]
    assert {"log_loss.ewma5", "log_loss.prior", "log_loss.last_outcome"} <= finished.metrics.keys()
    world.read(900)
    assert world.desk.shadow.champion == name


def test_without_a_request_or_records_there_is_nothing_to_train() -> None:
    world = World()
    assert world.desk.plan() is None
    world.tell(_request())
    assert world.desk.plan() is None


@pytest.mark.parametrize("killed_at", [(900,), (801, 802, 806, 1000), (1,)])
def test_a_trainer_killed_anywhere_comes_to_the_same_moves_and_promotes_once(killed_at: tuple[int, ...]) -> None:
    plain, killed = World(), World()
    for world, kills in ((plain, ()), (killed, killed_at)):
        world.read(800, kills)
        world.tell(_request())
        world.train()
        world.read(len(LOG), kills)
    assert killed.moves() == plain.moves()
    assert killed.desk.shadow.losses == plain.desk.shadow.losses


@pytest.mark.parametrize("saved_at", [400, 800, 803, 900])
def test_a_trainer_that_goes_on_from_what_it_had_folded_comes_to_the_same_moves(saved_at: int) -> None:
    plain, resumed = World(), World()
    plain.read(800)
    resumed.read(min(800, saved_at))
    kept = pickle.dumps(resumed.desk)
    for world in (plain, resumed):
        world.read(800)
        world.tell(_request())
        world.train()
        world.read(max(800, saved_at))
    if saved_at >= 800:
        kept = pickle.dumps(resumed.desk)
        assert resumed.resume(kept)
        assert resumed.desk.offset == saved_at
    else:
        assert not resumed.resume(kept)  # a training has come between: who is in shadow is another question now
        assert resumed.desk.offset == 0
    for world in (plain, resumed):
        world.read(len(LOG))
    assert resumed.moves() == plain.moves()
    assert resumed.desk.shadow.losses == plain.desk.shadow.losses


def test_a_move_told_for_what_was_folded_already_is_folded_again() -> None:
    world = World(first=ForecasterConfig())
    world.read(500)
    kept = pickle.dumps(world.desk)
    assert world.resume(kept)
    world.tell(ModelPromoted(id="late", source="/cli", time=T0, model="risk", config=POOR.name, at_offset=300,
                             previous="default", principal="bob", definition=definition_of(POOR)))  # fmt: skip
    assert not world.resume(kept)
    world.read(400)
    assert world.desk.shadow.champion == POOR.name


def test_killed_between_the_training_and_its_promotion_the_promotion_is_made_up_for() -> None:
    world = World()
    world.read(800)
    world.tell(_request())
    world.train()
    lost = world.model_events.pop()
    assert isinstance(lost, ModelPromoted)
    world.restart()
    world.read(820)
    assert [event.id for event in world.model_events if isinstance(event, ModelPromoted)] == [lost.id]


def test_a_bad_promotion_is_rolled_back_by_its_own_loss() -> None:
    world = World(replace(POLICY, challengers=0), first=ForecasterConfig())  # no third one is to be better still
    world.read(300)
    world.tell(_request())
    world.train()
    world.tell(ModelPromoted(id="bad", source="/cli", time=T0, model="risk", config=POOR.name, at_offset=300,
                             previous="default", principal="bob", definition=definition_of(POOR)))  # fmt: skip
    world.read(len(LOG))
    kind, name, at = next(move for move in world.moves() if move[2] > 300)
    assert (kind, name) == (ModelRolledBack, "default")
    assert at > 300


def test_a_request_that_was_cancelled_is_not_trained() -> None:
    world = World()
    world.read(100)
    world.tell(_request())
    world.tell(TrainingFinished(id="x", source="/cli", time=T0, training_id="t1", model="risk", trigger="request",
                                outcome="cancel", examples=0, seconds=0.0))  # fmt: skip
    assert world.desk.plan() is None
    assert "t1" in world.desk.cancelled


def test_a_training_that_failed_is_told_with_its_reason() -> None:
    world = World()
    world.read(100)
    world.tell(_request())
    plan = world.desk.plan()
    assert plan is not None
    world.emit(world.desk.finish(plan, None, T0, 2.0, "error", "the broker went away"))
    ended = world.model_events[-1]
    assert isinstance(ended, TrainingFinished)
    assert (ended.outcome, ended.detail, world.desk.plan()) == ("error", "the broker went away", None)


def test_drift_planted_in_a_history_asks_for_a_training() -> None:
    log = list(enumerate(recorded(1200, drift_at=700)))
    world = World(POLICY, ForecasterConfig(), log)
    world.read(len(log))
    drift = next(event for event in world.model_events if isinstance(event, DriftDetected))
    asked = next(event for event in world.model_events if isinstance(event, TrainingRequested))
    assert 1400 <= drift.at_offset <= 1900
    assert drift.after > drift.before
    assert (asked.trigger, asked.source) == ("drift", SOURCE)


@pytest.mark.parametrize(
    ("policy", "kind"),
    [(TriggerPolicy(schedule_seconds=86_400.0), "schedule"), (TriggerPolicy(volume_labels=310), "volume")],
)
def test_time_and_volume_ask_for_a_training_once(policy: TriggerPolicy, kind: str) -> None:
    world = World(replace(POLICY, triggers=policy), ForecasterConfig())
    world.read(len(LOG))
    asked = [event for event in world.model_events if isinstance(event, TrainingRequested)]
    assert [event.trigger for event in asked] == [kind]


def test_a_champion_worse_than_ewma5_for_long_is_left_for_the_floor_and_it_is_said() -> None:
    lost = config_of({"risk.calibration_step": 100_000.0})
    world = World(replace(POLICY, floor=FloorPolicy(min_labels=100)), lost)
    world.read(len(LOG))
    (_, name, at), *_ = world.moves()
    moved = next(event for event in world.model_events if isinstance(event, ModelRolledBack))
    assert (name, world.desk.shadow.champion) == ("floor", "floor")
    assert "EWMA-5" in moved.reason
    assert Champions(lost).apply(moved)
    killed = World(world.policy, lost)
    killed.read(len(LOG), (at + 10,))
    assert killed.moves() == world.moves()


def test_moves_that_workers_follow_are_those_of_the_desk() -> None:
    world = World()
    world.read(800)
    world.tell(_request())
    world.train()
    world.read(len(LOG))
    workers = Champions(POOR)
    for event in world.model_events:
        workers.apply(event)
    assert workers.moves == world.desk.champions.moves


@pytest.mark.parametrize("detail", ["", "nonsense", "{}"])
def test_a_finished_training_that_does_not_say_what_it_found_ends_nobody(detail: str) -> None:
    world = World()
    before = world.desk._found
    world.tell(TrainingFinished(id="x", source="/other", time=T0, training_id="t1", model="risk", trigger="request",
                                outcome="success", examples=1, seconds=1.0, detail=detail))  # fmt: skip
    assert (world.desk.trained, world.desk.unreadable) == (0, 1)
    assert world.desk._found is before
