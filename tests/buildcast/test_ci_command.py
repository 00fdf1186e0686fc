"""`buildcast ci pull` as a person meets it: against a local server, into the spool or a state folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from buildcast.commands.ci import ci
from collectors.spool import Spool
from streams.codec import decode
from streams.errors import ConfigError, Unavailable
from tests.collectors.ci.systems import CiServer, answer, job, run, serving

RUNS = "/repos/o/r/actions/runs"


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[CiServer]:
    began, ended = ((datetime.now(UTC) - timedelta(hours=h)).strftime("%Y-%m-%dT%H:%M:%SZ") for h in (3, 2))
    lists = {RUNS: ("workflow_runs", [run(1, began)]), f"{RUNS}/1/jobs": ("jobs", [job(11, 1, began, ended)])}
    with serving(CiServer(lists)) as served:
        monkeypatch.setenv("BUILDCAST_CI_NETWORKS", '["127.0.0.0/8"]')
        monkeypatch.setenv("BUILDCAST_GITHUB_TOKEN", "s3cret")
        monkeypatch.setenv("BUILDCAST_BOOTSTRAP", "127.0.0.1:9")
        yield served


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(ci, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    assert "s3cret" not in result.output
    return result.output


def _ids(state: Path) -> list[str]:
    return [decode(one.payload).id for one in Spool(state / "spool").waiting(1000)]


def test_jobs_wait_in_the_spool_and_are_pulled_once(system: CiServer, tmp_path: Path) -> None:
    arguments = ("pull", "github", "o/r", "--url", system.address, "--state", str(tmp_path))
    assert "5 events of 1 runs or pipelines; they wait in" in _run(*arguments)
    found = _ids(tmp_path)
    assert {"github/o/r/11/queued", "github/o/r/11/started", "github/o/r/11/finished"} <= {*found}
    assert "0 events of 0 runs" in _run(*arguments)
    assert _ids(tmp_path) == found
    assert system.tokens == {"Bearer s3cret"}


def test_a_pull_that_is_cut_short_goes_on_from_there(system: CiServer, tmp_path: Path) -> None:
    arguments = ("pull", "github", "o/r", "--url", system.address, "--state", str(tmp_path))
    system.faults.append(answer(429, {"Retry-After": "7200"}))
    with pytest.raises(Unavailable, match="limits the rate"):
        _run(*arguments)
    assert "5 events" in _run(*arguments)


def test_a_server_that_may_not_be_reached_is_told(
    system: CiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streams.errors import Rejected

    monkeypatch.setenv("BUILDCAST_CI_NETWORKS", "[]")
    with pytest.raises(Rejected, match="not a public address"):
        _run("pull", "gitlab", "7", "--url", system.address, "--state", str(tmp_path))


def test_without_any_secret_nothing_is_received(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="BUILDCAST_WEBHOOK_SECRET_GITHUB"):
        _run("receive", "--state", str(tmp_path))
