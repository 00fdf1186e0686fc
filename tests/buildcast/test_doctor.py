"""`buildcast doctor`: each thing is told as it is, with what to do, and the exit code follows the worst."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from agents.admin import check_topics, create_topics
from agents.store.database import migrate, revisions
from buildcast import doctor as look
from buildcast import doctor_servers as servers
from buildcast.commands.doctor import doctor
from streams.errors import ConfigError


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_this_interpreter_and_its_packages_are_as_pinned() -> None:
    assert look.python().state == "ok"
    assert look.packages().state == "ok", look.packages().said
    assert int(look.packages().said.split()[0]) >= 10


def test_an_old_python_and_other_versions_are_named() -> None:
    assert (look.python((3, 9, 2)).state, look.python((3, 9, 2)).said) == ("fail", "3.9.2 is too old")
    found = look.packages(["msgspec==0.0.1", "no-such-thing==1.0", "typer"])
    assert found.state == "fail"
    assert "msgspec " in found.said
    assert "no-such-thing missing instead of 1.0" in found.said


def test_a_library_of_the_system_that_is_missing_is_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look.trees().state == "ok"
    (tmp_path / "lightgbm.py").write_text("raise OSError('libgomp.so.1: cannot open shared object file')")
    monkeypatch.delitem(sys.modules, "lightgbm", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = look.trees()
    assert (found.state, found.remedy) == ("fail", "install libgomp1")
    assert "libgomp.so.1" in found.said


def test_a_folder_that_is_not_there_yet_is_well(tmp_path: Path) -> None:
    assert look.state_folder(tmp_path / "new").state == "ok"


def test_keys_that_others_may_read_and_folders_that_all_may_write_fail(tmp_path: Path) -> None:
    key = tmp_path / "snapshot.key"
    key.write_bytes(b"k")
    key.chmod(0o644)
    found = look.state_folder(tmp_path)
    assert (found.state, found.remedy) == ("fail", f"chmod 0600 {key}")
    key.chmod(0o600)
    assert look.state_folder(tmp_path).state == "ok"
    tmp_path.chmod(0o777)
    assert "anybody may write" in look.state_folder(tmp_path).said


@pytest.mark.parametrize(("free", "state"), [(100 << 30, "ok"), (1 << 30, "warn"), (1 << 20, "fail")])
def test_little_room_warns_and_none_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    usage = look.shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(look.shutil, "disk_usage", lambda _path: usage)
    assert look.disk(tmp_path / "not" / "there").state == state


def test_pressure_is_read_or_said_to_be_missing(tmp_path: Path) -> None:
    assert "the kernel has none" in look.pressure(tmp_path).said
    (tmp_path / "pressure").mkdir()
    for name in ("cpu", "memory", "io"):
        (tmp_path / "pressure" / name).write_text("some avg10=0.00")
    assert look.pressure(tmp_path).state == "ok"


def test_a_port_of_somebody_else_warns(listener: int) -> None:
    free, taken = look.ports({"api": 0, "worker": listener})
    assert free.state == "ok"
    assert (taken.state, taken.said) == ("warn", f"{listener} is taken by something else")


def test_a_clock_is_kept_right_or_warned_of() -> None:
    assert look.clock().state in ("ok", "warn")


def test_without_git_builds_are_forecast_without_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    (found,) = look.programs()
    assert (found.state, found.remedy) == ("warn", "install git")


def test_a_schema_of_another_version_fails(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/rows.sqlite"
    asyncio.run(migrate(url, "0001"))
    newest = asyncio.run(revisions(url))[1]
    assert servers.database(url).said == f"its schema is at revision 0001, this version needs {newest}"
    asyncio.run(migrate(url))
    assert servers.database(url) == look.Finding("database", "ok", f"schema at revision {newest}")


def test_servers_that_are_away_fail() -> None:
    assert "no database answers" in servers.database("mysql+aiomysql://u@127.0.0.1:9/x").said
    (found,) = servers.broker("127.0.0.1:9", 8)
    assert (found.name, found.state) == ("broker", "fail")


@pytest.mark.kafka
def test_topics_of_another_size_fail(broker: str) -> None:
    partitions = 8
    try:
        asyncio.run(create_topics(broker, partitions))
    except ConfigError:  # another test has made them
        partitions = asyncio.run(check_topics(broker, ["build-events.v1"]))["build-events.v1"]
    assert [one.state for one in servers.broker(broker, partitions)] == ["ok", "ok"]
    _, topics = servers.broker(broker, partitions + 1)
    assert topics.state == "fail"
    assert f"build-events.v1 has {partitions} partitions instead of {partitions + 1}" in topics.said


def test_settings_that_are_wrong_end_the_examination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUILDCAST_ALERT_AT", "2")
    with pytest.raises(typer.Exit) as ended:
        doctor(tmp_path, as_json=True)
    assert ended.value.exit_code == 2
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert (findings[-1]["name"], findings[-1]["state"]) == ("settings", "fail")
    assert "alert_at" in findings[-1]["said"]


def test_all_is_told_in_a_table_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        doctor(tmp_path, as_json=False)
    assert ended.value.exit_code in (0, 1)
    said = capsys.readouterr().out
    for name in ("python", "packages", "disk", "clock", "broker", "database"):
        assert name in said
