"""Settings: file, environment, secrets folder, arguments; faults in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.errors import ConfigError
from streams.settings import Settings, load


class _Some(Settings):
    threshold: float = 0.8
    password: str = ""


def test_environment_wins_over_the_file_and_arguments_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "buildcast.toml"
    file.write_text("threshold = 0.5\n")
    monkeypatch.setenv("BUILDCAST_CONFIG", str(file))
    assert load(_Some).threshold == 0.5
    monkeypatch.setenv("BUILDCAST_THRESHOLD", "0.6")
    assert load(_Some).threshold == 0.6
    assert load(_Some, threshold=0.7).threshold == 0.7
    assert load(_Some, threshold=None).threshold == 0.6


def test_secrets_are_read_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "BUILDCAST_PASSWORD").write_text("hunter2")
    monkeypatch.setenv("BUILDCAST_SECRETS", str(tmp_path))
    assert load(_Some).password == "hunter2"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BUILDCAST_THRESHOLD", "high", "threshold"),
        ("BUILDCAST_CONFIG", "/no/such/file.toml", "is no file"),
        ("BUILDCAST_SECRETS", "/no/such/folder", "is no folder"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=said):
        load(_Some)


def test_a_broken_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "buildcast.toml"
    file.write_text("threshold = = 1")
    monkeypatch.setenv("BUILDCAST_CONFIG", str(file))
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(_Some)
