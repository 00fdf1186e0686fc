"""The command line: errors are one sentence with exit code 2, and never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from buildcast import endpoints
from buildcast.__main__ import COMMANDS
from streams.errors import ConfigError


def _buildcast(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "buildcast", *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--local"), "Missing argument"),
        (("run", "--local", "--", "no-such-command-anywhere"), "no such command"),
        (("run", "--local", "--", "/etc/passwd"), "not executable"),
        (("report", "--state", "/no/such/folder"), "nothing is stored"),
        (("report", "x", "--last"), "not both"),
        (("no-such-command",), "No such command"),
        (("evaluate", "/no/such/file.csv", "--format", "travis"), "/no/such/file.csv"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_what_a_person_got_wrong_is_one_sentence(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = _buildcast(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_of_the_table_answers_to_help() -> None:
    from typer.testing import CliRunner

    from buildcast.__main__ import app

    for name in COMMANDS:
        answer = CliRunner().invoke(app, [name, "--help"])
        assert answer.exit_code == 0, (name, answer.output)
        assert "--install-completion" not in answer.output, name  # would install it for a program of the group's name


def test_endpoints_of_a_dead_system_are_nothing(tmp_path: Path) -> None:
    endpoints.write(tmp_path, endpoints.Endpoints(bootstrap="b", database="d", pids={"broker": 2**22 + 1}))
    assert endpoints.read(tmp_path) is None


def test_damaged_endpoints_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text("{")
    with pytest.raises(ConfigError, match="buildcast down"):
        endpoints.read(tmp_path)
