"""`buildcast summary`: figures that were counted by hand, and the same report in three forms."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from agents.store import tables
from agents.store.database import connect, migrate
from agents.store.rows import writes_of
from agents.store.writer import Item, Writer
from buildcast.commands.summary import Format, since_of, summary
from buildcast.summary import Section, accuracy, alert_outcomes, minutes_saved, sections
from buildcast.summary_rows import gather
from buildcast.summary_text import as_html, as_markdown
from streams.errors import ConfigError
from tests import builders
from tests.builders import T0


def _outcome(outcome: str, at: float, first: float | None = 0.5, last: float | None = 0.5) -> dict[str, Any]:
    return {"outcome": outcome, "known_at": at, "first_risk": first, "last_risk": last, "project": "p"}


def _alert(run_id: str, raised_at: float, outcome: str | None = None, verdict: str | None = None) -> dict[str, Any]:
    known = None if outcome is None else 600.0
    return {"run_id": run_id, "raised_at": raised_at, "outcome": outcome, "verdict": verdict, "started_at": 0.0,
            "known_at": known}  # fmt: skip


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder whose database has seen one event of every kind."""
    monkeypatch.delenv("BUILDCAST_DATABASE", raising=False)

    async def fill() -> None:
        url = f"sqlite+aiosqlite:///{tmp_path}/buildcast.sqlite"
        await migrate(url)
        engine = connect(url)
        try:
            await Writer(engine).write([Item(event.id, writes_of(event)) for event in builders.one_of_each()])
        finally:
            await engine.dispose()

    asyncio.run(fill())
    return tmp_path


def test_losses_are_those_of_the_period_beside_baselines_that_were_warmed_up() -> None:
    early = [_outcome("failure", float(number)) for number in range(50)]
    found = accuracy([*early, _outcome("failure", 100.0, 0.9, 0.8), _outcome("success", 101.0, 0.2, 0.1)], 100.0)
    labels, loss, brier = found["first"]
    assert labels == 2
    assert loss == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2)
    assert brier == pytest.approx((0.01 + 0.04) / 2)
    assert found["last"][2] == pytest.approx((0.04 + 0.01) / 2)
    assert found["last_outcome"][1] == pytest.approx(-(math.log(0.95) + math.log(0.05)) / 2)


def test_cancelled_runs_and_runs_without_forecasts_are_no_labels() -> None:
    assert accuracy([_outcome("cancel", 1.0), _outcome("failure", 2.0, None, None)], 0.0) == {}


def test_alerts_save_what_failing_runs_went_on_and_lose_what_was_done() -> None:
    alerts = [
        _alert("right", 60.0, "failure"),
        _alert("right", 300.0, "failure"),  # the first of a run counts
        _alert("wrong", 120.0, "success"),
        _alert("flaky", 10.0, "failure", "flaky"),
        _alert("running", 10.0),
    ]
    assert minutes_saved(alerts) == (9.0, 2.0)
    assert alert_outcomes(alerts) == {"right": 2, "wrong": 1, "excused": 1, "pending": 1}


def test_every_section_tells_what_the_database_holds(state: Path) -> None:
    found = asyncio.run(gather(f"sqlite+aiosqlite:///{state}/buildcast.sqlite", T0 - 60, T0 + 3600))
    told = {section.title: section for section in sections(found, T0 - 60)}
    assert ("forecasts", "1") in told["Capabilities in use"].rows
    assert ("restated labels", "1") in told["Capabilities in use"].rows
    assert ("first forecast", "1", f"{-math.log(0.2):.4f}", "0.6400") in told["Accuracy against baselines"].rows
    assert ("share of 1 durations within their 95 % interval", "1.000") in told["Calibration"].rows
    assert ("by 1 advices that were followed", "0.9") in told["Minutes saved"].rows
    assert ("excused", "1") in told["Alerts and their outcomes"].rows
    whats = [row[1] for row in told["Model history"].rows]
    assert sorted(whats) == ["drift", "promoted", "rolled-back", "training success"]
    assert ("weaknesses of hosts", "0", "1", "0", "0") in told["Security: open now"].rows


@pytest.mark.mysql
def test_a_server_tells_the_same_as_a_file(state: Path, mariadb: str) -> None:
    async def fill() -> None:
        await migrate(mariadb)
        engine = connect(mariadb)
        try:
            async with engine.begin() as connection:
                for table in tables.metadata.sorted_tables:
                    await connection.execute(delete(table))
            await Writer(engine).write([Item(event.id, writes_of(event)) for event in builders.one_of_each()])
        finally:
            await engine.dispose()

    asyncio.run(fill())
    urls = (f"sqlite+aiosqlite:///{state}/buildcast.sqlite", mariadb)
    file, server = (sections(asyncio.run(gather(url, T0 - 60, T0 + 3600)), T0 - 60) for url in urls)
    assert file == server


def test_a_period_without_anything_says_so(state: Path) -> None:
    found = asyncio.run(gather(f"sqlite+aiosqlite:///{state}/buildcast.sqlite", T0 + 86_400, T0 + 90_000))
    told = {section.title: section for section in sections(found, T0 + 86_400)}
    assert ("forecasts", "none in this period") in told["Capabilities in use"].rows
    assert told["Accuracy against baselines"].note == "No run of the period has both forecasts and a label."
    assert told["Model history"].note == "The models did not change."
    assert told["Alerts and their outcomes"].note == "None is judged yet."


@pytest.mark.parametrize("format_", list(Format))
def test_all_forms_tell_the_same(state: Path, capsys: pytest.CaptureFixture[str], format_: Format) -> None:
    summary("2020-01-01", format_, state)
    said = capsys.readouterr().out
    for wanted in ("Accuracy against baselines", "Minutes saved", "first forecast", "Security: open now"):
        assert wanted in said


def test_a_file_is_written_whole(state: Path, tmp_path: Path) -> None:
    summary("2020-01-01", Format.HTML, state, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert text.startswith("<!doctype html>")
    assert "src=" not in text
    assert "href=" not in text
    with pytest.raises(ConfigError, match="cannot be written"):
        summary("2020-01-01", Format.MARKDOWN, state, tmp_path / "no" / "folder.md")


def test_what_comes_from_outside_is_escaped() -> None:
    section = Section("t", ("a",), [("<script>alert(1)</script> | [x]",)], "<b>")
    assert "<script>" not in as_html("<i>", [section]) + as_markdown("t", [section])
    assert "\\|" in as_markdown("t", [section])
    assert "<b>" not in as_html("t", [section])


@pytest.mark.parametrize(
    ("text", "begin"), [("24h", 913_600.0), ("1w", 395_200.0), ("1970-01-03", 172_800.0), ("99999d", 0.0)]
)
def test_periods_are_read_as_people_write_them(text: str, begin: float) -> None:
    assert since_of(text, 1_000_000.0) == begin


@pytest.mark.parametrize(("text", "said"), [("soon", "write it as 7d"), ("2300-01-01", "in the future")])
def test_other_periods_are_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        since_of(text, 1_000_000.0)


def test_without_a_database_one_sentence_says_where_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is stored"):
        summary("7d", Format.TERMINAL, tmp_path)
