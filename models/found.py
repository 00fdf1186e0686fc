"""What a training leaves behind, as JSON in `TrainingFinished.detail`: from it the trainer's shadow is rebuilt."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from models.definition import Value, definition_of
from models.forecaster import ForecasterConfig
from models.shadow import Shadow
from models.training import Plan
from streams.errors import InvalidEvent
from streams.events import TrainingFinished

__all__ = ["Found", "found_by", "found_configs", "nothing_found", "read_found"]


class Found(msgspec.Struct, frozen=True):
    """Who is in shadow, and from where on the races are counted. Offsets of `examples.v1`."""

    end: int
    log_end: int  # how long the log was by then: no move is set before
    number: int
    window: int
    shared_by: int
    champion: str
    configs: dict[str, dict[str, float | str | bool | int | list[str]]]
    training_id: str = ""
    trigger: str = ""
    seconds: float | None = None  # it took


def nothing_found(first: ForecasterConfig) -> Found:
    """Before any training."""
    return Found(0, 0, 0, 0, 1, first.name, {first.name: definition_of(first)})


def found_by(
    plan: Plan, shadow: Shadow, before: str | None, shadows: int, log_end: int, trigger: str, seconds: float
) -> Found:
    """The champion, the best `shadows` challengers, and the champion before it."""
    kept = [name for name in shadow.ranked() if name != before][:shadows]
    kept += [before] if before in shadow.forecasters else []
    configs = {name: definition_of(shadow.forecasters[name].config) for name in [shadow.champion, *kept]}
    return Found(
        plan.end, max(plan.end, log_end), plan.number, plan.window, shadow.shared_by, shadow.champion, configs,
        plan.training_id, trigger, seconds,
    )  # fmt: skip


def read_found(event: TrainingFinished) -> Found:
    """Back from the event; `InvalidEvent` where its detail holds something else."""
    try:
        return msgspec.json.decode(event.detail, type=Found)
    except msgspec.DecodeError as error:
        raise InvalidEvent("training", f"the detail of {event.training_id} is not what a training found") from error


def found_configs(event: TrainingFinished) -> Mapping[str, Mapping[str, Value]]:
    """The champion and the challengers that a training kept, by name; none where the event does not say."""
    try:
        return read_found(event).configs
    except InvalidEvent:
        return {}
