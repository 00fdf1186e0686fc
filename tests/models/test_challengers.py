"""Rivals are drawn by seed from the declared space."""

from __future__ import annotations

from models.challengers import SPACE, draw
from models.definition import config_of, definition_of
from models.forecaster import Forecaster, ForecasterConfig


def test_same_seed_gives_the_same_rivals_and_another_seed_others() -> None:
    one, again, other = (draw(ForecasterConfig(), 5, seed) for seed in (1, 1, 2))
    assert one == again != other
    assert len({config.name for config in one}) == 5
    assert "default" not in {config.name for config in one}


def test_a_rival_differs_from_the_champion_in_one_or_two_settings() -> None:
    champion = config_of({"risk.weight_rate": 0.3})
    for rival in draw(champion, 10, 3):
        mine, theirs = definition_of(champion), definition_of(rival)
        assert 1 <= len({path for path in {*mine, *theirs} if mine.get(path) != theirs.get(path)}) <= 2


def test_every_declared_value_makes_a_model() -> None:
    for path, values in SPACE.items():
        for value in values:
            Forecaster(config_of({path: value}))


def test_half_lives_members_learning_rates_window_and_fading_may_differ() -> None:
    assert {"risk.half_life", "risk.members", "risk.step", "risk.window", "risk.share"} <= set(SPACE)


def test_known_names_are_not_drawn_again_and_an_exhausted_space_gives_fewer() -> None:
    space = {"evidence_step": (0.1, 0.2, 0.4)}
    first = draw(ForecasterConfig(), 5, 1, space)
    assert len(first) == 2
    assert draw(ForecasterConfig(), 5, 1, space, known=[config.name for config in first]) == []
