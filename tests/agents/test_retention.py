"""Old rows go in batches and stay as daily rows, the same on SQLite and on a real MariaDB."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store import tables
from agents.store.retention import RetentionSettings, retain, rollup, sweeps

DAY = 86_400.0
NOW = 20_000 * DAY + 3_600.0  # an hour after a UTC midnight


@pytest.fixture
def engine(empty_database: AsyncEngine) -> AsyncEngine:
    """An empty migrated database of each kind."""
    return empty_database


async def _outcome(engine: AsyncEngine, run_id: str, age_days: float, outcome: str = "success", **other: Any) -> None:
    at = NOW - age_days * DAY
    row = {
        "run_id": run_id, "project": "p", "name": "gcc", "outcome": outcome, "started_at": at - 60.0, "known_at": at,
        "seconds": 60.0, "error_class": "", "first_risk": 0.5, "last_risk": 0.25, "checkpoints": 3, "body": "{}",
    }  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(insert(tables.outcomes), [row | other])


async def _predictions(engine: AsyncEngine, count: int, age_days: float) -> None:
    rows = [
        {"id": f"{age_days}-{number}", "run_id": "r", "time": NOW - age_days * DAY, "elapsed_seconds": 1.0,
         "trigger_kind": "start", "risk": 0.1, "risk_lower": 0.0, "risk_upper": 0.2, "confidence": 1.0,
         "variance": 0.0, "anomaly_score": 0.0, "model_config": "c", "model_offset": number, "body": "{}"}
        for number in range(count)
    ]  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(insert(tables.predictions), rows)


async def _count(engine: AsyncEngine, table: Any) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


async def _daily(engine: AsyncEngine) -> list[dict[str, Any]]:
    t = tables.daily_outcomes
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(select(t).order_by(t.c.day, t.c.name))).mappings()]


async def test_whole_days_are_summed_and_today_is_not(engine: AsyncEngine) -> None:
    await _outcome(engine, "a", 1.0)
    await _outcome(engine, "b", 1.0, "failure", seconds=None, last_risk=0.75)
    await _outcome(engine, "c", 1.0, "error", first_risk=None)
    await _outcome(engine, "d", 1.0, name="glibc")
    await _outcome(engine, "today", 0.01)
    assert await rollup(engine, NOW) == 2
    gcc, glibc = await _daily(engine)
    assert gcc == {
        "day": "2024-10-03", "project": "p", "name": "gcc", "runs": 3, "failures": 2, "seconds": 120.0, "forecasts": 9,
        "scored": 2, "first_squares": 0.5, "last_squares": 0.125,
    }  # fmt: skip
    assert (glibc["name"], glibc["runs"], glibc["failures"]) == ("glibc", 1, 0)


async def test_rolled_up_again_after_a_late_outcome_it_is_the_whole_day(engine: AsyncEngine) -> None:
    await _outcome(engine, "a", 2.0)
    await rollup(engine, NOW)
    await _outcome(engine, "late", 2.0, "failure")
    for _ in range(2):
        await rollup(engine, NOW)
        assert [(row["runs"], row["failures"]) for row in await _daily(engine)] == [(2, 1)]


async def test_old_forecasts_go_in_batches_and_newer_ones_stay(engine: AsyncEngine) -> None:
    await _predictions(engine, 25, 91.0)
    await _predictions(engine, 4, 89.0)
    told: list[tuple[str, int]] = []
    gone = await retain(engine, RetentionSettings(retain_batch_rows=10), NOW, progress=lambda *step: told.append(step))
    assert gone["predictions"] == 25
    assert told == [("predictions", 10), ("predictions", 20), ("predictions", 25)]
    assert await _count(engine, tables.predictions) == 4


async def test_outcomes_that_go_stay_as_daily_rows_for_ever(engine: AsyncEngine) -> None:
    await _outcome(engine, "old", 400.0, "failure")
    await _outcome(engine, "new", 10.0)
    settings = RetentionSettings(retain_run_days=365.0)
    assert (await retain(engine, settings, NOW))["outcomes"] == 1
    assert await _count(engine, tables.outcomes) == 1
    await retain(engine, settings, NOW + DAY)
    assert [(row["runs"], row["failures"]) for row in await _daily(engine)] == [(1, 1), (1, 0)]


async def test_a_straggler_does_not_replace_a_day_whose_rows_have_gone(engine: AsyncEngine) -> None:
    for number in range(3):
        await _outcome(engine, f"old-{number}", 400.0)
    await retain(engine, RetentionSettings(retain_run_days=365.0), NOW)
    await _outcome(engine, "straggler", 400.0)
    await rollup(engine, NOW)
    assert [row["runs"] for row in await _daily(engine)] == [3]


async def test_a_day_goes_whole_or_not_at_all(engine: AsyncEngine) -> None:
    await _outcome(engine, "evening", 10.0 + 1.0 / 24)
    await _outcome(engine, "night", 10.0)
    gone = await retain(engine, RetentionSettings(retain_run_days=10.0), NOW)
    assert gone["outcomes"] == 0  # the cut is a midnight, and both are of the day that begins with it
    gone = await retain(engine, RetentionSettings(retain_run_days=9.0), NOW)
    assert gone["outcomes"] == 2


async def test_dry_run_counts_and_changes_nothing(engine: AsyncEngine) -> None:
    await _predictions(engine, 3, 100.0)
    await _outcome(engine, "old", 400.0)
    gone = await retain(engine, RetentionSettings(retain_run_days=365.0), NOW, dry_run=True)
    assert (gone["predictions"], gone["outcomes"], gone["steps"]) == (3, 1, 0)
    assert (await _count(engine, tables.predictions), await _count(engine, tables.outcomes)) == (3, 1)
    assert await _daily(engine) == []


async def test_weights_with_a_key_of_three_columns_go_too(engine: AsyncEngine) -> None:
    rows = [
        {"model_config": "c", "model_offset": offset, "member": member, "weight": 0.5, "time": NOW - age * DAY}
        for offset, age in ((1, 200.0), (2, 1.0)) for member in ("a", "b")
    ]  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(insert(tables.ensemble_weights), rows)
    assert (await retain(engine, RetentionSettings(retain_batch_rows=1), NOW))["ensemble_weights"] == 2
    assert await _count(engine, tables.ensemble_weights) == 2


def test_zero_days_keep_for_ever_and_the_audit_trail_is_never_swept() -> None:
    nothing = RetentionSettings(retain_prediction_days=0.0, retain_detail_days=0.0)
    assert sweeps(nothing, NOW) == []
    swept = {each.table.name for each in sweeps(RetentionSettings(retain_run_days=1.0), NOW)}
    assert swept.isdisjoint({"audit", "model_versions", "training_runs", "daily_outcomes", "findings"})
