"""Who is champion follows from the moves; a fleet serves it, and going back is exact."""

from __future__ import annotations

import pytest

from models.champion import Champions, Fleet
from models.core import Core
from models.definition import config_of, definition_of
from models.forecaster import Forecaster
from streams.events import ModelPromoted, ModelRolledBack
from tests.builders import T0
from tests.models.histories import build_events, recorded

OTHER = config_of({"risk.weight_rate": 0.3})


def _promoted(at: int, name: str = OTHER.name, event_id: str = "") -> ModelPromoted:
    return ModelPromoted(id=event_id or f"p{at}{name}", source="/t", time=T0, model="risk", config=name, at_offset=at,
                         definition=definition_of(OTHER))  # fmt: skip


def _back(at: int, name: str = "default") -> ModelRolledBack:
    return ModelRolledBack(id=f"b{at}", source="/t", time=T0, model="risk", config=name, at_offset=at, reason="worse")


def test_champion_at_an_offset_is_the_last_move_before_it() -> None:
    champions = Champions()
    assert champions.apply(_promoted(10))
    assert [champions.at(offset) for offset in (0, 9, 10, 99)] == ["default", "default", OTHER.name, OTHER.name]
    assert champions.apply(_back(20))
    assert champions.at(20) == "default"
    assert (champions.previous(20), champions.previous(5), champions.since(25)) == (OTHER.name, None, 20)


def test_the_same_move_twice_is_one_move() -> None:
    champions = Champions()
    assert champions.apply(_promoted(10))
    assert not champions.apply(_promoted(10))
    assert len(champions.moves) == 2


def test_a_later_told_move_overrides_what_was_planned() -> None:
    champions = Champions()
    champions.apply(_promoted(100))
    champions.apply(_back(50))
    assert champions.at(200) == "default"


def test_a_move_to_a_config_that_nobody_defined_is_rejected() -> None:
    champions = Champions()
    assert not champions.apply(_back(5, "nobody"))
    assert champions.rejected == ["b5"]
    assert champions.at(99) == "default"


def test_a_fleet_serves_the_champion_of_its_offset_and_rolls_back_to_the_last_digit() -> None:
    log, champions = recorded(120), Champions()
    fleet = Fleet(champions, [Forecaster(), Forecaster(OTHER)])
    alone = {"default": Forecaster(), OTHER.name: Forecaster(OTHER)}
    champions.apply(_promoted(100))
    champions.apply(_back(160))
    run = next(event.run for event in build_events(1) if hasattr(event, "run"))
    served = []
    for event in log:
        fleet.fold(event)
        for one in alone.values():
            one.fold(event)
        name = fleet.ref.config
        served.append(name)
        prior = fleet.risk.describe(run, T0 + 1e6)
        assert fleet.risk.score(prior) == alone[name].risk.score(prior)
    assert served == ["default"] * 99 + [OTHER.name] * 60 + ["default"] * (len(log) - 159)


def test_all_fleets_agree_however_late_they_hear_of_the_move() -> None:
    log = recorded(60)
    early, late = Champions(), Champions()
    early.apply(_promoted(40))
    one, other = (Fleet(known, [Forecaster(), Forecaster(OTHER)]) for known in (early, late))
    for number, event in enumerate(log):
        if number == 30:
            late.apply(_promoted(40))
        one.fold(event, number)
        other.fold(event, number)
        assert one.ref == other.ref


def test_a_champion_not_folded_yet_does_not_serve_until_it_is_installed() -> None:
    log, champions = recorded(40), Champions()
    fleet = Fleet(champions)
    for number, event in enumerate(log):
        fleet.fold(event, number)
    champions.apply(_promoted(10))
    assert fleet.ref.config == "default"
    assert fleet.missing() == [OTHER]
    rival = Forecaster(OTHER)
    with pytest.raises(ValueError, match="folded to 0"):
        fleet.install(rival)
    for number, event in enumerate(log):
        rival.fold(event, number)
    fleet.install(rival)
    assert (fleet.ref.config, fleet.ref.offset, fleet.missing()) == (OTHER.name, len(log), [])


def test_what_nothing_needs_is_retired() -> None:
    champions = Champions()
    third = config_of({"risk.weight_rate": 0.01})
    fleet = Fleet(champions, [Forecaster(), Forecaster(OTHER), Forecaster(third)])
    assert sorted(fleet.retire()) == sorted([OTHER.name, third.name])
    assert list(fleet.forecasters) == ["default"]


def test_the_live_core_takes_a_fleet_for_a_forecaster() -> None:
    fleet, plain = Fleet(Champions()), Forecaster()
    cores = Core(fleet), Core(plain)  # type: ignore[arg-type]  # the same interface
    for event in build_events(30):
        outputs = [core.handle(event) for core in cores]
        assert outputs[0] == outputs[1]
        for output in outputs[0]:
            fleet.fold(output)
            plain.fold(output)


def test_a_fleet_answers_for_every_part_of_its_champion() -> None:
    fleet = Fleet(Champions(), [Forecaster()])
    parts = [name for name in vars(fleet.champion) if not name.startswith("_") and name != "offset"]
    assert "advisor" in parts
    assert all(getattr(fleet, name) is getattr(fleet.champion, name) for name in parts)
    with pytest.raises(AttributeError, match="no_such_part"):
        _ = fleet.no_such_part
