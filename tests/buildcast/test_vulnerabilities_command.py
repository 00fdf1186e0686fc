"""`buildcast vulnerabilities` as a person meets it, against a server that speaks the feeds' protocols."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.store.database import connect, migrate
from agents.store.rows import writes_of
from agents.store.writer import Item, Writer
from buildcast.commands.vulnerabilities import package_of, vulnerabilities
from collectors.vulnerability import NVD_NOTICE, Package
from streams.errors import ConfigError
from streams.journal import Journal
from tests import builders
from tests.collectors.vulnerability.feeds import FeedServer, cve, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FeedServer]:
    with serving(FeedServer([cve("CVE-2024-1", "1.0", "2.0")])) as feeds:
        monkeypatch.setenv("BUILDCAST_NVD_ADDRESS", f"{feeds.address}/nvd")
        monkeypatch.setenv("BUILDCAST_OSV_ADDRESS", f"{feeds.address}/osv")
        monkeypatch.setenv("BUILDCAST_FEED_NETWORKS", '["127.0.0.0/8"]')
        monkeypatch.setenv("BUILDCAST_ADVISORY_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("BUILDCAST_NVD_API_KEY", "s3cret")
        yield feeds


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(vulnerabilities, arguments, env={"COLUMNS": "200"})
    if isinstance(result.exception, ConfigError):
        raise result.exception
    assert result.exit_code == 0
    assert "s3cret" not in result.output
    return " ".join(result.stdout.split())


def test_refresh_then_check_tells_weak_packages_with_notice_and_age(server: FeedServer, tmp_path: Path) -> None:
    assert "nvd: 1 records" in _run("refresh")
    assert server.keys == ["s3cret"]
    text = _run("check", "libfoo=1.5", "libfoo=2.0", "--journal", str(tmp_path / "j"), "--run-id", "r1")
    assert "CVE-2024-1" in text
    assert "2 packages, 1 findings" in text
    assert "nvd data 0.0 hours old" in text
    assert NVD_NOTICE in text
    (event,) = [event for _, event in Journal(tmp_path / "j").read()]
    assert getattr(event, "run_id", "") == "r1"


def test_a_site_keeps_what_the_feeds_said_in_its_database(
    server: FeedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILDCAST_ADVISORY_DATABASE", f"sqlite+aiosqlite:///{tmp_path}/site.sqlite")
    assert "nvd: 1 records" in _run("refresh")
    assert not (tmp_path / "cache").exists()
    assert "CVE-2024-1" in _run("check", "libfoo=1.5")
    assert "nvd data 0.0 hours old" in _run("status")
    monkeypatch.delenv("BUILDCAST_ADVISORY_DATABASE")
    assert "no feed has been read yet" in _run("check", "libfoo=1.5")


def test_what_stored_runs_built_is_checked_run_by_run(server: FeedServer, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    runs = {"r-weak": "1.5", "r-fixed": "2.0", "r-unknown": ""}
    asyncio.run(_store(f"sqlite+aiosqlite:///{state}/buildcast.sqlite", runs))
    _run("refresh")
    text = _run("check", "--runs", "10", "--state", str(state), "--journal", str(tmp_path / "j"))
    assert "2 packages, 1 findings" in text
    (event,) = [event for _, event in Journal(tmp_path / "j").read()]
    assert (getattr(event, "run_id", ""), getattr(event, "package", "")) == ("r-weak", "libfoo 1.5")
    with pytest.raises(ConfigError, match="nothing is stored"):
        _run("check", "--runs", "10", "--state", str(tmp_path / "none"))


async def _store(url: str, runs: dict[str, str]) -> None:
    await migrate(url)
    engine = connect(url)
    started = [builders.started(run_id, name="libfoo", version=version) for run_id, version in runs.items()]
    await Writer(engine).write([Item(event.id, writes_of(event)) for event in started])
    await engine.dispose()


def test_check_as_json_carries_ages_and_notice(server: FeedServer) -> None:
    _run("refresh", "--no-osv")
    said = json.loads(_run("check", "libfoo-1.5", "--json"))
    assert [one["check"] for one in said["findings"]] == ["vulnerability:CVE-2024-1"]
    assert set(said["age_seconds"]) == {"nvd"}
    assert said["notice"] == NVD_NOTICE


def test_nothing_read_yet_is_said_and_blocks_nothing(server: FeedServer) -> None:
    assert "no feed has been read yet" in _run("check", "openssl=1.0")
    assert "no feed has been read yet" in _run("status")


def test_bundle_that_is_not_there_is_one_sentence(server: FeedServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give the path"):
        _run("import", str(tmp_path / "none.zip"))


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("openssl=1.0.2k", "openssl", "1.0.2k"),
        ("binutils-2.42", "binutils", "2.42"),
        ("gcc-pass1-14.2.0", "gcc-pass1", "14.2.0"),
        ("linux-6.12-rc1", "linux-6.12", "rc1"),
        ("pkg:pypi/requests@2.0", "requests", "2.0"),
        ("cpe:2.3:a:gnu:gcc:12.2:*:*:*:*:*:*:*", "gcc", "12.2"),
    ],
)
def test_packages_are_read_as_people_write_them(text: str, name: str, version: str) -> None:
    package: Package = package_of(text)
    if text == "linux-6.12-rc1":
        assert (package.name, package.version) == ("linux", "6.12-rc1")
    else:
        assert (package.name, package.version) == (name, version)


def test_what_is_no_package_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="write name=version"):
        package_of("openssl")
