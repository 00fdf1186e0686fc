"""What another config would have said; with the one that served, what was served."""

from __future__ import annotations

from models.definition import config_of
from models.forecaster import ForecasterConfig
from models.replay import replay
from tests.models.histories import recorded

LOG = list(enumerate(recorded(300)))


def test_the_config_that_served_says_the_same_to_the_last_digit() -> None:
    found = list(replay(lambda: LOG, ForecasterConfig(), first_only=False))
    assert len(found) >= 300
    assert all(one.risk == one.served_risk for one in found)


def test_another_config_says_something_else_and_twice_the_same() -> None:
    other = config_of({"risk.weight_rate": 0.01})
    once, again = (list(replay(lambda: LOG, other)) for _ in range(2))
    assert once == again
    assert any(one.risk != one.served_risk for one in once)


def test_only_runs_that_ended_within_the_offsets_are_asked() -> None:
    found = list(replay(lambda: LOG, ForecasterConfig(), start=200, end=400))
    ended = [number for number, event in LOG[200:400] if type(event).__name__ == "ExampleRecorded"]
    assert len(found) == len(ended)
    assert all(one.risk == one.served_risk for one in found)


def test_an_empty_stretch_gives_nothing() -> None:
    assert list(replay(lambda: LOG, ForecasterConfig(), start=10_000)) == []


def test_progress_is_told() -> None:
    told: list[int] = []
    list(replay(lambda: LOG, ForecasterConfig(), on_progress=told.append))
    assert told[0] == 0
