"""models, train, label, replay and data as a person meets them, in local mode."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from buildcast.commands.data import data
from buildcast.commands.label import label
from buildcast.commands.models import models
from buildcast.commands.replay import replay
from buildcast.commands.train import train
from buildcast.local import LocalPaths
from buildcast.logs import principal
from buildcast.replica_file import load_forecaster, save_forecaster
from models.definition import config_of
from models.snapshot import probe
from streams.errors import ConfigError
from streams.events import ExampleRecorded, LabelRevised, ModelPromoted, TrainingFinished
from streams.journal import Journal
from tests.models.histories import recorded


@pytest.fixture(scope="module")
def history() -> bytes:
    """A recorded log, encoded once."""
    from streams.codec import encode

    return b"".join(encode(event) + b"\n" for event in recorded(150))


@pytest.fixture
def state(tmp_path: Path, history: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder with 150 runs."""
    monkeypatch.delenv("BUILDCAST_BOOTSTRAP", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "examples.jsonl").write_bytes(history)
    return folder


def _run(command: Any, *arguments: str) -> str:
    app = command if isinstance(command, typer.Typer) else typer.Typer()
    if app is not command:
        app.command()(command)
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_config_is_promoted_listed_shown_and_rolled_back(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text("[risk]\nweight_rate = 0.3\n")
    name = config_of({"risk.weight_rate": 0.3}).name
    at = ("--state", str(state))
    assert f"{name} is champion from offset 300 on (before: default)" in _run(
        models, "promote", "--file", str(file), *at
    )
    listed = _run(models, "list", *at)
    assert "champion" in listed
    assert "risk.weight_rate=0.3" in listed
    assert json.loads(_run(models, "show", *at))["settings"]["risk.weight_rate"] == 0.3
    assert "0.3" in _run(models, "diff", "previous", "champion", *at)
    assert "back to default" in _run(models, "rollback", "--reason", "worse", *at)
    told = _run(models, "history", *at)
    assert told.index("promoted") < told.index("rolled back") < told.index("worse")
    assert "equal" in _run(models, "diff", "default", "default", *at)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rollback",), "nothing was ever promoted"),
        (("rollback", "--to", "nobody"), "never champion"),
        (("promote",), "--file"),
        (("promote", "default"), "champion already"),
        (("promote", "nobody"), "no config 'nobody'"),
        (("show", "previous"), "nothing was ever promoted"),
        (("show", "challenger"), "there is no challenger"),
        (("promote", "--file", "absent.toml"), "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(state: Path, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        _run(models, *arguments, "--state", str(state))


@pytest.mark.parametrize("text", ["risk = ", "stepp = 1.0", "[risk]\nweight_rate = 'much'"])
def test_a_faulty_config_file_is_refused(state: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        _run(replay, "--config", str(file), "--state", str(state))


def test_a_folder_without_records_says_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUILDCAST_BOOTSTRAP", raising=False)
    with pytest.raises(ConfigError, match="buildcast run --local"):
        _run(data, "validate", "--state", str(tmp_path))


def test_replay_with_the_serving_config_equals_what_was_served(state: Path, tmp_path: Path) -> None:
    said = _run(replay, "--state", str(state), "--out", str(tmp_path / "out"), "--all")
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert found["scores"]["served"] == found["scores"]["default"]
    assert found["runs"] == 150
    assert "times real time" in said
    picture = (tmp_path / "out" / "comparison.svg").read_text()
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    for told in ("precision", "recall", "minutes saved, at most", "minutes lost, at most", "alerts a day, at most"):
        assert told in picture


def test_replay_of_another_config_within_times(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    file.write_text('{"risk.weight_rate": 0.01}')
    said = _run(replay, "--state", str(state), "--config", str(file), "--from", "2025-10-09T18:00", "--to", "280")
    assert "served" in said
    with pytest.raises(ConfigError, match="neither an offset nor a time"):
        _run(replay, "--state", str(state), "--from", "yesterday")
    with pytest.raises(ConfigError, match="no run ended"):
        _run(replay, "--state", str(state), "--from", "900")


def test_local_mode_serves_the_champion_and_after_a_rollback_the_older_digits(state: Path, tmp_path: Path) -> None:
    paths, file = LocalPaths(state), tmp_path / "b.toml"
    file.write_text("risk.weight_rate = 0.3\n")
    before = load_forecaster(paths)
    save_forecaster(paths, before)
    _run(models, "promote", "--file", str(file), "--state", str(state))
    promoted = load_forecaster(paths)
    assert promoted.ref.config == config_of({"risk.weight_rate": 0.3}).name
    assert probe(promoted) != probe(before)
    save_forecaster(paths, promoted)
    _run(models, "rollback", "--state", str(state))
    assert load_forecaster(paths).ref == before.ref
    assert probe(load_forecaster(paths)) == probe(before)


def test_served_forecasts_are_scored_by_model_package_and_host(state: Path) -> None:
    told = _run(models, "scores", "--by", "package", "--state", str(state))
    assert "p3/job" in told
    assert "150 runs" in told
    assert "default" in _run(models, "scores", "--state", str(state))
    shown = json.loads(_run(models, "show", "--state", str(state)))
    assert shown["scores"]["labels"] == 150
    assert {"log_loss.first", "log_loss.revised", "log_loss.ewma5", "last_duration_error"} <= shown["scores"].keys()
    assert len(shown["sha256"]) == 64
    with pytest.raises(ConfigError, match="nothing to score by"):
        _run(models, "scores", "--by", "moon", "--state", str(state))


def test_every_change_stands_in_the_audit_trail_with_before_and_after(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text("risk.weight_rate = 0.3\n")
    name = config_of({"risk.weight_rate": 0.3}).name
    for command, *arguments in (
        (models, "promote", "--file", str(file)), (models, "rollback"),
        (label, "r3", "flaky"), (label, "r3", "success"),
    ):  # fmt: skip
        _run(command, *arguments, "--state", str(state))
    with closing(sqlite3.connect(LocalPaths(state).database)) as database:
        query = "SELECT action, before_value, after_value, principal FROM audit ORDER BY time"
        rows = database.execute(query).fetchall()
        versions = database.execute("SELECT kind, trigger_kind, length(sha256) FROM model_versions").fetchall()
    assert [row[:3] for row in rows] == [
        ("model-promoted", "default", f"{name} from offset 300 on"),
        ("model-rolled-back", name, "default from offset 300 on"),
        ("label-revised", _outcome(state, "r3"), "flaky"),
        ("label-revised", "flaky", "success"),
    ]
    assert {row[3] for row in rows} == {principal()}
    assert sorted(versions) == [("promoted", "request", 64), ("rolled-back", "request", 64)]


def _outcome(state: Path, run_id: str) -> str:
    return next(event.outcome for _, event in Journal(state / "examples.jsonl").read()
                if isinstance(event, ExampleRecorded) and event.run.run_id == run_id)  # fmt: skip


def test_a_label_is_restated(state: Path) -> None:
    assert "r3 is flaky\n" in _run(label, "r3", "flaky", "--note", "network", "--state", str(state))
    assert "unknown" in _run(label, "r999", "success", "--state", str(state))
    *_, (_, first), (_, second) = Journal(state / "examples.jsonl").read()
    assert isinstance(first, LabelRevised)
    assert (first.run_id, first.verdict, first.note, bool(first.principal)) == ("r3", "flaky", "network", True)
    assert isinstance(second, LabelRevised)
    with pytest.raises(ConfigError, match="no verdict"):
        _run(label, "r3", "odd", "--state", str(state))


def test_train_without_a_broker_trains_here_and_keeps_the_result(state: Path) -> None:
    said = _run(train, "--state", str(state))
    assert "log_loss.champion" in said
    kinds = [event for _, event in Journal(state / "model-events.jsonl").read()]
    assert any(isinstance(event, TrainingFinished) and event.outcome == "success" for event in kinds)
    assert not any(isinstance(event, ModelPromoted) for event in kinds)
    listed = _run(models, "list", "--state", str(state))
    assert "challenger" in listed
    assert [line.split()[3] for line in listed.splitlines() if " floor " in line][:1] == ["floor"]
    assert "training ended" in _run(models, "history", "--state", str(state))
    gains = next(event for event in kinds if isinstance(event, TrainingFinished)).metrics
    best = max((name for name in gains if name.startswith("mean_gain.")), key=gains.__getitem__)
    assert json.loads(_run(models, "show", "challenger", "--state", str(state)))["config"] == best.partition(".")[2]
    with pytest.raises(ConfigError, match="no model"):
        _run(train, "odd", "--state", str(state))
    with pytest.raises(ConfigError, match="Ctrl-C"):
        _run(train, "--cancel", "x", "--state", str(state))


def test_data_is_validated_prepared_and_exported(state: Path, tmp_path: Path) -> None:
    assert "failure_share" in _run(data, "validate", "--state", str(state), "--strict")
    assert "150 good examples, 0 in quarantine" in _run(
        data, "prepare", "--out", str(tmp_path / "o"), "--state", str(state)
    )
    assert len(list(Journal(tmp_path / "o" / "examples.jsonl").read())) == 150
    _run(data, "export", "--out", str(tmp_path / "e.csv"), "--state", str(state))
    with (tmp_path / "e.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 150
    assert {"run_id", "outcome", "project_rate_3"} <= rows[0].keys()
    _run(data, "export", "--out", str(tmp_path / "e.parquet"), "--state", str(state))
    assert (tmp_path / "e.parquet").read_bytes()[:4] == b"PAR1"
    with pytest.raises(ConfigError, match=r"neither \.csv"):
        _run(data, "export", "--out", str(tmp_path / "e.xls"), "--state", str(state))


def test_suspects_are_told_and_revised_on_demand(state: Path) -> None:
    assert "0 suspects" in _run(data, "suspects", "--state", str(state))
    assert "revised" in _run(data, "suspects", "--apply", "--state", str(state))
