"""`buildcast security` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from buildcast.commands.security import security
from collectors.spool import Spool
from streams.codec import decode
from streams.errors import ConfigError
from streams.events import FindingReported
from streams.journal import Journal
from tests.collectors.security.host_tree import lay_out


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(security, ["scan", *arguments])
    if isinstance(result.exception, ConfigError):
        raise result.exception
    return result.exit_code, result.stdout


def test_scan_prints_findings_areas_and_a_score(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {"etc/login.defs": "UMASK 000\n"})
    code, text = _run("--root", str(root))
    assert code == 0
    assert "umask.open" in text
    assert "1 findings" in text or "findings, score" in text


def test_scan_as_json_feeds_programs_and_the_journal(tmp_path: Path) -> None:
    root = lay_out(tmp_path / "host")
    (root / "home/lfs/build/[red]x").touch()
    (root / "home/lfs/build/[red]x").chmod(0o666)
    options = ["--build-root", "/home/lfs/build", "--builder", "lfs", "--memory", str(tmp_path / "m.json")]
    options += ["--root", str(root), "--journal", str(tmp_path / "j"), "--json"]
    code, text = _run(*options)
    said = json.loads(text)
    assert code == 0
    assert "files.world-writable" in {finding["check"] for finding in said["findings"]}
    assert said["may_build"] == {"lfs": ["lfs"]}
    events = [event for _, event in Journal(tmp_path / "j").read()]
    assert all(isinstance(event, FindingReported) for event in events)
    assert len(events) == len(said["findings"])
    _run(*options)
    assert len(list(Journal(tmp_path / "j").read())) == len(events)


def test_names_are_no_markup_for_the_terminal(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    (root / "home/lfs/build/[red][x").touch()
    (root / "home/lfs/build/[red][x").chmod(0o666)
    code, _ = _run("--root", str(root), "--build-root", "/home/lfs/build", "--fail-on", "critical")
    assert code in (0, 1)


def test_fail_on_sets_the_exit_code(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {"etc/login.defs": "UMASK 000\n"})
    assert _run("--root", str(root), "--fail-on", "low")[0] == 1
    with pytest.raises(ConfigError, match="choose one of"):
        _run("--fail-on", "awful")


def test_missing_root_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        _run("--root", str(tmp_path / "none"))


def test_checks_lists_every_check() -> None:
    result = CliRunner().invoke(security, ["checks"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "files.setuid" in result.stdout


def test_findings_can_go_to_the_hosts_spool(tmp_path: Path) -> None:
    root = lay_out(tmp_path / "host", {"etc/login.defs": "UMASK 000\n"})
    _run("--root", str(root), "--spool", str(tmp_path / "spool"))
    waiting = [decode(one.payload) for one in Spool(tmp_path / "spool").waiting()]
    assert "umask.open" in {getattr(event, "check", "") for event in waiting}
