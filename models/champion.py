"""Which config is champion at which offset of `examples.v1`, and the replica that holds it beside its rivals.

Law of the file: the champion at an offset is a function of `model-events.v1` alone, so every worker that has folded as
far serves the same model. A move takes effect at its `at_offset`; one told later overrides what was planned for then or
later. The fold of a config knows nothing of who is champion: going back is naming an older config, to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from models.definition import config_of, definition_of
from models.forecaster import Forecaster, ForecasterConfig
from models.ledger import Ledger
from streams.events import Event, ModelPromoted, ModelRef, ModelRolledBack

__all__ = ["FLOOR", "Champions", "Fleet", "Move"]

ModelMove: TypeAlias = ModelPromoted | ModelRolledBack

FLOOR = config_of({"risk.members": ["prior"]}, "floor")
"""What is served while the champion is surely worse than EWMA-5: shrunken rates of recent outcomes, known to all."""


@dataclass(frozen=True)
class Move:
    """From an examples offset on, a config is champion."""

    at_offset: int
    config: str
    event_id: str
    time: float
    why: str


class Champions:
    """The moves so far. Repeats are dropped by event id."""

    def __init__(self, first: ForecasterConfig | None = None) -> None:
        first = first or ForecasterConfig()
        self.moves = [Move(0, first.name, "", 0.0, "first")]
        self.configs: dict[str, ForecasterConfig] = {first.name: first, FLOOR.name: FLOOR}
        self.rejected: list[str] = []  # moves to configs that nobody has defined
        self._seen: set[str] = set()

    def apply(self, event: Event) -> bool:
        """Take one record of `model-events.v1` in; whether it moved anything."""
        if not isinstance(event, ModelPromoted | ModelRolledBack) or event.id in self._seen:
            return False
        self._seen.add(event.id)
        if isinstance(event, ModelPromoted) and event.config not in self.configs:
            self.configs[event.config] = config_of(event.definition, event.config)
        if event.config not in self.configs:
            self.rejected.append(event.id)
            return False
        why = event.reason if isinstance(event, ModelRolledBack) else "promoted"
        planned = [move for move in self.moves if move.at_offset < event.at_offset or not move.event_id]
        self.moves = [*planned, Move(event.at_offset, event.config, event.id, event.time, why)]
        return True

    def at(self, offset: int) -> str:
        """The champion's name for forecasts of a model that has folded everything before `offset`."""
        return next(move.config for move in reversed(self.moves) if move.at_offset <= offset)

    def previous(self, offset: int) -> str | None:
        """The config that was champion before the one at `offset`: where a roll-back leads."""
        now = self.at(offset)
        past = [move.config for move in self.moves if move.at_offset <= offset]
        return next((config for config in reversed(past) if config != now), None)

    def since(self, offset: int) -> int:
        """The offset from which the champion at `offset` has been champion."""
        return next(move.at_offset for move in reversed(self.moves) if move.at_offset <= offset)


class Fleet:
    """Forecasters of several configs over one log, seen from outside as the champion's forecaster.

    A config that is champion but has not been folded as far yet does not serve: the one before it does, and `missing`
    names what the shell has to fold and `install`.
    """

    def __init__(self, champions: Champions, forecasters: Iterable[Forecaster] = ()) -> None:
        self.champions = champions
        self.forecasters: dict[str, Forecaster] = {one.config.name: one for one in forecasters}
        if not self.forecasters:
            first = champions.moves[0].config
            self.forecasters[first] = Forecaster(champions.configs[first])
        self.offset = max(one.offset for one in self.forecasters.values())

    def fold(self, event: Event, offset: int | None = None) -> None:
        """Every forecaster takes the record in."""
        at = self.offset if offset is None else offset
        for one in self.forecasters.values():
            one.fold(event, at)
        self.offset = max(self.offset, at + 1)

    def install(self, forecaster: Forecaster) -> None:
        """Add one that has been folded elsewhere as far as this fleet."""
        if forecaster.offset != self.offset:
            raise ValueError(f"folded to {forecaster.offset}, the fleet to {self.offset}")
        self.forecasters[forecaster.config.name] = forecaster

    def missing(self) -> list[ForecasterConfig]:
        """Configs that are, were last or will be champion and that nobody folds here yet."""
        return [self.champions.configs[name] for name in self.wanted() if name not in self.forecasters]

    def wanted(self) -> list[str]:
        """Champion, the one before it (for a quick way back) and those planned."""
        names = [self.champions.at(self.offset), self.champions.previous(self.offset)]
        names += [move.config for move in self.champions.moves if move.at_offset > self.offset]
        return list(dict.fromkeys(name for name in names if name is not None))

    def retire(self) -> list[str]:
        """Drop forecasters that nothing needs any more; returns their names."""
        serving = self.champion.config.name
        gone = [name for name in self.forecasters if name not in self.wanted() and name != serving]
        for name in gone:
            del self.forecasters[name]
        return gone

    @property
    def champion(self) -> Forecaster:
        """The forecaster that serves now."""
        moves = [move for move in self.champions.moves if move.at_offset <= self.offset]
        for move in reversed(moves):
            if (one := self.forecasters.get(move.config)) is not None and one.offset == self.offset:
                return one
        return next(iter(self.forecasters.values()))

    def __getattr__(self, name: str) -> Any:
        """Whatever else a forecaster holds is the champion's: a part that is added there is served here."""
        if name.startswith("_") or name == "forecasters":
            raise AttributeError(name)
        return getattr(self.champion, name)

    @property
    def config(self) -> ForecasterConfig:
        """The champion's."""
        return self.champion.config

    @property
    def ref(self) -> ModelRef:
        """The version that a forecast made now belongs to."""
        return self.champion.ref

    @property
    def ledger(self) -> Ledger:
        """The champion's; what it scores is what was served, so it is the same for all."""
        return self.champion.ledger

    @property
    def definition(self) -> Mapping[str, object]:
        """What the champion's config differs in from the defaults."""
        return definition_of(self.champion.config)
