"""The fence that keeps the future out of a score."""

from __future__ import annotations

import pytest

from models.features import Availability, Feature, Schema, admit_attributes
from models.history.fold import PRIOR_SCHEMA, History
from streams.errors import ConfigError, InvalidEvent
from tests.builders import T0, run


def _feature(name: str, moment: Availability = Availability.STARTED) -> Feature:
    return Feature(name, "a meaning", "ratio", moment)


@pytest.mark.parametrize("moment", [Availability.RUNNING, Availability.FINISHED])
def test_feature_known_only_later_is_refused(moment: Availability) -> None:
    with pytest.raises(ConfigError, match="known only when"):
        Schema("prior", Availability.STARTED, [_feature("lines", moment)])


@pytest.mark.parametrize("name", ["outcome", "label", "exit_code", "build_Failed", "duration"])
def test_outcome_declared_as_a_feature_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="outcome itself"):
        Schema("prior", Availability.STARTED, [_feature(name)])


@pytest.mark.parametrize("name", ["outcome", "Status", "build_Failed", "seconds"])
def test_outcome_injected_as_an_attribute_is_refused(name: str) -> None:
    with pytest.raises(InvalidEvent, match="leak"):
        History().describe(run(attributes={name: 1.0}), T0)


def test_honest_attributes_are_let_through() -> None:
    assert admit_attributes({"change_files": 3.0}) == {"change_files": 3.0}


def test_feature_declared_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="declared twice"):
        Schema("prior", Availability.STARTED, [_feature("a"), _feature("a")])


def test_every_prior_feature_is_known_at_the_start_and_says_what_it_is() -> None:
    for feature in PRIOR_SCHEMA.features:
        assert feature.available_at <= Availability.STARTED
        assert feature.meaning
        assert feature.unit


def test_schema_has_another_name_when_its_features_change() -> None:
    one = Schema("prior", Availability.STARTED, [_feature("a")])
    other = Schema("prior", Availability.STARTED, [_feature("b")])
    assert one.name != other.name


def test_describing_gives_one_finite_number_a_feature_and_changes_nothing() -> None:
    history = History()
    history.open(run("first"), T0)
    history.learn(run("first"), 1.0, T0 + 60, False, 60.0)
    once = history.describe(run("second"), T0 + 100)
    assert len(once.values) == len(PRIOR_SCHEMA)
    assert all(abs(value) < 1e6 for value in once.values)
    assert history.describe(run("second"), T0 + 100) == once
