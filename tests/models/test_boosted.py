"""Trees that are grown beside the fold: LightGBM's own answers, at a fixed lesson, whatever happens meanwhile."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.forecaster import Forecaster, ForecasterConfig
from models.members import boosted
from models.members.boosted import Boosted, lightgbm
from models.members.vector import BASE_LOGIT, Vector
from models.risk import RiskConfig
from models.snapshot import probe, seal, unseal
from streams.errors import ConfigError
from streams.events import RunOpened
from tests.models.histories import recorded


def _lessons(count: int, width: int = 5, seed: int = 2) -> list[tuple[Vector, float]]:
    rng = np.random.default_rng(seed)
    return [(row, float(row[0] * row[1] > 0.0)) for row in rng.normal(size=(count, width))]


def _taught(member: Boosted, lessons: list[tuple[Vector, float]]) -> Boosted:
    for row, broken in lessons:
        member.fit(row, broken)
    return member


def test_the_tables_answer_as_lightgbm_does() -> None:
    lessons = _lessons(3_000)
    rows = np.array([row for row, _ in lessons], np.float32)
    broken = np.array([each for _, each in lessons], np.float32)
    library: Any = lightgbm()
    data = library.Dataset(rows, broken, params={"max_bin": 63, "verbosity": -1})
    own = library.train({**boosted._SETTINGS, "seed": 7}, data, 75).predict(rows.astype(float), raw_score=True)
    grove = boosted._grown(rows, broken, 7)
    assert len(grove.features) == 75
    assert [grove.logit(row.astype(float)) for row in rows] == pytest.approx(own.tolist(), abs=1e-9)


def test_what_no_single_feature_tells_is_learned() -> None:
    member = _taught(Boosted(), _lessons(2_000))
    assert member.logit(np.array([1.0, 1.0, 0.0, 0.0, 0.0])) > 0.5
    assert member.logit(np.array([1.0, -1.0, 0.0, 0.0, 0.0])) < -0.5


def test_trees_speak_from_a_fixed_lesson_on() -> None:
    member = Boosted(pause=100)
    for number, (row, broken) in enumerate(_lessons(400), 1):
        member.fit(row, broken)
        assert member.ready == (number >= 200), number
        assert member.ready or member.logit(row) == BASE_LOGIT


def test_a_copy_made_while_trees_grow_says_the_same_ever_after() -> None:
    lessons = _lessons(900)
    member = _taught(Boosted(pause=100), lessons[:160])  # grown at 150, heard from 200 on
    copy = pickle.loads(pickle.dumps(member))
    for row, broken in lessons[160:]:
        assert copy.fit(row, broken) == member.fit(row, broken)


def test_only_the_latest_lessons_count() -> None:
    old = [(row, 1.0 - broken) for row, broken in _lessons(600, seed=5)]
    member = _taught(Boosted(window=500, pause=100, most=100), [*old, *_lessons(900)])
    assert member.logit(np.array([1.0, 1.0, 0.0, 0.0, 0.0])) > 0.5
    assert member._kept.shape == (500, 5)


def test_trees_are_grown_again_at_least_every_so_often() -> None:
    member, before, grown = Boosted(pause=100, growth=3.0, most=150), None, []
    for number, (row, broken) in enumerate(_lessons(1_000), 1):
        member.fit(row, broken)
        if member.grove is not before:
            before = member.grove
            grown.append(number)
    assert grown == [200, 350, 500, 650, 800, 950]


@pytest.mark.parametrize("broken", [0.0, 1.0])
def test_outcomes_that_are_all_alike_are_nothing_to_fear(broken: float) -> None:
    member = _taught(Boosted(pause=100), [(row, broken) for row, _ in _lessons(250)])
    assert member.ready
    assert (member.logit(np.zeros(5)) > 0.0) == (broken == 1.0)


def test_features_that_come_later_widen_what_is_kept() -> None:
    member = _taught(Boosted(pause=100), [*_lessons(180), *_lessons(300, width=7)])
    assert member._kept.shape[1] == 7
    assert member.logit(np.ones(5)) == member.logit(np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]))


def test_a_member_with_nothing_to_say_yet_leaves_the_others_as_they_are() -> None:
    members = ("factors", "contexts")
    with_trees = Forecaster(ForecasterConfig(risk=RiskConfig(members=(*members, "boosted"), share=0.0)))
    without = Forecaster(ForecasterConfig(risk=RiskConfig(members=members, share=0.0)))
    opened = [event for event in recorded(200) if isinstance(event, RunOpened)]
    for event in recorded(200):
        with_trees.fold(event)
        without.fold(event)
    assert not with_trees.risk.members["boosted"].ready
    told = [[each.risk.risk(event.prior) for event in opened if event.prior] for each in (with_trees, without)]
    assert len(set(told[1])) > 10
    assert told[0] == pytest.approx(told[1], rel=1e-9)


def test_a_sealed_forecaster_goes_on_where_its_trees_were_being_grown() -> None:
    config = ForecasterConfig(name="trees")
    forecaster = Forecaster(config)
    log = recorded(1_200)
    member = forecaster.risk.members["boosted"]
    assert isinstance(member, Boosted)
    half = next(place for place, event in enumerate(log) if forecaster.fold(event) or member.lessons == 320)
    loaded = unseal(seal(forecaster, b"key"), b"key", config)
    for event in log[half + 1 :]:
        forecaster.fold(event)
        loaded.fold(event)
    assert member.ready
    assert member.lessons > 450
    assert probe(loaded) == probe(forecaster)


@pytest.mark.parametrize(
    ("text", "told"), [("raise OSError('libgomp.so.1: no such file')", "install libgomp1"), (None, "pip install")]
)
def test_a_library_that_cannot_be_loaded_is_told_with_its_remedy(
    text: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is None:
        monkeypatch.setitem(sys.modules, "lightgbm", None)
    else:
        (tmp_path / "lightgbm.py").write_text(text)
        monkeypatch.delitem(sys.modules, "lightgbm", raising=False)
        monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=told):
        lightgbm()
    with pytest.raises(ConfigError, match=told):
        _taught(Boosted(pause=100), _lessons(250))
