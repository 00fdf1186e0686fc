"""systemd units: accepted by systemd itself, hardened, and about commands and settings that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from agents.api.settings import ApiSettings
from agents.rights import ROLES
from agents.settings import SinkSettings, WorkerSettings
from agents.trainer.settings import TrainerSettings
from buildcast.__main__ import COMMANDS, app
from streams.settings import load
from tests.deploy.places import DEPLOY

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
LONG_RUNNING = ("worker", "sink", "trainer", "api", "notify", "collect", "ci", "pull-github@", "pull-gitlab@")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")


def _values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


@pytest.fixture
def runnable(tmp_path: Path) -> list[Path]:
    """The units with a program that is there in place of the installed one, which systemd looks for."""
    copies = []
    for unit in sorted((DEPLOY / "systemd").iterdir()):
        copy = tmp_path / unit.name
        copy.write_text(unit.read_text().replace("/opt/buildcast/bin/buildcast", shutil.which("true") or "/bin/true"))
        copies.append(copy)
    return copies


@needs_systemd
def test_systemd_accepts_the_units(runnable: list[Path]) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, runnable)], capture_output=True, text=True, check=False
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "buildcast" in line]
    assert done.returncode == 0, done.stderr
    assert ours == []


@needs_systemd
def test_systemd_finds_little_exposure(runnable: list[Path]) -> None:
    services = [str(unit) for unit in runnable if unit.suffix == ".service"]
    for service in services:
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=25", service],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-400:]


def test_every_long_running_process_has_a_unit() -> None:
    assert {unit.stem.removeprefix("buildcast-") for unit in UNITS} == {*LONG_RUNNING, "scan", "vulnerabilities"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_run_commands_of_the_project(unit: Path) -> None:
    for line in _values(unit, "ExecStart") + _values(unit, "ExecStartPre"):
        program, command = line.split()[:2]
        assert program == "/opt/buildcast/bin/buildcast"
        assert command in COMMANDS


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_use_options_that_exist(unit: Path) -> None:
    for line in _values(unit, "ExecStart") + _values(unit, "ExecStartPre"):
        words = line.split()[1:]
        command: Any = typer.main.get_command(app)
        for word in words:
            if hasattr(command, "get_command"):
                command = command.get_command(typer.Context(command), word)
                assert command is not None, line
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_are_hardened(unit: Path) -> None:
    assert _values(unit, "DynamicUser") == ["yes"]
    assert _values(unit, "ProtectSystem") == ["strict"]
    assert _values(unit, "NoNewPrivileges") == ["yes"]
    assert _values(unit, "StateDirectory") == ["buildcast"]
    assert _values(unit, "MemoryMax")
    allowed = ["CAP_DAC_READ_SEARCH"] if "scan" in unit.stem else [""]
    assert _values(unit, "CapabilityBoundingSet") == allowed


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_secrets_come_as_credentials(unit: Path) -> None:
    credentials = {value.split(":")[0] for value in _values(unit, "LoadCredential")}
    used = set(re.findall(r"=%d/(\S+)$", unit.read_text(), re.MULTILINE))
    assert used <= credentials
    assert not re.search(r"Environment=\w*(PASSWORD|TOKEN|KEY)\w*=(?!%d/)", unit.read_text())


def test_units_enter_the_broker_as_their_role_and_run_without_a_password_where_none_is_asked() -> None:
    roles = {"worker": "worker", "sink": "sink", "trainer": "trainer", "api": "api", "notify": "notifier",
             "collect": "collector", "scan": "collector", "ci": "collector", "pull-github@": "collector",
             "pull-gitlab@": "collector"}  # fmt: skip
    assert set(roles.values()) == set(ROLES)
    for name, role in roles.items():
        unit = DEPLOY / f"systemd/buildcast-{name}.service"
        assert f"BUILDCAST_KAFKA_USER=buildcast-{role}" in _values(unit, "Environment")
        assert f"buildcast_kafka_password:/etc/buildcast/secrets/kafka_{role}" in _values(unit, "LoadCredential")
        assert "buildcast_kafka_password:\\n" in _values(unit, "SetCredential")


def test_timers_start_units_that_exist() -> None:
    timers = sorted((DEPLOY / "systemd").glob("*.timer"))
    assert [timer.stem for timer in timers] == ["buildcast-scan", "buildcast-vulnerabilities"]
    assert all(timer.with_suffix(".service").is_file() for timer in timers)


def test_sample_configuration_holds_settings_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    file = DEPLOY / "buildcast.toml"
    kinds = (WorkerSettings, SinkSettings, TrainerSettings, ApiSettings)
    known = {name for kind in kinds for name in kind.model_fields}
    assert set(tomllib.loads(file.read_text())) <= known
    monkeypatch.setenv("BUILDCAST_CONFIG", str(file))
    assert load(WorkerSettings).worker_metrics_port == 9464
    assert load(ApiSettings).api_port == 8640
