"""The trainer's mind: who is in shadow, what triggers a training, who is promoted, who goes back.

Law of the file: all that is decided follows from `examples.v1` and `model-events.v1`. Ids of what is emitted are
derived from model, config and offset, so a trainer that was killed anywhere comes to the same decisions with the same
ids, and nobody is promoted twice. What a training found stands in its `TrainingFinished`, from which the shadow is
rebuilt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from models.challengers import SPACE, draw
from models.champion import FLOOR, Champions
from models.definition import Value, config_of
from models.floor import Floor, FloorPolicy
from models.forecaster import Forecaster, ForecasterConfig
from models.found import found_by, nothing_found, read_found
from models.promotion import PromotionPolicy
from models.shadow import Judged, Shadow
from models.told import MODEL, SOURCE, derive, drifted, promoted, requested, rolled_back
from models.training import Plan, spent, summary
from models.triggers import TriggerPolicy, Triggers
from streams.errors import InvalidEvent
from streams.events import (
    Event,
    Outcome,
    TrainingFinished,
    TrainingRequested,
)

__all__ = ["MODEL", "SOURCE", "Desk", "DeskPolicy"]

_NEVER_MOVED = 10**9
_FOLDED = ("shadow", "triggers", "floor", "_since_move", "_moved_at", "_crowns", "_windowed")
"""What of a desk follows from the examples; all else follows from the model events."""


@dataclass(frozen=True)
class DeskPolicy:
    """How many rivals are drawn and kept; `lead_records` is the notice that workers get of a promotion."""

    challengers: int = 5
    shadows: int = 2
    window_records: int = 0  # of history that counts as evidence, 0 for all
    lead_records: int = 20
    space: Mapping[str, Sequence[Value]] = field(default_factory=lambda: SPACE)
    promotion: PromotionPolicy = field(default_factory=PromotionPolicy)
    triggers: TriggerPolicy = field(default_factory=TriggerPolicy)
    floor: FloorPolicy = field(default_factory=FloorPolicy)


class Desk:
    """Feed it model events with `note` and examples with `fold`; send what comes back to `model-events.v1`."""

    def __init__(self, policy: DeskPolicy | None = None, first: ForecasterConfig | None = None) -> None:
        self.policy = policy or DeskPolicy()
        self.champions = Champions(first)
        self.pending: dict[str, TrainingRequested] = {}
        self.trained = 0
        self.cancelled: set[str] = set()
        self.unreadable = 0
        self._seen: set[str] = set()
        self._found = nothing_found(self.champions.configs[self.champions.moves[0].config])
        self.rebuild()

    @property
    def offset(self) -> int:
        """The next record of `examples.v1` to fold."""
        return self.shadow.offset

    def note(self, event: Event) -> None:
        """Take one record of `model-events.v1` in; repeats are dropped by id."""
        if event.id in self._seen:
            return
        self._seen.add(event.id)
        self.champions.apply(event)
        match event:
            case TrainingRequested():
                self.pending[event.training_id] = event
            case TrainingFinished():
                self.pending.pop(event.training_id, None)
                if event.outcome == "cancel":
                    self.cancelled.add(event.training_id)
                elif event.outcome == "success":
                    self._take(event)

    def _take(self, event: TrainingFinished) -> None:
        """Go by what a training found; one that does not say so, from elsewhere, counts for nothing."""
        try:
            self._found = read_found(event)
        except InvalidEvent:
            self.unreadable += 1
        else:
            self.trained += 1

    def rebuild(self, also: ForecasterConfig | None = None) -> None:
        """Begin again from offset 0 with what the last training found."""
        found = self._found
        configs = {name: config_of(values, name) for name, values in found.configs.items()}
        if also is not None:
            configs[also.name] = also
        rivals = [Forecaster(config) for name, config in configs.items() if name != found.champion]
        alpha = spent(self.policy.promotion, max(1, found.number))
        self.shadow = Shadow(Forecaster(configs[found.champion]), rivals, alpha, found.shared_by)
        self._since_move, self._moved_at = _NEVER_MOVED, 0
        self._crowns = 0
        self._windowed = not found.window
        self.triggers = Triggers(self.policy.triggers)
        self.floor = Floor(self.policy.floor)

    def resume(self, kept: Desk) -> bool:
        """Go on from what an earlier one had folded; False, and nothing changes, where that leads elsewhere."""
        last = max(0, kept.offset - 1)
        champion = self.champions.at(last) if last >= self._found.end else self._found.champion
        same = kept.policy == self.policy and kept._found == self._found and kept.shadow.champion == champion
        if not same or (last >= self._found.end and kept._moved_at != self.champions.since(last)):
            return False
        for part in _FOLDED:
            setattr(self, part, getattr(kept, part))
        return True

    def fold(self, event: Event, offset: int) -> list[Event]:
        """Take one record of `examples.v1` in. What is decided is already noted here when it comes back."""
        found = self._found
        if offset < self.shadow.offset:
            return []
        if not self._windowed and offset >= found.end - found.window:
            self.shadow.restart_races()
            self._windowed = True
        if offset >= found.end and not self._follow(offset):
            return []
        judged = self.shadow.fold(event, offset)
        self._count(judged, offset)
        outputs = [*self._ground(judged), *self._watch(judged)] if judged and offset >= found.end else []
        if offset >= found.end - 1:
            outputs += self._decide(offset, event.time)
        outputs = [output for output in outputs if output.id not in self._seen]  # told before a restart
        for output in outputs:
            self.note(output)
        return outputs

    def plan(self) -> Plan | None:
        """The training that is asked for, over all that has been folded."""
        if not self.pending or self.offset == 0:
            return None
        request = next(iter(self.pending.values()))
        champion = self.champions.configs[self.champions.at(self.offset)]
        seed = int.from_bytes(hashlib.blake2b(request.training_id.encode(), digest_size=8).digest(), "big")
        rivals = draw(champion, self.policy.challengers, seed, self.policy.space)
        before = self.champions.previous(self.offset)
        if before is not None and before not in {rival.name for rival in rivals}:
            rivals.append(self.champions.configs[before])
        return Plan(
            request.training_id, champion, rivals, self.offset, self.trained + 1, self.policy.window_records,
            self.policy.promotion,
        )  # fmt: skip

    def finish(
        self, plan: Plan, shadow: Shadow | None, time: float, seconds: float, outcome: Outcome = "success",
        why: str = "", log_end: int = 0,
    ) -> list[Event]:  # fmt: skip
        """A training ended: its record, and a promotion if one is proven. Go on reading at `offset`."""
        request = self.pending.get(plan.training_id)
        trigger = request.trigger if request else "request"
        metrics: dict[str, float] = {}
        if shadow is not None:
            before = self.champions.previous(plan.end)
            found = found_by(plan, shadow, before, self.policy.shadows, log_end, trigger, seconds)
            metrics, why = summary(shadow), msgspec.json.encode(found).decode()
        ended = TrainingFinished(
            id=derive("finished", plan.training_id, outcome), source=SOURCE, time=time, training_id=plan.training_id,
            model=MODEL, trigger=trigger, outcome=outcome, examples=plan.end,
            seconds=seconds, metrics=metrics, detail=why,
        )  # fmt: skip
        self.note(ended)
        if shadow is None:
            return [ended]
        since, moved_at = self._since_move, self._moved_at
        self.rebuild()
        self._since_move, self._moved_at = since, moved_at
        shadow.keep(self._found.configs)
        self.shadow, self._windowed = shadow, True
        decided = self._decide(plan.end - 1, time)
        for output in decided:
            self.note(output)
        return [ended, *decided]

    def _follow(self, offset: int) -> bool:
        """Crown whom the moves name; False if that one has to be folded first."""
        name = self.champions.at(offset)
        if name == self.shadow.champion:
            return True
        if name not in self.shadow.forecasters:
            self.rebuild(self.champions.configs[name])
            return False
        self._crowns += 1
        self.shadow.policy = spent(self.policy.promotion, max(1, self._found.number) + self._crowns)
        self.shadow.crown(name)
        self.triggers = Triggers(self.policy.triggers)
        self.floor = Floor(self.policy.floor)
        return True

    def _count(self, judged: Judged | None, offset: int) -> None:
        moved_at = self.champions.since(offset)
        if moved_at != self._moved_at:
            self._moved_at, self._since_move = moved_at, 0
        self._since_move += judged is not None

    def _ground(self, judged: Judged) -> list[Event]:
        """Leave a champion that is surely worse than EWMA-5; the race against it goes on, so it can come back."""
        name, risks = self.shadow.champion, judged.risks
        fell = self.floor.add(risks[name], risks["ewma5"], judged.failed) == "fell"
        last = self.champions.moves[-1].at_offset
        at = max(judged.offset + 1, self._found.log_end)
        if not fell or name == FLOOR.name or last > judged.offset or at <= last:
            return []
        losses = self.shadow.losses
        reason = f"log loss {losses[name]:.3f}, EWMA-5 {losses['ewma5']:.3f}: below the floor"
        move = rolled_back(self.shadow, FLOOR, at, judged.time, reason)
        return [] if move.id in self._seen else [move]

    def _watch(self, judged: Judged) -> list[Event]:
        outputs: list[Event] = []
        for trigger in self.triggers.add(judged, self.shadow.champion):
            if trigger.drift is not None:
                outputs.append(drifted(trigger))
            if not self.pending and self.triggers.rested():
                self.triggers.trained(trigger.time)
                outputs.append(requested(trigger))
                break
        return outputs

    def _decide(self, offset: int, time: float) -> list[Event]:
        last = self.champions.moves[-1].at_offset
        if last > offset:  # a move is planned: first see what comes of it
            return []
        before = self.champions.previous(offset + 1)
        name = self.shadow.proven(self._since_move)
        if before in self.shadow.races and self.shadow.races[before].decide(_NEVER_MOVED) == "promote":
            name = before
        if name is None:
            return []
        at = max(offset + 1, self._found.log_end)
        if name == before:
            gain = self.shadow.races[name].bound.mean
            reason = f"its loss is above that of {name} by {gain:.4f} nats over its own labels"
            move: Event = rolled_back(self.shadow, self.shadow.forecasters[name].config, at, time, reason)
        else:
            at += self.policy.lead_records
            move = promoted(self.shadow, name, at, time, self._found)
        return [] if at <= last or move.id in self._seen else [move]
