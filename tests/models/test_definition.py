"""Configs as flat values and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.definition import config_of, definition_of, leaves, name_of
from models.forecaster import ForecasterConfig
from streams.errors import ConfigError

CHANGED = {
    "risk.weight_rate": 0.3,
    "duration.families.host.drift": 0.1,
    "risk.members": ["prior", "linear"],
    "risk.fast": True,
}


def test_a_definition_holds_what_differs_and_gives_the_config_back() -> None:
    config = config_of(CHANGED)
    assert definition_of(config) == CHANGED
    assert config_of(definition_of(config)) == config
    assert config.risk.members == ("prior", "linear")
    assert config.duration.families["host"].drift == 0.1


def test_the_defaults_are_an_empty_definition() -> None:
    assert definition_of(ForecasterConfig()) == {}
    assert config_of({}) == ForecasterConfig()


def test_names_follow_from_values_alone() -> None:
    assert name_of({"a": 1, "b": 2}) == name_of({"b": 2, "a": 1}) != name_of({"a": 1})
    assert definition_of(replace(ForecasterConfig(), name="other")) == {}
    assert config_of(CHANGED, "mine").name == "mine"


def test_every_setting_of_the_default_config_can_be_given_back_as_it_is() -> None:
    values = {path: value for path, value in leaves(ForecasterConfig()) if path != "name"}
    assert config_of(values, "default") == ForecasterConfig()


@pytest.mark.parametrize(
    ("path", "value"),
    [("risk.weight_ratee", 1.0), ("duration.families.nobody.drift", 1.0), ("risk.share", "much"), ("risk.fast", 1),
     ("risk.share", [1.0]), ("risk.share", True), ("risk.members", "linear"), ("risk.share.deeper", 1.0)],
)  # fmt: skip
def test_an_unknown_path_or_unlike_value_is_refused_by_name(path: str, value: object) -> None:
    with pytest.raises(ConfigError, match=path.replace(".", r"\.")):
        config_of({path: value})
